"""The product as real processes over a folder: each can be started, made to die at a named line, killed."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select, update

from ledger_service.bootstrap.auditing import Verdict, audit
from ledger_service.chain.models import chain_leader
from ledger_service.config import Settings, settings_of
from ledger_service.db.engine import Database, open_database
from ledger_service.demo.processes import accepts, free_port
from tests import warm
from tests.chain.networks import anvil_binary
from tests.crash.proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]
TETHER = ROOT / "ledger_service" / "demo" / "tether.py"
PATIENCE_SECONDS = 90
_ARGUMENTS = {"signer": ("signer", "serve")}


@dataclass
class Product:
    """One installation: signer, chain, bridge and service, the chain behind a proxy.

    Args:
        state: its folder.
        database_url: empty for SQLite in the folder.
        anvil: run Foundry's node, which forgets everything when it dies, in the place of the project's chain.
    """

    state: Path
    database_url: str = ""
    running: dict[str, subprocess.Popen[bytes] | warm.Process] = field(default_factory=dict)
    anvil: bool = False

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        self.founded = False
        self.http_port, self.chain_port = free_port(), free_port()
        self.chain_proxy, self._genesis = Proxy(self.chain_port), int(time.time()) - 5
        self.environment = {
            "ALLIANCE_STATE_DIR": str(self.state),
            "ALLIANCE_HTTP_PORT": str(self.http_port),
            "ALLIANCE_CHAIN_PORT": str(self.chain_port),
            "ALLIANCE_CHAIN_URL": f"http://127.0.0.1:{self.chain_proxy.port}",
            "ALLIANCE_BATCH_LINGER_MILLIS": "0",
            "ALLIANCE_THREADS": "8",
            "ALLIANCE_LOG_LEVEL": "warning",
        }
        if self.database_url:
            self.environment["ALLIANCE_DATABASE_URL"] = self.database_url

    @property
    def settings(self) -> Settings:
        """The settings of its processes."""
        return settings_of(self.environment)

    def found(self) -> None:
        """The alliance stands and every process is ready."""
        warm.run_command(self.environment, "signer", "init")
        for name in ("signer", "chain"):
            self.start(name)
        warm.run_command(self.environment, "setup")
        self.founded = True
        for name in ("bridge", "serve"):
            self.start(name)

    def start(self, name: str, point: str = "", passes: int = 0, *, cold: bool = False) -> float:
        """The process is ready, made to die at a point if one is named; returns the seconds that took it.

        What it stood in line for a processor is not counted: how busy the machine is says nothing of it.
        One that starts cold is no fork of the tests' warm host, and has everything yet to import.
        """
        begun = time.monotonic()
        module, arguments = "ledger_service", _ARGUMENTS.get(name, (name,))
        if point:
            self.mark.unlink(missing_ok=True)
            module, arguments = "tests.crash.victim", (point, str(passes), str(self.mark), *arguments)
        before = self.reigns()
        log, environment = self.state / f"{name}.log", os.environ | self.environment
        with log.open("ab") as out:
            if name == "chain" and self.anvil:
                self.running[name] = _cold(feeless_anvil(self.chain_port, self._genesis), out, environment)
            elif cold:
                self.running[name] = _cold([sys.executable, "-m", module, *arguments], out, environment)
            else:
                self.running[name] = warm.start(module, *arguments, env=environment, out=out, err=out)
        process = self.running[name]
        ready: dict[str, Callable[[], bool]] = {
            "signer": lambda: _answers(self.settings.signer_socket),
            "chain": lambda: accepts(self.chain_port),
            "bridge": lambda: self.reigns() > before,
            "serve": self.serves,
        }
        wait_until(lambda: ready[name]() or process.poll() is not None, f"{name} is not ready")
        assert process.poll() is None or self.mark.exists(), log.read_text()[-2000:]
        return time.monotonic() - begun - _stood_in_line(process.pid)

    def reigns(self) -> int:
        """How many bridges have led so far."""
        if not self.founded:
            return 0
        with self.database() as database, database.read() as conn:
            return int(conn.execute(select(chain_leader.c.token)).scalar() or 0)

    def lapse_lease(self) -> None:
        """A dead leader's lease has run out: the next bridge need not wait for that."""
        with self.database() as database, database.begin() as conn:
            conn.execute(update(chain_leader).values(expires_at=datetime.now(UTC)))

    @property
    def mark(self) -> Path:
        """The file that a process leaves when it dies at its point."""
        return self.state / "died"

    def wait_for_death(self, name: str) -> None:
        """The process has reached its point and is gone, its children with it."""
        process = self.running[name]
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        assert self.mark.exists()
        self.kill(name)

    def stop(self, name: str) -> None:
        """The process has ended as SIGTERM asks it to."""
        self.running[name].terminate()
        self.running[name].wait(PATIENCE_SECONDS)
        self.kill(name)

    def kill(self, name: str) -> None:
        """kill -9 of the process and its children, whether it runs or not."""
        process = self.running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        """Every process is gone."""
        for name in list(self.running):
            self.kill(name)
        self.chain_proxy.close()

    def serves(self) -> bool:
        """Whether the service says that checkouts can be served."""
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Any = None) -> Any:
        """Status, headers and body of one request on a connection of its own; raises where nobody answers."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=30)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Its database, opened from here."""
        opened = open_database(self.settings.database_url)
        try:
            yield opened
        finally:
            opened.close()

    def audit(self) -> Verdict:
        """What ``alliance audit`` says."""
        return audit(self.settings, ask_node=True)


def _stood_in_line(pid: int) -> float:
    """Seconds for which the process's first thread could have run and had no processor; 0 if none tells."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _cold(argv: list[str], out: IO[bytes], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(TETHER), str(os.getpid()), *argv], cwd=ROOT, stdout=out, stderr=out,
        env=environment, start_new_session=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def feeless_anvil(port: int, genesis: int) -> list[str]:
    """The command of a node on which gas costs nothing, as on the project's own chain."""
    fees = ["--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"]
    fixed = ["--timestamp", str(genesis), "--silent", "--gas-limit", "60000000", "--order", "fifo"]
    return [str(anvil_binary()), "-p", str(port), *fixed, *fees]


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    """The condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.03)


def _answers(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        return path.exists() and probe.connect_ex(str(path)) == 0
