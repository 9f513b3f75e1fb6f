"""Scans beside each other through the writer: one is the first, one device counts once, places stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import event, select

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer, open_writer
from ledger_service.traceability.cases.models import trace_case
from ledger_service.traceability.scanning.distance import Place
from ledger_service.traceability.scanning.grouped import scan_in_group
from ledger_service.traceability.scanning.models import trace_scan, trace_scan_device, trace_scan_sum
from ledger_service.traceability.scanning.service import Scanned, Scans, Visit
from tests.integration.traceability.stock import AT, MASTER, Seeds, Stock, stock_up

HONG_KONG, TAIPEI, NOWHERE = Place("HK", 223, 1142), Place("TW", 250, 1216), Place()
Scan = Callable[..., Scanned]


class Now:
    def now(self) -> datetime:
        return AT


@pytest.fixture
def stock(database: Database) -> Stock:
    return stock_up(database, markets=("HK", "TW"))


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    with open_writer(database, Now()) as made:
        yield made


@pytest.fixture
def scan(database: Database, writer: Writer, stock: Stock) -> Scan:
    def scanned(code: str, device: str = "phone", place: Place = HONG_KONG, at: datetime = AT) -> Scanned:
        return scan_in_group((Scans(MASTER, Seeds()), database, writer), code, Visit(device, place), at)

    scanned(stock.code(9), "the first of the month")
    return scanned


def rows(database: Database, table: object) -> list[tuple[object, ...]]:
    with database.read() as conn:
        found = conn.execute(select(table)).mappings().all()  # type: ignore[call-overload]  # any table
        return [row for row in found if row["item_id"] % 1024 != 9]


def test_of_sixteen_phones_at_once_one_is_the_first_and_all_are_counted(
    database: Database, stock: Stock, scan: Scan
) -> None:
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(scan, stock.code(0), f"phone {n}") for n in range(16)]
        said = [str(one.result().judgement.verdict) for one in asked]
    assert said.count("genuine-first") == 1
    (total,) = rows(database, trace_scan_sum)
    assert total["times"] == len(rows(database, trace_scan)) == len(rows(database, trace_scan_device)) == 16


def test_one_phone_that_asks_sixteen_times_at_once_has_scanned_once(
    database: Database, stock: Stock, scan: Scan
) -> None:
    with ThreadPoolExecutor(16) as pool:
        for one in [pool.submit(scan, stock.code(0)) for _ in range(16)]:
            one.result()
    (total,) = rows(database, trace_scan_sum)
    assert total["times"] == len(rows(database, trace_scan)) == len(rows(database, trace_scan_device)) == 1


def test_many_items_scanned_at_once_are_few_groups(
    database: Database, writer: Writer, stock: Stock, scan: Scan
) -> None:
    before = writer.figures.undone
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: scan(stock.code(n), "phone").judgement.verdict, range(8)))
    assert set(map(str, said)) == {"genuine-first"}
    assert len(rows(database, trace_scan)) == 8
    assert writer.figures.undone == before


def test_a_scan_without_a_place_moves_neither_place_nor_its_instant(
    database: Database, stock: Stock, scan: Scan
) -> None:
    later = partial(scan, stock.code(0))
    later("a", NOWHERE)
    later("b", NOWHERE, AT + timedelta(hours=1))
    assert rows(database, trace_scan_sum)[0]["last_at"] == AT + timedelta(hours=1)
    later("c", HONG_KONG, AT + timedelta(hours=2))
    later("d", NOWHERE, AT + timedelta(hours=3))
    (total,) = rows(database, trace_scan_sum)
    assert (total["last_at"], total["latitude_tenths"], total["times"]) == (AT + timedelta(hours=2), 223, 4)
    assert total["first_at"] == AT
    later("d", TAIPEI, AT + timedelta(hours=9))
    (total,) = rows(database, trace_scan_sum)
    assert (total["last_at"], total["latitude_tenths"], total["times"]) == (AT + timedelta(hours=9), 250, 5)
    seen = [row["seen_at"] for row in rows(database, trace_scan_device)]
    assert sorted(seen)[-1] == AT + timedelta(hours=9), "the device's row moved on"


def test_what_opens_a_case_is_recorded_with_its_case(database: Database, stock: Stock, scan: Scan) -> None:
    scan(stock.code(0))
    quick = scan(stock.code(0), "other", Place("FR", 489, 24), AT + timedelta(hours=1))
    assert quick.judgement.reasons == ("impossible-travel",)
    with database.read() as conn:
        kinds = set(conn.execute(select(trace_case.c.kind)).scalars())
    assert kinds == {"impossible-travel", "diversion"}
    assert len(rows(database, trace_scan)) == 2


def test_an_ordinary_verdict_takes_three_statements(sqlite_database: Database) -> None:
    stock, said = stock_up(sqlite_database), []
    scans = Scans(MASTER, Seeds())
    with sqlite_database.begin() as conn:
        scans.scan(conn, stock.code(1), Visit("warm", HONG_KONG), AT)
        event.listen(conn, "before_cursor_execute", lambda *args: said.append(args[2]))
        plain = scans.plain(conn, stock.code(0), Visit("phone", HONG_KONG), AT)
    assert plain is not None
    assert plain[1] is not None
    assert len(said) == 3, said
