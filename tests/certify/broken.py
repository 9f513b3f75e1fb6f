"""Tills that are wrong on purpose: `python -m tests.certify.broken NAME FOLDER` drives one.

Each takes the honest till and breaks one thing in it, as a vendor might without noticing.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger_service.till import codes, deeds, driving, refunding, selling, synchronising, wire
from ledger_service.till.book import Deed, State
from ledger_service.till.clocks import Contact, Reading
from ledger_service.till.driving import Drive
from ledger_service.till.folder import Folder

honest_post = wire.Service.post
honest_keep = synchronising._keep


def new_key_on_retry() -> None:
    """Makes up a key for each attempt instead of each sale, and keeps trying until somebody answers."""

    def post(self: wire.Service, path: str, body: bytes, key: str | None = None) -> wire.Answer:
        last: Exception | None = None
        for _ in range(3):
            try:
                return honest_post(self, path, body, key and secrets.token_hex(8))
            except wire.NoAnswer as silence:
                last = silence
        assert last is not None
        raise last

    wire.Service.post = post  # type: ignore[method-assign]


def double_refund() -> None:
    """Asks for a refund again under another key when no answer came."""
    honest = deeds.asked

    def asked(till: selling.Till, deed: Deed) -> dict[str, Any]:
        told = honest(till, deed)
        if told["state"] == "waiting":
            answer = till.service.post(deed.path, deed.body.encode(), f"{deed.key}.again")
            return deeds.settled(till, deed.key, answer)
        return told

    deeds.asked = asked


def ignores_waiting() -> None:
    """Takes what the service lets wait for booked, and forgets it."""

    def keep(till: selling.Till, result: dict[str, Any]) -> str:
        if result["state"] == "waiting":
            till.book.settle(result["key"], State.CERTAIN, {})
            return "certain"
        return honest_keep(till, result)

    synchronising._keep = keep


def float_rounding() -> None:
    """Counts in dollars and cuts off what is left of a cent."""
    honest = selling.sell

    def sell(till: selling.Till, request: dict[str, Any]) -> dict[str, Any]:
        for line in request["lines"]:
            line["amount_minor"] = int(line["amount_minor"] / 100 * 1.1 / 1.1 * 100)
        return honest(till, request)

    driving.sell = sell


def decimal_points() -> None:
    """Sends amounts as JSON numbers with a decimal point."""

    def post(self: wire.Service, path: str, body: bytes, key: str | None = None) -> wire.Answer:
        if path == "/v1/sales":
            sale = json.loads(body)
            for line in sale["lines"]:
                line["amount_minor"] = float(line["amount_minor"])
            body = json.dumps(sale).encode()
        return honest_post(self, path, body, key)

    wire.Service.post = post  # type: ignore[method-assign]


def no_revoke() -> None:
    """Lets a code whose sale it refused lie about."""

    def clear_up(till: selling.Till, row: Any) -> None:
        till.book.settle(row["key"], State.CANCELLED, {"code": "cancelled"})

    synchronising._clear_up = clear_up


def books_while_refused() -> None:
    """Hands the goods over whatever the service says."""
    honest = selling.sell

    def sell(till: selling.Till, request: dict[str, Any]) -> dict[str, Any]:
        told = honest(till, request)
        return told | {"state": "certain"} if told["state"] == "refused" else told

    driving.sell = sell


def keeps_its_queue_in_memory() -> None:
    """Loses what it sold alone with its power."""
    honest = Folder.book.fget  # type: ignore[attr-defined]  # of the property
    mark = secrets.token_hex(4)
    Folder.book = property(lambda self: honest(self).with_suffix(f".{mark}"))  # type: ignore[assignment, method-assign]


def takes_any_points() -> None:
    """Takes points alone without an allowance."""
    codes._judge_allowance = lambda book, micros, at: 1


def takes_old_codes() -> None:
    """Looks at no code's minute while it is alone."""
    codes.check_validity = lambda pay_code, domain, at: None


def trusts_its_wall_clock() -> None:
    """Goes by the clock on its wall even while it knows better."""

    def read(clocks: Any, contact: Contact | None) -> Reading:
        return Reading(clocks.wall(), clocks.steady(), clocks.boot(), trusted=False, wall_off=0)

    selling.read_clock = read
    synchronising.time_of_sale = lambda contact, steady, boot, said: said


def sends_for_ever() -> None:
    """Does not take no for an answer, and tells nobody."""

    def keep(till: selling.Till, result: dict[str, Any]) -> str:
        if result["state"] == "refused":
            return honest_keep(till, result | {"state": "waiting"})
        return honest_keep(till, result)

    synchronising._keep = keep


def another_body_on_retry() -> None:
    """Stamps the moment into what it uploads, so that no two attempts are the same."""
    honest = synchronising._item

    def item(till: selling.Till, row: Any) -> dict[str, Any]:
        made = honest(till, row)
        return made | {"sale": made["sale"] | {"reference": f"{made['sale']['reference']}"},
                       "allowance_version": made["allowance_version"] + secrets.randbelow(1_000)}  # fmt: skip

    synchronising._item = item


def says_that_a_refund_is_done() -> None:
    """Pays money out before anybody has answered."""
    honest = refunding.refund

    def refund(till: selling.Till, request: dict[str, Any]) -> dict[str, Any]:
        told = honest(till, request)
        return told | {"state": "certain"} if told["state"] == "waiting" else told

    driving.refund = refund


def takes_silence_for_refusal() -> None:
    """Tells the cashier that a sale was refused where the service only did not answer."""
    honest = selling.sell

    def sell(till: selling.Till, request: dict[str, Any]) -> dict[str, Any]:
        told = honest(till, request)
        return told | {"state": "refused"} if told["state"] == "waiting" else told

    driving.sell = sell


def forgets_the_double_click() -> None:
    """Makes a new sale of each click."""
    honest = selling.sell

    def sell(till: selling.Till, request: dict[str, Any]) -> dict[str, Any]:
        return honest(till, request | {"key": secrets.token_hex(8)})

    driving.sell = sell


def ignores_coupons() -> None:
    """Collects what the shelf says, whatever coupon was shown."""
    honest = selling.sell

    def sell(till: selling.Till, request: dict[str, Any]) -> dict[str, Any]:
        return honest(till, {name: value for name, value in request.items() if name != "coupons"})

    driving.sell = sell


BROKEN: dict[str, Callable[[], None]] = {
    made.__name__: made
    for made in (
        new_key_on_retry, double_refund, ignores_waiting, float_rounding, decimal_points, no_revoke,
        books_while_refused, keeps_its_queue_in_memory, takes_any_points, takes_old_codes,
        trusts_its_wall_clock, sends_for_ever, another_body_on_retry, says_that_a_refund_is_done,
        takes_silence_for_refusal, forgets_the_double_click, ignores_coupons,
    )
}  # fmt: skip


def main(argv: list[str]) -> None:
    name, folder = argv
    BROKEN[name]()
    for answer in Drive(Path(folder)).answers(iter(sys.stdin.readline, "")):
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
