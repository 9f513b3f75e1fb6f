"""Captured events against items of ours: moved with their cases, contradicted, and seen so by a scan."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from ledger_service.db.engine import Database
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.merchants.models import merchant
from ledger_service.traceability.cases.models import trace_case, trace_case_event
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.goods.models import trace_item
from ledger_service.traceability.moving.seeing import may_see_thing
from ledger_service.traceability.moving.service import wrong_of
from ledger_service.traceability.moving.way import way_of
from ledger_service.traceability.prefixes.service import COMMAND, allot
from ledger_service.traceability.scanning.distance import Place
from ledger_service.traceability.scanning.service import Scans, Visit
from tests.integration.traceability.stock import MASTER, OWNER, Seeds, Stock, stock_up

AT = datetime(2026, 5, 2, tzinfo=UTC)
CASE, PALLET = (f"https://id.gs1.org/00/{with_check_digit(f'0950600013435200{n}')}" for n in (0, 1))
SHOP = with_check_digit("950600001352")
THERE = {"bizLocation": {"id": f"https://id.gs1.org/414/{SHOP}"}}


@pytest.fixture
def stock(database: Database) -> Stock:
    return stock_up(database)


def told(hour: int, step: str, *things: str, **parts: Any) -> dict[str, Any]:
    return {"type": "ObjectEvent", "eventTime": f"2026-05-01T{hour:02d}:00:00Z", "action": "OBSERVE",
            "eventTimeZoneOffset": "+00:00", "bizStep": step, "epcList": list(things), **parts}  # fmt: skip


def packed(hour: int, parent: str, *things: str, action: str = "ADD") -> dict[str, Any]:
    inside = {"childEPCs": list(things)} if things else {}
    return {"type": "AggregationEvent", "eventTime": f"2026-05-01T{hour:02d}:00:00Z", "action": action,
            "eventTimeZoneOffset": "+00:00", "bizStep": "packing", "parentID": parent, **inside}  # fmt: skip


def capture(database: Database, *events: dict[str, Any]) -> None:
    with database.begin() as conn:
        capture_events(conn, OWNER, events, AT)


def states(database: Database, stock: Stock, *indices: int) -> list[str]:
    i = trace_item.c
    with database.read() as conn:
        found = {row.serial: row.state for row in conn.execute(select(i.serial, i.state))}
    return [found[stock.items[index][1]] for index in indices]


def test_items_go_with_their_pallet_and_are_sold_out_of_the_shop(database: Database, stock: Stock) -> None:
    two = stock.code(0), stock.code(1)
    capture(database, told(1, "commissioning", *two, action="ADD"), packed(2, CASE, *two))
    capture(database, packed(3, PALLET, CASE))
    assert states(database, stock, 0, 1, 2) == ["commissioned", "commissioned", "generated"]
    capture(database, told(4, "shipping", PALLET, disposition="in_transit"))
    assert states(database, stock, 0, 1) == ["in-transit", "in-transit"]
    capture(database, told(5, "receiving", PALLET, **THERE), packed(6, PALLET, action="DELETE"),
            packed(7, CASE, *two, action="DELETE"))  # fmt: skip
    capture(database, told(8, "retail_selling", two[0], **THERE))
    assert states(database, stock, 0, 1) == ["sold", "available"]
    with database.read() as conn:
        place = select(trace_item.c.state_place).where(trace_item.c.serial == stock.items[0][1])
        assert conn.execute(place).scalar_one() == int(SHOP)
        assert conn.execute(select(func.count()).select_from(trace_case)).scalar_one() == 0


def test_a_late_event_and_a_declared_error_put_an_item_right(database: Database, stock: Stock) -> None:
    item = stock.code(0)
    lost = told(5, "inspecting", item, disposition="damaged")
    capture(database, told(4, "receiving", item), lost)
    assert states(database, stock, 0) == ["locked"]
    declared = {"declarationTime": "2026-05-01T06:00:00Z", "reason": "did_not_occur"}
    capture(database, {**lost, "errorDeclaration": declared})
    assert states(database, stock, 0) == ["available"]
    # Told late, and earlier than all: the order of capture counts for nothing.
    capture(database, told(1, "commissioning", item, action="ADD"), told(2, "shipping", item))
    assert states(database, stock, 0) == ["available"]


def test_an_end_that_was_declared_wrong_is_none_whenever_that_is_told(
    database: Database, stock: Stock
) -> None:
    item, other = stock.code(0), stock.code(1)
    declared = {"declarationTime": "2026-05-01T06:00:00Z", "reason": "did_not_occur"}
    stolen = told(5, "inspecting", item, other, disposition="stolen")
    capture(database, told(4, "receiving", other), stolen)
    assert states(database, stock, 0, 1) == ["stolen", "stolen"]
    capture(database, {**stolen, "errorDeclaration": declared})
    assert states(database, stock, 0, 1) == ["generated", "available"]


def test_what_cannot_be_true_is_kept_opens_one_case_and_is_a_risk(database: Database, stock: Stock) -> None:
    item = stock.code(0)
    scans, visit = Scans(MASTER, Seeds()), Visit("phone", Place())
    capture(database, told(3, "commissioning", item, action="ADD"), told(2, "shipping", item))
    capture(database, packed(4, CASE, item), packed(5, PALLET, item))
    with database.read() as conn:
        risk = scans.look(conn, item, visit, AT).judgement
        assert {one.code for one in wrong_of(conn, item)} == {"before-commissioning", "two-parents"}
        assert [one.code for one in wrong_of(conn, CASE)] == []
        cases = conn.execute(select(trace_case.c.kind, trace_case.c.seen, trace_case.c.merchant_id)).all()
        said = conn.execute(select(trace_case_event.c.by_whom, trace_case_event.c.said)).all()
    assert (risk.verdict, risk.reasons) == ("risk", ("history-contradicts",))
    assert cases == [("contradiction", 2, OWNER)]
    assert {(one.by_whom, one.said.split(":")[0]) for one in said} == {
        ("events", "before-commissioning"), ("events", "two-parents"),
    }  # fmt: skip
    # Told again, nothing is new.
    capture(database, packed(4, CASE, item), told(6, "storing", item))
    with database.read() as conn:
        assert conn.execute(select(trace_case.c.seen)).scalar_one() == 2


def test_a_claimed_item_stays_so_but_for_what_ends_it(database: Database, stock: Stock) -> None:
    with database.begin() as conn:
        conn.execute(update(trace_item).values(state="activated"))
    capture(database, told(1, "retail_selling", stock.code(0)), told(2, "shipping", stock.code(1)))
    assert states(database, stock, 0, 1) == ["activated", "activated"]
    capture(database, told(3, "inspecting", stock.code(0), disposition="stolen"))
    assert states(database, stock, 0) == ["stolen"]
    with database.read() as conn:
        judged = Scans(MASTER, Seeds()).look(conn, stock.code(0), Visit("phone", Place()), AT).judgement
    assert (judged.verdict, judged.reasons) == ("not-for-sale", ("stolen",))


def others(database: Database) -> list[int]:
    """Two merchants more."""
    found = [int(with_check_digit(f"95060000000{n}")) for n in (2, 3)]
    keys = {f"{k}_key": bytes(20) for k in ("admin", "operations", "settlement")}
    with database.begin() as conn:
        row = {"name": "M", "status": "active", "created_at": AT, **keys}
        conn.execute(insert(merchant), [{**row, "merchant_id": one} for one in found])
    return found


def test_who_tells_first_of_a_number_of_another_gets_nothing(database: Database, stock: Stock) -> None:
    (rival, shop), item = others(database), stock.code(0)
    with database.begin() as conn:
        allot(conn, "9506000", OWNER, COMMAND, AT)
        capture_events(conn, rival, [told(0, "commissioning", CASE, action="ADD")], AT)
    capture(database, told(1, "commissioning", item, action="ADD"), packed(2, CASE, item),
            told(3, "shipping", CASE, destinationList=[
                {"type": "owning_party", "destination": f"https://id.gs1.org/417/{shop}"}]))  # fmt: skip
    assert states(database, stock, 0) == ["in-transit"]
    with database.read() as conn:
        assert (may_see_thing(conn, CASE, rival), may_see_thing(conn, CASE, shop)) == (False, True)


def test_nobody_moves_or_sees_a_pallet_of_others_by_its_number(database: Database, stock: Stock) -> None:
    rival, shop = others(database)
    item, to_shop = stock.code(0), {"type": "owning_party", "destination": f"https://id.gs1.org/417/{shop}"}
    capture(
        database, told(1, "commissioning", item, action="ADD"), packed(2, CASE, item), packed(3, PALLET, CASE)
    )
    with database.begin() as conn:
        capture_events(conn, rival, [told(4, "destroying", PALLET, action="DELETE")], AT)
        assert [one.code for one in wrong_of(conn, PALLET)] == ["not-in-custody"]
        assert (may_see_thing(conn, PALLET, rival), may_see_thing(conn, item, rival)) == (False, True)
        assert not may_see_thing(conn, PALLET, shop)
    assert states(database, stock, 0) == ["commissioned"]
    capture(database, told(5, "shipping", PALLET, destinationList=[to_shop]))
    with database.begin() as conn:
        assert may_see_thing(conn, PALLET, shop)
        capture_events(conn, rival, [told(6, "receiving", PALLET)], AT)
    assert states(database, stock, 0) == ["in-transit"]
    with database.begin() as conn:
        capture_events(conn, shop, [told(7, "receiving", PALLET), packed(8, PALLET, action="DELETE"),
                                    told(9, "inspecting", CASE, disposition="damaged")], AT)  # fmt: skip
        assert may_see_thing(conn, CASE, shop)
    assert states(database, stock, 0) == ["locked"]


def relabelled(hour: int, old: str, new: str) -> dict[str, Any]:
    return {"type": "TransformationEvent", "eventTime": f"2026-05-01T{hour:02d}:00:00Z",
            "eventTimeZoneOffset": "+00:00", "bizStep": "replacing", "inputEPCList": [old],
            "outputEPCList": [new], **THERE}  # fmt: skip


def test_an_item_with_a_new_label_is_the_new_one_and_the_old_label_is_worth_nothing(
    database: Database, stock: Stock
) -> None:
    old, new = stock.code(0), stock.code(1)
    capture(database, told(1, "commissioning", old, action="ADD"), told(2, "receiving", old, **THERE))
    capture(database, relabelled(3, old, new), told(4, "retail_selling", new, **THERE))
    assert states(database, stock, 0, 1) == ["replaced", "sold"]
    with database.read() as conn:
        look = Scans(MASTER, Seeds()).look
        judged = look(conn, old, Visit("phone", Place()), AT).judgement
        assert (judged.verdict, judged.reasons) == ("not-for-sale", ("replaced",))
        assert look(conn, new, Visit("phone", Place()), AT).judgement.verdict == "genuine-first"
        assert [step.relation for step in way_of(conn, [new]).steps] == ["made-of"] * 2 + ["itself"] * 2
    # The old label is sold once more: that cannot be true, and changes nothing.
    capture(database, told(5, "retail_selling", old, **THERE))
    assert states(database, stock, 0, 1) == ["replaced", "sold"]
    with database.read() as conn:
        assert {one.code for one in wrong_of(conn, old)} == {"after-end"}
        assert wrong_of(conn, new) == []


def test_what_was_exported_is_not_for_sale_until_it_is_stocked_there_again(
    database: Database, stock: Stock
) -> None:
    item, away = stock.code(0), {"disposition": "https://brand.example/disp/exported", **THERE}
    capture(database, told(1, "receiving", item, **THERE), told(2, "shipping", item, **away))
    assert states(database, stock, 0) == ["exported"]
    with database.read() as conn:
        judged = Scans(MASTER, Seeds()).look(conn, item, Visit("phone", Place()), AT).judgement
        assert (judged.verdict, judged.reasons) == ("not-for-sale", ("exported",))
    capture(database, told(3, "stocking", item, **THERE))
    assert states(database, stock, 0) == ["available"]
