"""What a merchant tells of another's items and cases, whose codes stand on them for everybody to read."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.db.engine import Database
from ledger_service.traceability.cases.models import trace_case
from ledger_service.traceability.epcis import walk
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.moving.service import wrong_of
from ledger_service.traceability.moving.way import way_of
from ledger_service.traceability.scanning.distance import Place
from ledger_service.traceability.scanning.journey import journey_of
from ledger_service.traceability.scanning.reading import read_code
from ledger_service.traceability.scanning.service import Scans, Visit
from tests.integration.traceability.stock import MASTER, OWNER, Seeds, Stock
from tests.integration.traceability.test_moving import (
    AT,
    CASE,
    PALLET,
    capture,
    others,
    packed,
    states,
    stock,
    told,
)

__all__ = ["stock"]
MINE = told(1, "commissioning", action="ADD")


def tell(database: Database, teller: int, *events: dict[str, Any]) -> None:
    with database.begin() as conn:
        capture_events(conn, teller, events, AT)


def verdict(database: Database, stock: Stock, index: int) -> tuple[str, tuple[str, ...]]:
    with database.read() as conn:
        judged = Scans(MASTER, Seeds()).look(conn, stock.code(index), Visit("phone", Place()), AT).judgement
    return judged.verdict, tuple(judged.reasons)


def codes_of(database: Database, name: str) -> list[str]:
    with database.read() as conn:
        return sorted({one.code for one in wrong_of(conn, name)})


def on_the_shelf(database: Database, stock: Stock, shop: int) -> str:
    """The brand's first item, shipped to a shop in its case and put on the shelf."""
    item = stock.code(0)
    to = {"type": "owning_party", "destination": f"https://id.gs1.org/417/{shop}"}
    tell(database, OWNER, {**MINE, "epcList": [item]}, packed(2, CASE, item),
         told(3, "shipping", CASE, destinationList=[to]))  # fmt: skip
    tell(database, shop, told(4, "receiving", CASE), packed(5, CASE, action="DELETE"))
    assert states(database, stock, 0) == ["available"]
    return item


@pytest.mark.parametrize("event", [
    told(6, "destroying", action="DELETE"), told(6, "inspecting", disposition="stolen"),
    told(6, "decommissioning", action="DELETE"), told(0, "commissioning", action="ADD"),
    told(6, "holding"), told(6, "inspecting", disposition="recalled"), told(6, "shipping"),
])  # fmt: skip
def test_nobody_moves_an_item_that_stands_in_anothers_shop(
    database: Database, stock: Stock, event: dict[str, Any]
) -> None:
    rival, shop = others(database)
    item, before = on_the_shelf(database, stock, shop), verdict(database, stock, 0)
    tell(database, rival, {**event, "epcList": [item]})
    assert states(database, stock, 0) == ["available"]
    assert verdict(database, stock, 0) == before
    assert codes_of(database, item) == ["not-in-custody"]
    with database.read() as conn:
        assert conn.execute(trace_case.select()).mappings().one()["merchant_id"] == OWNER
    tell(database, shop, told(7, "retail_selling", item))
    assert states(database, stock, 0) == ["sold"]


def test_an_item_does_not_go_with_a_case_that_a_stranger_says_it_is_in(
    database: Database, stock: Stock
) -> None:
    rival, shop = others(database)
    item = on_the_shelf(database, stock, shop)
    tell(database, rival, packed(6, PALLET, item), told(7, "shipping", PALLET), told(8, "destroying", PALLET))
    assert states(database, stock, 0) == ["available"]
    assert codes_of(database, item) == ["not-in-custody"]
    with database.read() as conn:
        seen = {(step.subject, step.event["bizStep"]) for step in way_of(conn, [item]).steps}
        shown, _ = journey_of(conn, read_code(item))
        assert len(walk.history_of(conn, [item]).steps) == len(seen) + 3
    assert {subject for subject, _ in seen} == {item, CASE}
    assert [stop.step for stop in shown] == ["commissioning", "packing", "shipping", "receiving"]


def test_a_strangers_large_events_fill_no_memory_and_hide_nothing(
    database: Database, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MOST_BYTES", 20_000)
    rival, shop = others(database)
    item = on_the_shelf(database, stock, shop)
    long = {"https://rival.example/note": "x" * 6_000}
    tell(database, rival, *(told(n, "inspecting", item) | long for n in range(8)))
    with database.read() as conn:
        seen = walk.history_of(conn, [item])
        assert (sum(len(str(step.event)) for step in seen.steps) < 25_000, seen.cut) == (True, True)
        found = way_of(conn, [item])
    assert (len(found.steps), found.cut) == (5, False)


def test_a_flood_of_a_strangers_words_hides_no_event(
    database: Database, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MOST_EVENTS", 8)
    rival, shop = others(database)
    item = on_the_shelf(database, stock, shop)
    tell(database, rival, *(told(n, "inspecting", item) for n in range(24)))
    with database.read() as conn:
        assert len(walk.history_of(conn, [item]).steps) == 8
        found = way_of(conn, [item])
    assert (len(found.steps), found.cut) == (5, False)


def test_a_sale_by_a_stranger_is_told_as_a_second_one(database: Database, stock: Stock) -> None:
    rival, shop = others(database)
    item = on_the_shelf(database, stock, shop)
    tell(database, shop, told(6, "retail_selling", item))
    tell(database, rival, told(7, "retail_selling", item))
    assert states(database, stock, 0) == ["sold"]
    assert codes_of(database, item) == ["not-in-custody", "sold-twice"]
    assert verdict(database, stock, 0)[0] == "repeat"


def test_the_brand_tells_of_its_item_in_anothers_shop(database: Database, stock: Stock) -> None:
    _, shop = others(database)
    item = on_the_shelf(database, stock, shop)
    capture(database, told(6, "inspecting", item, disposition="stolen"))
    assert (states(database, stock, 0), codes_of(database, item)) == (["stolen"], [])


def test_what_the_brand_tells_nothing_of_is_whoevers_tells_first(database: Database, stock: Stock) -> None:
    rival, shop = others(database)
    item = stock.code(0)
    tell(database, shop, told(1, "receiving", item))
    tell(database, rival, told(2, "destroying", item, action="DELETE"))
    assert (states(database, stock, 0), codes_of(database, item)) == (["available"], ["not-in-custody"])
