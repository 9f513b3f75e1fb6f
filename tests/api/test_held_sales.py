"""Holds are found again by the tills of their store, by no other, and never tell whose points they are."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.checkout import held
from tests.api.service import FUEL_STORE, Shop, basket
from tests.api.test_checkout import digits, rich_member

HOLDS = "/v1/authorisations"


def _held(shop: Shop, reference: str, **more: Any) -> tuple[str, dict[str, str]]:
    enrolled = rich_member(shop)
    said = {"member": {"pay_code": digits(shop, enrolled)}, "spend": {"max_value_minor": 10}}
    body = basket(FUEL_STORE, 1_000, reference=reference, **said, **more)
    return shop.must("fuel-till", HOLDS, body)["hold_id"], enrolled


def test_a_store_finds_what_its_tills_hold_and_can_sell_it_as_it_was(shop: Shop) -> None:
    hold, enrolled = _held(shop, "parked")
    found = shop.get("fuel-till", f"{HOLDS}/{hold}").json
    assert (found["hold_id"], found["store"], found["reference"], found["points"]) == (
        hold, FUEL_STORE, "parked", 10,
    )  # fmt: skip
    assert (found["held_value_minor"], found["terminal"]) == (10, shop.keys["fuel-terminal"])
    assert enrolled["number"] not in str(found) and "permit" not in str(found)
    assert [one["hold_id"] for one in shop.get("fuel-till", HOLDS).json["holds"]] == [hold]
    sale = {"reference": "c", "lines": found["lines"]}
    assert shop.must("fuel-till", f"{HOLDS}/{hold}/captures", sale)["total_minor"] == 1_000
    assert shop.get("fuel-till", HOLDS).json["holds"] == []
    over = shop.get("fuel-till", f"{HOLDS}/{hold}")
    assert (over.status_code, over.json["code"]) == (409, "hold-closed")


def test_no_other_store_and_no_office_sees_a_hold(shop: Shop) -> None:
    hold, _ = _held(shop, "parked")
    assert shop.get("grocer-till", HOLDS).json["holds"] == []
    strange = shop.get("grocer-till", f"{HOLDS}/{hold}")
    assert (strange.status_code, strange.json["code"]) == (404, "hold-unknown")
    for who in ("fuel", "operator"):
        for path in (HOLDS, f"{HOLDS}/{hold}"):
            assert shop.get(who, path).json["code"] == "not-yours"
    assert shop.get("auditor", HOLDS).json["code"] == "scope-missing"


def test_holds_come_in_pages_the_first_to_end_first(shop: Shop) -> None:
    made = []
    for n in range(5):
        shop.at = f"2017-03-01T12:{2 * n:02}:00Z"  # a pay code is good once
        made.append(_held(shop, f"h{n}", ttl_seconds=1_800 - 180 * n)[0])
    seen: list[str] = []
    query = "?limit=2"
    while query:
        told = shop.get("fuel-till", HOLDS + query).json
        seen += [one["hold_id"] for one in told["holds"]]
        query = f"?limit=2&cursor={told['next_cursor']}" if told["next_cursor"] else ""
    assert seen == made[::-1]
    assert shop.get("grocer-till", f"{HOLDS}?cursor=x").json["code"] == "cursor-refused"


@pytest.mark.parametrize("more", [{"several": True}, {"lines": "taxed"}])
def test_a_basket_that_cannot_be_sold_as_it_stands_is_not_offered(shop: Shop, more: dict[str, Any]) -> None:
    if more.get("lines") == "taxed":
        tax = {"rate_bps": 500, "amount_minor": 43, "included": True}
        more = {"lines": [{"line": "1", "category": "FUEL", "quantity": 1, "amount_minor": 900, "tax": tax}]}
    hold, _ = _held(shop, "parts", **more)
    found = shop.get("fuel-till", f"{HOLDS}/{hold}").json
    assert (found["lines"], found["points"], found["several"]) == ([], 10, "several" in more)


def test_a_hold_from_before_baskets_were_kept_is_shown_without_one() -> None:
    row: Any = {
        "hold_id": bytes(16), "store_gln": int(FUEL_STORE), "terminal_id": None, "body": "{}",
        "points_held": 9, "points_captured": 2, "points_released": 1,
        **dict.fromkeys(("accepted_at", "expires_at", "latest_at")),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "format_instant", str)
        view = held.hold_view(row)
    assert (view["lines"], view["points"], view["held_value_minor"], view["reference"]) == ([], 6, None, "")
