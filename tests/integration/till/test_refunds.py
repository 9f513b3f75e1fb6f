"""Refunds at the till: one key until it is answered, never alone, never for a sale that is not booked."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.till.refunding import refund
from ledger_service.till.refusals import TillRefused
from ledger_service.till.selling import sell
from tests.api.service import basket

from .stand import Stand

ONE = [{"line": "1", "quantity": 1}]


def sold(stand: Stand, key: str = "sale") -> str:
    return str(sell(stand.till, {"lines": basket(amount=1_000)["lines"], "key": key})["state"])


def back(stand: Stand, key: str = "back", **more: Any) -> dict[str, Any]:
    return refund(stand.till, {"key": key, "of": "sale", "lines": ONE, **more})


def refunded(stand: Stand, key: str = "sale") -> int:
    """What the service has of it."""
    found = stand.shop.get("grocer-till", "/v1/sales?reference=" + key).json["sales"]
    sale = stand.shop.get("grocer-till", f"/v1/sales/{found[0]['sale_id']}").json
    return sum(one["refunded_minor"] for one in sale["refunds"])


def test_a_refund_is_done_once_however_often_it_is_asked_for(stand: Stand) -> None:
    assert sold(stand) == "certain"
    first = back(stand)
    assert (first["state"], first["answer"]["refunded_minor"]) == ("certain", 250)
    assert back(stand) == first
    assert refunded(stand) == 250


@pytest.mark.parametrize("lost", ["mute", "deaf", "down"])
def test_without_an_answer_it_waits_and_a_sync_asks_again_under_its_key(stand: Stand, lost: str) -> None:
    sold(stand)
    stand.line.state = lost
    assert back(stand)["state"] == "waiting"
    stand.line.state = "up"
    stand.open()
    assert [row["key"] for row in stand.till.book.open_deeds()] == ["back"]
    stand.sync()
    assert stand.till.book.open_deeds() == []
    assert (back(stand)["state"], refunded(stand)) == ("certain", 250)


def test_a_refusal_is_told_and_final(stand: Stand) -> None:
    sold(stand)
    told = back(stand, lines=[{"line": "1", "quantity": 9}])
    assert (told["state"], told["code"]) == ("refused", "refund-exceeds-sale")
    stand.line.state = "down"
    assert back(stand, lines=[{"line": "1", "quantity": 9}]) == told


def test_a_key_is_of_one_refund(stand: Stand) -> None:
    sold(stand)
    back(stand)
    for other in ({"lines": None}, {"of": "another"}):
        with pytest.raises(TillRefused, match="idempotency-key-reused"):
            back(stand, **other)


@pytest.mark.parametrize("bad", [{"key": ""}, {"key": "a b"}, {"key": 7}, {"of": None}, {"key": "k" * 65}])
def test_a_malformed_refund_is_refused_and_written_nowhere(stand: Stand, bad: dict[str, Any]) -> None:
    with pytest.raises(TillRefused, match="malformed-request"):
        back(stand, **bad)
    assert stand.till.book.open_deeds() == []


def test_a_sale_that_waits_itself_is_returned_after_it_was_merged(stand: Stand) -> None:
    stand.line.state = "down"
    assert sold(stand) == "waiting"
    stand.line.state = "up"
    with pytest.raises(TillRefused, match="needs-the-service"):
        back(stand)
    stand.later(60)
    stand.sync()
    assert back(stand)["state"] == "certain"


def test_refunds_that_are_done_are_forgotten_with_the_sales(stand: Stand) -> None:
    sold(stand)
    back(stand)
    stand.later(9 * 86_400)
    stand.sync()
    assert stand.till.book.find_deed("back") is None
