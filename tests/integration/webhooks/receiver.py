"""A merchant's own server: takes messages, checks their signatures, and is away or out of humour as told."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Receiver:
    """What came, in its order; ``answer`` decides by the message what is said."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.raw: list[bytes] = []
        self.refuse: dict[str, int] = {}
        self.status = 204
        self.tries = 0

    def answer(self, headers: dict[str, str], body: bytes) -> int:
        self.tries += 1
        message = json.loads(body)
        member = (message["data"].get("member") or {}).get("number") or ""
        status = self.refuse.get(member, self.status)
        if status < 300:
            self.taken.append(message)
            self.ids.append(headers["webhook-id"])
            self.headers.append(headers)
            self.raw.append(body)
        return status

    def kinds(self) -> list[str]:
        return [message["type"] for message in self.taken]


def signed_by(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it."""
    key = b64decode(secret.removeprefix("whsec_"))
    told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + b64encode(hmac.digest(key, told, "sha256")).decode()
    return wanted in headers["webhook-signature"].split(" ")


@contextmanager
def serving(receiver: Receiver) -> Iterator[str]:
    """The receiver over HTTP on this machine; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.answer(headers, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hooks"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
