"""The sandbox in which tills are certified: founded for one certification, or one that stands already."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from ledger_service.certify.failures import CertificationFailed
from ledger_service.certify.machine import Machine
from ledger_service.certify.wire import Office
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.eip712 import Domain

HOST = "127.0.0.1"
_ALLIANCE = (sys.executable, "-m", "ledger_service")
_PATIENCE_SECONDS = 90.0
_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A service on the replay clock, and the operator's key; ``machine`` is None where it runs elsewhere."""

    office: Office
    operator_key: str
    domain: Domain
    currency: str
    receipt_signer: bytes
    machine: Machine | None = None

    def now(self, key: str = "") -> datetime:
        """The service's clock; ``key`` is that of any terminal."""
        return parse_instant(self.office.get(key, "/v1/offline-allowance")["issued_at"], "issued_at")

    def move_to(self, at: datetime) -> None:
        """The service's clock stands there, a day at a time so that its jobs keep up."""
        headers = {"Alliance-Time": format_instant(at)}
        self.office.get(self.operator_key, "/v1/programmes", **headers)


@contextmanager
def founded(state: Path) -> Iterator[Sandbox]:
    """Signer, chain, bridge and service run as processes of their own until the block ends.

    Raises:
        CertificationFailed: one of them did not come up.
    """
    state.mkdir(parents=True, exist_ok=True)
    port, chain_port = _free_port(), _free_port()
    settings = {
        "ALLIANCE_STATE_DIR": str(state), "ALLIANCE_REPLAY": "1", "ALLIANCE_HTTP_PORT": str(port),
        "ALLIANCE_CHAIN_PORT": str(chain_port), "ALLIANCE_CHAIN_URL": f"http://{HOST}:{chain_port}",
        "ALLIANCE_JOBS_SECONDS": "1", "ALLIANCE_LOG_LEVEL": "warning", "ALLIANCE_BATCH_LINGER_MILLIS": "0",
        "ALLIANCE_MESSAGES": f"file:{state / 'messages'}",
    }  # fmt: skip
    machine = Machine(tuple(_with(settings)), state)
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str, ready: Callable[[str], bool]) -> None:
        log = state / f"{name}.log"
        with log.open("wb") as out:
            running.append(
                subprocess.Popen([*machine.command, *arguments],  stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=out, start_new_session=True)
            )  # fmt: skip
        _until(lambda: ready(log.read_text(errors="replace")), f"{name}: {log}", running[-1])

    try:
        machine.run("signer", "init", "--if-missing")
        start("signer", "signer", "serve", ready=lambda said: "signing on" in said)
        start("chain", "chain", ready=lambda _: _accepts(chain_port))
        begins = datetime.now(UTC).replace(microsecond=0)
        machine.run("setup", "--name", "Certification", "--at", format_instant(begins))
        start("bridge", "bridge", ready=lambda said: "bridge works" in said)
        start("serve", "serve", ready=lambda _: _accepts(port))
        key = (state / "operator.key").read_text(encoding="ascii").strip()
        yield replace(standing(f"http://{HOST}:{port}", key), machine=machine)
    finally:
        for process in reversed(running):
            _stop(process)


def standing(url: str, operator_key: str) -> Sandbox:
    """A sandbox that runs already.

    Raises:
        CertificationFailed: it does not answer, or its clock cannot be moved.
    """
    parts = urlsplit(url)
    office = Office(parts.hostname or HOST, parts.port or 80, f"certify.{os.urandom(6).hex()}")
    facts = office.get("", "/v1/alliance")
    if not facts.get("replay"):
        raise CertificationFailed("this is no sandbox: its clock cannot be moved (docs/sandbox.md)")
    domain = Domain(facts["chain_id"], bytes.fromhex(facts["clearing_house"][2:]))
    signer = bytes.fromhex(facts["receipt_signer"][2:])
    return Sandbox(office, operator_key, domain, facts["currency"], signer)


def in_days(at: datetime, days: int) -> list[datetime]:
    """The stops on the way to so many days later."""
    return [at + timedelta(days=day) for day in range(1, days + 1)]


def _with(settings: dict[str, str]) -> list[str]:
    return ["/usr/bin/env", *(f"{name}={value}" for name, value in settings.items()), *_ALLIANCE]


def _until(ready: Callable[[], bool], otherwise: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise CertificationFailed(f"it did not come up, see {otherwise}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _accepts(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) == 0


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
