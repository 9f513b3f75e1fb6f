"""Scans against tables: first and again, travel, recall, bursts, and nothing personal in any row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select, update

from ledger_service.db.engine import Database
from ledger_service.traceability.cases.models import trace_case, trace_case_event
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.goods.models import trace_batch, trace_item
from ledger_service.traceability.scanning.distance import Place
from ledger_service.traceability.scanning.knowledge import BURST_AN_HOUR
from ledger_service.traceability.scanning.marks import PERIOD_SECONDS
from ledger_service.traceability.scanning.models import trace_scan, trace_scan_device, trace_scan_salt
from ledger_service.traceability.scanning.service import Scanned, Scans, Visit
from tests.integration.traceability.stock import AT, GTIN, MASTER, OWNER, Seeds, Stock, stock_up

SCANS = Scans(MASTER, Seeds())
HONG_KONG, PARIS = Place("HK", 223, 1142), Place("FR", 489, 24)
UNKNOWN = f"https://id.gs1.org/01/{GTIN}/21/ZZZZZZZZZZZZ"


@pytest.fixture
def stock(database: Database) -> Stock:
    return stock_up(database, markets=("HK", "TW"))


def scan(database: Database, code: str, device: str = "phone", place: Place = HONG_KONG,
         at: datetime = AT) -> Scanned:  # fmt: skip
    with database.begin() as conn:
        return SCANS.scan(conn, code, Visit(device, place), at)


def test_a_first_scan_is_the_first_and_a_page_loaded_again_changes_nothing(
    database: Database, stock: Stock
) -> None:
    assert scan(database, stock.code(0)).judgement.verdict == "genuine-first"
    assert scan(database, stock.code(0), at=AT + timedelta(seconds=30)).judgement.verdict == "genuine-again"
    assert scan(database, stock.code(0), at=AT + timedelta(hours=1)).item.scans["times"] == 1
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(trace_scan)).scalar_one() == 2
        looked = SCANS.look(conn, stock.code(0), Visit("other", Place()), AT + timedelta(hours=2))
    assert (looked.judgement.verdict, looked.item.scans["times"]) == ("genuine-again", 2)


def test_ten_devices_are_a_risk_and_never_counterfeit(database: Database, stock: Stock) -> None:
    for number in range(9):
        scan(database, stock.code(0), f"device {number}")
    tenth = scan(database, stock.code(0), "device 9").judgement
    assert (tenth.verdict, tenth.reasons) == ("risk", ("many-devices",))
    month = AT + timedelta(days=31)
    assert scan(database, stock.code(0), "device 9", at=month).judgement.verdict == "genuine-again"


def test_what_travels_faster_than_an_aeroplane_opens_one_case(database: Database, stock: Stock) -> None:
    scan(database, stock.code(0))
    later = AT + timedelta(hours=2)
    found = scan(database, stock.code(0), "other", PARIS, later).judgement
    assert (found.reasons, found.hints) == (("impossible-travel",), ("outside-market",))
    scan(database, stock.code(0), "third", HONG_KONG, later + timedelta(hours=1))
    with database.read() as conn:
        cases = conn.execute(select(trace_case.c.kind, trace_case.c.seen, trace_case.c.merchant_id)).all()
        said = conn.execute(select(trace_case_event.c.said)).scalars().all()
    assert sorted(cases) == [("diversion", 1, OWNER), ("impossible-travel", 2, OWNER)]
    # The evidence says where, as coarsely as scans are kept, and how far that is.
    told = "risk: impossible-travel, outside-market; at FR 48.9 2.4; at least 9"
    assert [one for one in said if told in one]
    assert all("km from the scan" in one for one in said)


def test_a_burst_of_serials_that_nobody_made_is_a_case_of_the_product(
    database: Database, stock: Stock
) -> None:
    for number in range(BURST_AN_HOUR):
        assert scan(database, UNKNOWN, f"d{number}").judgement.reasons == ("not-issued",)
    assert scan(database, UNKNOWN, "last").judgement.reasons == ("burst-of-unknown",)
    # A right item of the product is none the worse for it.
    assert scan(database, stock.code(0)).judgement.verdict == "genuine-first"
    with database.read() as conn:
        assert conn.execute(select(trace_case.c.kind, trace_case.c.subject)).all() == [
            ("unknown-burst", GTIN)
        ]


def test_recall_comes_before_sales_and_a_wrong_lot_before_both(database: Database, stock: Stock) -> None:
    sold = {"type": "ObjectEvent", "eventTimeZoneOffset": "+00:00", "action": "OBSERVE",
            "bizStep": "retail_selling", "epcList": [stock.code(0)]}  # fmt: skip
    with database.begin() as conn:
        for hour in (1, 2):
            capture_events(conn, OWNER, [sold | {"eventTime": f"2026-04-01T0{hour}:00:00Z"}], AT)
    twice = scan(database, stock.code(0)).judgement
    assert (twice.verdict, twice.reasons) == ("repeat", ("sold-twice",))
    with database.begin() as conn:
        conn.execute(update(trace_batch).values(recalled_at=AT))
    assert scan(database, stock.code(0), "b").judgement.verdict == "recalled"
    lot = stock.code(0).replace("/21/", "/10/L2/21/")
    assert scan(database, lot, "c").judgement.reasons == ("lot-differs",)
    with database.begin() as conn:
        conn.execute(update(trace_batch).values(recalled_at=None))
        conn.execute(update(trace_item).values(state="stolen"))
    assert scan(database, stock.code(0), "d").judgement.reasons == ("stolen",)


def test_unknown_wrong_tag_and_right_cost_the_same_statements(sqlite_database: Database) -> None:
    stock, said = stock_up(sqlite_database), []
    with sqlite_database.begin() as conn:
        SCANS.scan(conn, stock.code(1), Visit("warm", HONG_KONG), AT)
        event.listen(conn, "before_cursor_execute", lambda *args: said[-1].append(args[2]))
        for code in (stock.code(0), UNKNOWN, f"{stock.code(0)}?98=00000000"):
            said.append([])
            SCANS.scan(conn, code, Visit("phone", HONG_KONG), AT)
    right, unknown, wrong = ([text.split(" ")[0] for text in one] for one in said)
    assert right == unknown == wrong


def test_no_row_says_who_scanned_and_a_salt_is_forgotten(database: Database, stock: Stock) -> None:
    scan(database, stock.code(0), "203.0.113.9|A browser")
    with database.read() as conn:
        rows = [*conn.execute(select(trace_scan)), *conn.execute(select(trace_scan_device))]
    assert not any("203.0.113" in str(row) or "browser" in str(row) for row in rows)
    later = datetime.fromtimestamp(AT.timestamp() + 2 * PERIOD_SECONDS, UTC)
    scan(database, stock.code(1), at=later)
    with database.read() as conn:
        periods = conn.execute(select(trace_scan_salt.c.period)).scalars().all()
    assert periods == [int(later.timestamp()) // PERIOD_SECONDS]
