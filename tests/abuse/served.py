"""The service as it is started for real, `alliance serve` beside its signing process, and sockets to it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger_service.db.engine import open_database
from ledger_service.db.schema import migrate
from ledger_service.demo.processes import Command, Fleet, accepts, free_port
from tests.api.service import Shop, open_shop

_ALLIANCE = (sys.executable, "-m", "ledger_service")


@dataclass(frozen=True)
class Answer:
    """One HTTP response: status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The problem code."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem = json.loads(self.body)
        assert problem["status"] == self.status
        assert problem["type"] == f"/problems/{problem['code']}"
        return str(problem["code"])


@dataclass(frozen=True)
class Served:
    """A running service and the keys of its founders."""

    port: int
    shop: Shop
    folder: Path
    fleet: Fleet

    def connect(self, seconds: float = 20) -> socket.socket:
        """A plain connection; reading from it fails after so many seconds."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def head(self, method: str, path: str, who: str = "", **more: str) -> bytes:
        """The head of a request with the headers that a well-behaved client sends."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        if who:
            lines.append(f"Authorization: Bearer {self.shop.keys.get(who, who)}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def write(self, path: str, who: str, key: str, length: int | None, **more: str) -> bytes:
        """The head of a write whose body has so many bytes, or comes in chunks."""
        framed = {"Transfer_Encoding": "chunked"} if length is None else {"Content_Length": str(length)}
        fixed = {"Content_Type": "application/json", "Idempotency_Key": key, "Alliance_Time": self.shop.at}
        return self.head("POST", path, who, **fixed, **framed, **more)

    def get(self, path: str, who: str = "", **more: str) -> Answer:
        """One GET on a connection of its own."""
        with closing(self.connect()) as line:
            line.sendall(self.head("GET", path, who, Connection="close", **more))
            return answer_on(line)

    def post(self, path: str, who: str, body: Any, key: str) -> Answer:
        """One POST of a JSON body on a connection of its own."""
        raw = json.dumps(body).encode()
        with closing(self.connect()) as line:
            line.sendall(self.write(path, who, key, len(raw), Connection="close") + raw)
            return answer_on(line)


def answer_on(line: socket.socket) -> Answer:
    """The next response on a connection.

    Raises:
        TimeoutError: nothing came in the connection's time.
        ConnectionError: it ended before a whole response.
    """
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _some(line)
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    while len(body) < int(headers.get("content-length", "0")):
        body += _some(line)
    return Answer(int(first.split()[1]), headers, body)


def _some(line: socket.socket) -> bytes:
    piece = line.recv(65_536)
    if not piece:
        raise ConnectionError("ended by the service")
    return piece


def found_shop(folder: Path) -> Shop:
    """An alliance in a migrated SQLite file, with keys of every role; nothing serves it yet."""
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    migrate(database)
    shop = open_shop(database, folder)
    number = shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    shop.keys["member"] = shop.key_for("member", number)
    shop.serving.close()
    return shop


@contextmanager
def serve(folder: Path, shop: Shop, **settings: str) -> Iterator[Served]:
    """`alliance signer serve` and `alliance serve` over the founded database, until the block ends."""
    port = free_port()
    given = {"ALLIANCE_STATE_DIR": str(folder), "ALLIANCE_REPLAY": "1", "ALLIANCE_HTTP_PORT": str(port),
             "ALLIANCE_LOG_LEVEL": "warning", "PYTHONPATH": os.getcwd()} | settings  # fmt: skip
    signer = folder / "signer.sock"
    with Fleet(folder / "log") as fleet:
        fleet.start(Command("signer", (*_ALLIANCE, "signer", "serve"), given, signer.exists))
        fleet.start(Command("serve", (*_ALLIANCE, "serve"), given, lambda: accepts(port)))
        served = Served(port, shop, folder, fleet)
        _until_ready(served)
        yield served


def _until_ready(served: Served) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if served.get("/healthz").status == 200:
                return
        except OSError:
            served.fleet.watch()
        assert time.monotonic() < deadline, "the service does not answer"
        time.sleep(0.05)
