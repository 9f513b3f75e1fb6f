"""Holds, days and old books at the till: one key and one code each, whatever was lost on the way."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from ledger_service.till import counter
from ledger_service.till.book import Book, Deed
from ledger_service.till.deeds import settled
from ledger_service.till.refusals import TillRefused
from ledger_service.till.wire import Answer
from tests.api.service import basket

from .stand import Stand

LINES = basket(amount=1_000)["lines"]


def hold(stand: Stand, code: str, key: str = "hold") -> dict[str, Any]:
    spend = {"max_value_minor": 300}
    return counter.hold(
        stand.till, {"key": key, "lines": LINES, "member": {"pay_code": code}, "spend": spend}
    )


def test_a_hold_for_digits_is_asked_for_again_as_it_was(stand: Stand) -> None:
    stand.line.state = "down"
    digits = "710000000100000001"
    assert hold(stand, digits)["state"] == "waiting"
    assert hold(stand, digits)["state"] == "waiting"


def test_a_code_is_taken_for_a_hold_or_for_a_sale(stand: Stand) -> None:
    member = stand.member()
    code, other = stand.code(member, 0), stand.code(member, 1)
    stand.line.state = "mute"
    assert hold(stand, code)["state"] == "waiting"
    assert stand.pay(code)["code"] == "pay-code-used"
    stand.line.state = "down"
    assert stand.pay(other)["state"] == "waiting"
    with pytest.raises(TillRefused, match="pay-code-used"):
        hold(stand, other, "again")
    stand.line.state = "up"
    assert hold(stand, code)["state"] == "certain"


def test_what_the_chain_tells_was_done_is_no_refusal(stand: Stand) -> None:
    stand.till.book.begin_deed(Deed("hold", "/v1/authorisations", "{}"), 0)
    told = settled(stand.till, "hold", Answer(409, {"code": "operation-adopted", "block": 7}))
    assert (told["state"], told["code"]) == ("certain", "operation-adopted")
    with pytest.raises(TillRefused, match="hold-unknown"):
        counter.void(stand.till, {"key": "void", "of": "hold"})


@pytest.mark.parametrize("day", ["2027-01 31", "../x", 7, None])
def test_a_day_is_a_date(stand: Stand, day: Any) -> None:
    with pytest.raises(TillRefused, match="malformed-request"):
        counter.close_day(stand.till, {"key": "day", "date": day, "totals": []})
    assert stand.till.book.open_deeds() == []


def test_an_old_book_is_upgraded_once_by_whoever_is_first(tmp_path: Path) -> None:
    path, found = tmp_path / "till.db", list[str]()
    Book(path).close()
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE refund (seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, sale_id TEXT NOT NULL,"
            " body TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, answer TEXT)"
        )
        old.execute("INSERT INTO refund VALUES (1, 'back', 'ab', '{}', 5, 'done', '{}')")
    old.close()

    def opened() -> None:
        row = Book(path).find_deed("back")
        found.append("" if row is None else row["path"])

    first = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    first.execute("BEGIN IMMEDIATE")
    both = [threading.Thread(target=opened) for _ in range(2)]
    for one in both:
        one.start()
    threading.Timer(0.3, lambda: first.execute("ROLLBACK")).start()
    for one in both:
        one.join()
    assert found == ["/v1/sales/ab/refunds"] * 2
