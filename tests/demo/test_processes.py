"""The processes of a run, with real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ledger_service.demo.processes import Command, Fleet, ProcessFailed, accepts, free_port

LISTEN = (
    "import os, socket, time\n"
    "s = socket.create_server(('127.0.0.1', int(os.environ['DEMO_PORT'])))\n"
    "time.sleep(60)\n"
)


def listener(port: int) -> Command:
    argv = (sys.executable, "-c", LISTEN)
    return Command("listener", argv, {"DEMO_PORT": str(port)}, lambda: accepts(port))


def test_a_process_is_ready_gets_its_settings_and_ends_with_the_fleet(tmp_path: Path) -> None:
    port = free_port()
    with Fleet(tmp_path) as fleet:
        fleet.start(listener(port))
        assert accepts(port)
        assert fleet.memory_kib() > 1_000
        assert set(fleet.memory_by_name()) == {"listener"}
    assert not accepts(port)


def test_a_process_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "raise SystemExit('no such disk')")
    with Fleet(tmp_path) as fleet, pytest.raises(ProcessFailed, match="no such disk"):
        fleet.start(Command("broken", argv, {}, lambda: False))


def test_a_process_that_is_never_ready_stops_the_run(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "import time; time.sleep(60)")
    with Fleet(tmp_path) as fleet, pytest.raises(ProcessFailed, match="is not ready"):
        fleet.start(Command("slow", argv, {}, lambda: False, deadline_seconds=1))


def test_a_process_that_ignores_the_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_service.demo.processes.STOP_SECONDS", 1)
    flag = tmp_path / "deaf"
    code = (
        f"import signal, pathlib, time; signal.signal({signal.SIGTERM.value}, signal.SIG_IGN);"
        f" pathlib.Path({str(flag)!r}).touch(); time.sleep(60)"
    )
    with Fleet(tmp_path) as fleet:
        fleet.start(Command("deaf", (sys.executable, "-c", code), {}, flag.exists))
        pids = [process.pid for process in fleet._running.values()]
        begun = time.monotonic()
    assert time.monotonic() - begun < 15
    with suppress(FileNotFoundError):
        assert "Z" in Path(f"/proc/{pids[0]}/stat").read_text()


def test_when_the_run_is_killed_its_processes_end_by_themselves(tmp_path: Path) -> None:
    port = free_port()
    run = (
        "import pathlib, sys, time\n"
        "from ledger_service.demo.processes import Command, Fleet, accepts\n"
        "fleet = Fleet(pathlib.Path(sys.argv[1]))\n"
        f"argv = (sys.executable, '-c', {LISTEN!r})\n"
        f"fleet.start(Command('listener', argv, {{'DEMO_PORT': '{port}'}}, lambda: accepts({port})))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", run, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 20
    while accepts(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not accepts(port)
