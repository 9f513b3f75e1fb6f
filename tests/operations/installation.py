"""The product as real processes over a folder, and the little of the HTTP API that a drill needs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from ledger_service.bootstrap.surroundings import read_verdict
from ledger_service.chain.models import chain_leader, chain_operation
from ledger_service.config import Settings, settings_of
from ledger_service.db.engine import Database, open_database
from ledger_service.demo.processes import accepts, free_port
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.outbox.models import intent
from tests import warm
from tests.api.service import basket, programme_body

PATIENCE_SECONDS = 90
GROCER, STORE = with_check_digit("952010000000"), with_check_digit("952010000007")


@dataclass
class Installation:
    """Signer, chain, bridges and service of one alliance.

    Args:
        state: its folder.
        environment: added to the settings of its processes.
        programme: added to what its programme is created as.
    """

    state: Path
    environment: dict[str, str] = field(default_factory=dict)
    running: dict[str, warm.Process] = field(default_factory=dict)
    programme: dict[str, Any] = field(default_factory=dict)
    writes: int = 0

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        self.port, self.chain_port = free_port(), free_port()
        self.environment = {
            "ALLIANCE_STATE_DIR": str(self.state),
            "ALLIANCE_HTTP_PORT": str(self.port),
            "ALLIANCE_CHAIN_PORT": str(self.chain_port),
            "ALLIANCE_CHAIN_URL": f"http://127.0.0.1:{self.chain_port}",
            "ALLIANCE_BATCH_LINGER_MILLIS": "0",
            "ALLIANCE_JOBS_SECONDS": "1",
            "ALLIANCE_THREADS": "4",
            "ALLIANCE_LOG_LEVEL": "warning",
            **self.environment,
        }

    @property
    def whole_environment(self) -> dict[str, str]:
        return os.environ | self.environment

    @property
    def settings(self) -> Settings:
        return settings_of(self.environment)

    def found(self, *setup: str) -> None:
        """The alliance stands with one merchant, its programme and a till; one bridge works."""
        self.run("signer", "init")
        self.start("signer", ("signer", "serve"), lambda: "signing on" in self.log("signer"))
        self.start("chain", ("chain",), lambda: accepts(self.chain_port))
        self.run("setup", *setup)
        self.start_bridge("bridge")
        self.start("serve", ("serve",), self.serves)
        self.operator = (self.state / "operator.key").read_text().strip()
        self.must(self.operator, "/v1/merchants", {"merchant": GROCER, "name": "Grocer"})
        self.must(self.operator, "/v1/programmes", programme_body("GROC", GROCER) | self.programme)
        store = {"store": STORE, "merchant": GROCER, "name": "Grocer", "timezone": "America/New_York"}
        self.must(self.operator, "/v1/stores", store)
        till = self.must(self.operator, "/v1/terminals", {"store": STORE, "label": "till 1"})["terminal"]
        wanted = {"role": "cashier", "subject": till}
        self.till = str(self.must(self.operator, "/v1/keys", wanted)["token"])

    def run(self, *arguments: str) -> str:
        """What an `alliance` command printed; it succeeded."""
        return warm.run_command(self.environment, *arguments)

    def start(
        self, name: str, arguments: tuple[str, ...], ready: Callable[[], bool], module: str = "ledger_service"
    ) -> None:
        with (self.state / f"{name}.log").open("wb") as out:
            self.running[name] = warm.start(module, *arguments, env=self.whole_environment, out=out, err=out)
        process = self.running[name]
        wait_until(lambda: ready() or process.poll() is not None, f"{name} is not ready")
        assert process.poll() is None, self.log(name)

    def start_bridge(self, name: str) -> None:
        self.start(name, ("bridge",), lambda: "bridge works" in self.log(name))

    def log(self, name: str) -> str:
        return (self.state / f"{name}.log").read_text(errors="replace")

    def signal(self, name: str, number: signal.Signals) -> None:
        os.kill(self.running[name].pid, number)

    def kill(self, name: str) -> None:
        """kill -9 of the process and its children."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        for name in list(self.running):
            self.kill(name)

    def serves(self) -> bool:
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        raw = None if body is None else json.dumps(body)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, raw, {"Content-Type": "application/json"} | headers)
            answer = connection.getresponse()
            text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b"{") else text

    def must(self, token: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer of a write that succeeds."""
        self.writes += 1
        more = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"w{self.writes}"}
        status, answer = self.ask("POST", path, body, **more)
        assert status < 300, answer
        return dict(answer)

    def get(self, token: str, path: str) -> dict[str, Any]:
        status, answer = self.ask("GET", path, Authorization=f"Bearer {token}")
        assert status == 200, answer
        return dict(answer)

    def enrol(self) -> dict[str, Any]:
        """A member in custody, with what a phone needs to show codes of 18 digits."""
        return self.must(self.operator, "/v1/members", {"custody": "custodial"})

    def new_member(self) -> str:
        return str(self.enrol()["number"])

    def sell(self, number: str, amount: int = 10_000) -> dict[str, Any]:
        """A sale of 100 minor units per point."""
        return self.must(self.till, "/v1/sales", basket(STORE, amount, member={"number": number}))

    @contextmanager
    def database(self) -> Iterator[Database]:
        opened = open_database(self.settings.database_url)
        try:
            yield opened
        finally:
            opened.close()

    def leader(self) -> tuple[str, int]:
        """Who holds the lease, and the how-manieth reign it is."""
        with self.database() as database, database.read() as conn:
            row = conn.execute(select(chain_leader)).one()
        return str(row.holder), int(row.token)

    def leads(self, name: str) -> bool:
        """Whether the process of that name holds the lease; its holder says host, process and a number."""
        return int(self.leader()[0].split(":")[1]) == self.running[name].pid

    def drained(self) -> bool:
        """Whether every operation is final."""
        with self.database() as database, database.read() as conn:
            return set(conn.execute(select(intent.c.state).distinct()).scalars()) <= {"final"}

    def assert_sound(self) -> None:
        """Everything accepted is on the chain exactly once, and every book agrees with its other side."""
        wait_until(self.drained, "not every operation is final")
        with self.database() as database, database.snapshot() as conn:
            wanted = conn.execute(select(func.count()).select_from(intent)).scalar_one()
            mined = list(conn.execute(select(chain_operation.c.op_id)).scalars())
        assert len(mined) == len(set(mined)) == wanted
        assert "0 not on chain yet; mirror = node" in self.run("audit", "--note")
        noted = read_verdict(self.state)
        assert noted is not None
        assert noted.findings == 0


def wait_until(condition: Callable[[], bool], otherwise: str, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
