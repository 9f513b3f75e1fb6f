"""What a case plays with: the till behind its wire, the merchant's books, members, and a list of findings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ledger_service.certify.driver import Driver
from ledger_service.certify.failures import DriverGone
from ledger_service.certify.merchant import Merchant, Terminal
from ledger_service.certify.proxy import Seen, Wire
from ledger_service.certify.sandbox import Sandbox, in_days
from ledger_service.certify.shoppers import Shopper, enrol, enrol_without_phone
from ledger_service.kernel.clock import format_instant, parse_instant, seconds_floor

ALLOWANCE_MINOR = 1_000
TIMEOUT_MILLIS = 2_500
_SYNCS = 6
SALES, UPLOADS, REVOKE = "/v1/sales", "/v1/offline-sales", "/v1/pay-codes/revoke"
SOLD, WAITING, REFUSED = "sold", "waiting", "refused"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a case demands, and what was seen."""

    what: str
    expected: Any
    seen: Any

    @property
    def good(self) -> bool:
        """Whether they are the same."""
        return bool(self.expected == self.seen)


@dataclass
class Stage:
    """One case's till, fresh and enrolled, with its own terminal."""

    name: str
    sandbox: Sandbox
    merchant: Merchant
    wire: Wire
    driver: Driver
    terminal: Terminal
    clerk: Terminal
    run: str
    checks: list[Check] = field(default_factory=list)
    _members: int = 0

    # What is demanded

    def expect(self, what: str, expected: Any, seen: Any) -> None:
        """The case demands that both are the same."""
        self.checks.append(Check(what, expected, seen))

    def expect_true(self, what: str, seen: object) -> None:
        """The case demands it."""
        self.expect(what, True, bool(seen))

    # What the till is asked to do

    def begin(self, url: str, allowance_minor: int = ALLOWANCE_MINOR) -> None:
        """The till is enrolled, trusted and has its allowance."""
        self.set_clock(0)
        told = self.driver.ask(
            "start", url=url, api_key=self.terminal.api_key, terminal=self.terminal.terminal,
            store=self.merchant.store, currency=self.sandbox.currency, timeout_millis=TIMEOUT_MILLIS,
        )  # fmt: skip
        self.merchant.trust(self.terminal, str(told.get("till_key")))
        if allowance_minor:
            self.merchant.allow(self.terminal, allowance_minor)
        self.sync()
        self.wire.calm()

    def set_clock(self, off_seconds: int) -> None:
        """The till's wall clock is off by so many seconds from the service's."""
        at = self.now() + timedelta(seconds=off_seconds)
        self.driver.ask("clock", now=format_instant(at))

    def sell(self, ticket: str, minor: int = 1_000, **more: Any) -> dict[str, Any]:
        """The cashier sells one line under a ticket."""
        lines = more.pop("lines", None) or [line("1", minor)]
        return self.driver.ask("sale", ticket=ticket, lines=lines, **more)

    def refund(self, ticket: str, of: str, **more: Any) -> dict[str, Any]:
        """Goods of a ticket come back."""
        return self.driver.ask("refund", ticket=ticket, of=of, **more)

    def sync(self) -> dict[str, Any]:
        """The till settles what it can, as it would by its own timer; again until it settles no more."""
        told: dict[str, Any] = {}
        for _ in range(_SYNCS):
            told = self.driver.ask("sync")
            if not told.get("queued"):
                break
            if self.wire.up and told.get("state") != "offline":
                break
        return told

    def kill(self) -> None:
        """The till's machine loses its power."""
        self.driver.kill()

    def into_the_void(self, what: str, **more: Any) -> dict[str, Any] | None:
        """Ask a till that is to die before it answers; what it said all the same."""
        try:
            return self.driver.ask(what, **more)
        except DriverGone:
            return None

    def sell_into_the_void(self, ticket: str, minor: int) -> dict[str, Any] | None:
        """Sell at a till that is to die before it answers."""
        return self.into_the_void("sale", ticket=ticket, lines=[line("1", minor)])

    def restart(self, off_seconds: int = 0) -> None:
        """The till's machine was switched off and on again, and its wall clock is off by so much."""
        at = self.now() + timedelta(seconds=off_seconds)
        self.driver.ask("clock", now=format_instant(at), rebooted=True)

    def wait(self, seconds: int) -> None:
        """So long passes on the service's clock and on the till's wall."""
        self.sandbox.move_to(self.now() + timedelta(seconds=seconds))
        self.set_clock(0)

    def pass_days(self, days: int) -> None:
        """The till is switched off for so many days."""
        for day in in_days(self.now(), days):
            self.sandbox.move_to(day)
        self.restart()

    # The world

    def now(self) -> datetime:
        """The service's clock."""
        return self.sandbox.now(self.clerk.api_key)

    def shopper(self, points: int = 500) -> Shopper:
        """A member with points, earned at another till."""
        self._members += 1
        made = enrol(self.sandbox, f"{self.run}|{self.name}|{self._members}", self.now())
        self.give_points(made.number, points)
        return made

    def shopper_without_phone(self, points: int = 500) -> tuple[Shopper, str]:
        """A member whose key is in custody, with points, and its telephone number."""
        self._members += 1
        made, phone = enrol_without_phone(self.sandbox, f"{self.run}|{self.name}|{self._members}")
        self.give_points(made.number, points)
        return made, phone

    def give_points(self, number: str, points: int) -> None:
        """A member, or a household, earns so many points at another till."""
        if not points:
            return
        body = {
            "store": self.merchant.store, "currency": self.sandbox.currency,
            "reference": f"{self.name} points", "lines": [line("1", points * 100)],
            "member": {"number": number},
        }  # fmt: skip
        self.sandbox.office.post(self.clerk.api_key, SALES, body)

    # What was seen

    def ticket(self, name: str = "t") -> str:
        """A ticket that no other case has."""
        return f"{self.run}.{self.name[:44]}.{name}"

    def booked(self, ticket: str) -> list[dict[str, Any]]:
        """The service's sales of a ticket."""
        return self.merchant.booked(ticket, self.now())

    def refunded(self, sale_id: str) -> int:
        """What was refunded of a sale so far, in minor units."""
        sale = self.sandbox.office.get(self.clerk.api_key, f"{SALES}/{sale_id}")
        return sum(one["refunded_minor"] for one in sale.get("refunds", []))

    def attempts(self, ticket: str) -> list[tuple[str, str]]:
        """(key, what was sold) of every time the till sent the ticket, online or in a batch."""
        found: list[tuple[str, str]] = []
        for seen in self.wire.seen:
            if seen.request.method != "POST":
                continue
            body = body_of(seen)
            if seen.request.path == SALES and body.get("reference") == ticket:
                found.append((seen.request.header("idempotency-key"), seen.request.body.decode()))
            elif seen.request.path == UPLOADS:
                found += [
                    (str(item.get("key")), json.dumps(item, sort_keys=True))
                    for item in body.get("sales", [])
                    if isinstance(item, dict) and item.get("sale", {}).get("reference") == ticket
                ]
        return found

    def requests(self, prefix: str) -> list[Seen]:
        """Everything that the till sent to a path, in order."""
        return [seen for seen in self.wire.seen if seen.request.path.startswith(prefix)]


def seconds_of(text: str) -> int:
    """An instant that the service tells, in seconds."""
    return seconds_floor(parse_instant(text, "instant"))


def line(name: str, minor: int, quantity: int = 1, category: str = "GROCERY") -> dict[str, Any]:
    """One line of a basket."""
    return {"line": name, "category": category, "quantity": quantity, "amount_minor": minor}


def body_of(seen: Seen) -> dict[str, Any]:
    """The JSON object that was sent; empty where there is none."""
    try:
        found = json.loads(seen.request.body) if seen.request.body else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def expect_once(stage: Stage, ticket: str, *, key_too: bool = True) -> dict[str, Any]:
    """A ticket is booked once, whatever happened, and was always sent under one key; returns the sale."""
    found = stage.booked(ticket)
    stage.expect(f"sales booked under {short(ticket)}", 1, len(found))
    if key_too:
        keys = {key for key, _ in stage.attempts(ticket)}
        stage.expect(f"keys under which {short(ticket)} was sent", 1, len(keys))
    return found[0] if found else {}


def short(ticket: str) -> str:
    """The last part of a ticket."""
    return f"ticket {ticket.rpartition('.')[2]}"
