"""The till as a real process: over real HTTP, and killed at any instant without losing what it answered."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from werkzeug.serving import make_server

from ledger_service.bootstrap.http import application
from ledger_service.kernel.secp256k1 import address_of_key, address_text
from ledger_service.till.folder import Enrolment, Folder
from tests.api.service import GROCER_STORE, basket

from .stand import Stand

ROUNDS = 8
COMMAND = [sys.executable, "-m", "ledger_service", "till"]
LINES = basket()["lines"]


@dataclass
class Sniper:
    """The service, which kills its client when the ``at``-th request from now comes, and answers it then."""

    app: Any
    pid: int = 0
    at: int = 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.at -= 1
        if self.at == 0:
            os.kill(self.pid, signal.SIGKILL)
        return self.app(environ, start_response)


@contextmanager
def served(stand: Stand, sniper: Sniper | None = None) -> Iterator[str]:
    """The service on a free port of the loopback interface."""
    app = sniper or application(stand.shop.serving)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(folder: Path, name: str, *more: str, lines: Any = ()) -> list[dict[str, Any]]:
    given = "".join(json.dumps(line) + "\n" for line in lines)
    command = [*COMMAND, name, "--folder", str(folder), *more]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_enrol_sell_be_cut_off_and_synchronise_over_http(stand: Stand, tmp_path: Path) -> None:
    member, folder = stand.member(), tmp_path / "real"
    for name, who in (("api", "grocer-till"), ("merchant", "grocer")):
        (tmp_path / name).write_text(stand.shop.keys[who])
    sale = {"lines": LINES, "member": {"number": member["number"]}}
    with served(stand) as url:
        given = ("--url", url, "--api-key", str(tmp_path / "api"), "--store", GROCER_STORE)
        enrolled = run(folder, "enrol", *given, "--merchant-key", str(tmp_path / "merchant"))[0]
        assert enrolled["state"] == "enrolled"
        broken = run(folder, "sale", lines=[{**sale, "key": "a"}, {"lines": 1}])
        assert [a["state"] for a in broken] == ["certain", "refused"]
    alone = run(folder, "sale", lines=[{**sale, "key": "b"}, {**sale, "key": "a"}])
    assert [a["state"] for a in alone] == ["waiting", "certain"]
    assert run(folder, "sync")[0]["state"] == "offline"
    with served(stand) as url:
        moved = Folder(folder).enrolment()
        Folder(folder).enrol(Enrolment(**{**_fields(moved), "url": url}))
        assert run(folder, "sync")[0]["certain"] == 1
        status = run(folder, "status")[0]
    assert (status["sales"]["certain"], status["sales"]["queued"]) == (2, 0)
    # The service lives in its replay of 2017: this machine's wall clock is years off, and does not matter.
    assert status["clock_trusted"] and status["clock_wrong"]
    assert run(folder, "allowance")[0]["allowance_left_micros"] == 5_000_000
    assert stand.balance(member) == 1_200


def test_kill_9_at_every_request_of_a_sync_books_every_sale_once(stand: Stand) -> None:
    member, folder = stand.member(), stand.folder.path
    sniper = Sniper(application(stand.shop.serving))
    with served(stand, sniper) as url:
        stand.folder.enrol(Enrolment(**{**_fields(stand.enrolment), "url": url}))
        stand.line.state = "deaf"
        stand.earn(member)  # an attempt whose answer was lost is asked for first
        stand.alone()
        for _ in range(3):
            stand.earn(member)
        for request in (1, 2, 3, 3):
            process = subprocess.Popen([*COMMAND, "sync", "--folder", str(folder)], stdout=subprocess.PIPE)
            sniper.pid, sniper.at = process.pid, request
            process.communicate()
            assert process.returncode == -signal.SIGKILL
        assert run(folder, "sync")[0]["state"] == "synchronised"
        assert run(folder, "status")[0]["sales"]["certain"] == 4
    assert stand.balance(member) == 1_400


def _fields(enrolment: Enrolment) -> dict[str, Any]:
    return {name: getattr(enrolment, name) for name in Enrolment.__dataclass_fields__}


def test_kill_9_at_any_instant_loses_no_sale_that_was_answered(tmp_path: Path) -> None:
    random, folder = Random(4), Folder(tmp_path / "till")
    address = address_text(address_of_key(folder.key()))
    folder.enrol(Enrolment("http://127.0.0.1:9", "alk", "t1", GROCER_STORE, "USD", 31337, address, address))
    answered: list[str] = []
    for turn in range(ROUNDS):
        answered += _killed(folder.path, turn, random.randrange(1, 12))
    with closing(sqlite3.connect(folder.book)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = {key for (key,) in conn.execute("SELECT key FROM sale WHERE state = 'queued'")}
    assert len(answered) >= ROUNDS
    assert set(answered) <= kept


def _killed(folder: Path, turn: int, after: int) -> list[str]:
    """Feed sales without a pause, kill the process the moment it has answered so many; what it answered."""
    command = [*COMMAND, "sale", "--folder", str(folder), "--offline"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(40):
        process.stdin.write(json.dumps({"key": f"{turn}-{number}", "lines": LINES}) + "\n")
    process.stdin.flush()
    told = [json.loads(process.stdout.readline()) for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    rest, _ = process.communicate()
    told += [json.loads(line) for line in rest.splitlines() if line.endswith("}")]
    assert {answer["state"] for answer in told} == {"waiting"}
    return [answer["key"] for answer in told]
