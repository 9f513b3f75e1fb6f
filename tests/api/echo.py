"""Routes made for tests of the door, and the application around them."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Record, Text
from ledger_service.kernel.errors import Category, DomainError
from tests.api.fakes import Parts, write

DONE = Success(200, "Done.")
BODY = Record({"name": Text(20), "amount": Integer(1, 1000)}, {"tags": Listing(Text(5), 3)})


@dataclass(eq=False)
class Throttle(DomainError):
    retry_after_seconds: int

    code = "test-throttle"
    category = Category.UNAVAILABLE
    why = "A test says so."
    fix = "None."


def echo(call: Call) -> Reply:
    return Reply(
        {"body": call.body.fields, "at": call.at.isoformat(), "key": call.key, "query": dict(call.query)}
    )


def broken(_call: Call) -> Reply:
    raise ZeroDivisionError("the secret of Jane Doe")


def refused(_call: Call) -> Reply:
    raise Throttle(7)


ROUTES = [
    Served(Route("POST", "/echo", "echo", scopes("sell"), "Echo", DONE, "t", BODY, write=True), echo),
    Served(
        Route("POST", "/things/<gln>", "thing", scopes("sell"), "Echo", DONE, "t", BODY, write=True), echo
    ),
    Served(Route("GET", "/open", "open", PUBLIC, "Open", DONE, "t", personal=False), echo),
    Served(Route("GET", "/broken", "broken", PUBLIC, "Broken", DONE, "t"), broken),
    Served(Route("GET", "/refused", "refused", PUBLIC, "Refused", DONE, "t"), refused),
]


def post(parts: Parts, raw: bytes, path: str = "/echo", **headers: str):
    return parts.app(ROUTES).test_client().post(path, data=raw, headers=write() | headers)


GOOD = b'{"name": "a", "amount": 5}'
