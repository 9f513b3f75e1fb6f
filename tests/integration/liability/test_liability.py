"""The report of a shop's year against every posting counted one by one, on both databases."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, event, insert, select

from ledger_service.bootstrap.liabilities import liability_of
from ledger_service.cli import liability as command
from ledger_service.kernel.clock import instant_of_micros
from ledger_service.ledger.errors import HistoryArchived
from ledger_service.ledger.models import account, archive, archive_chapter, entry, posting
from ledger_service.points.errors import ProgrammeUnknown
from ledger_service.points.service import PointsService
from ledger_service.settlement.liability.report import Report, document_of
from ledger_service.settlement.liability.table import rows_of
from tests.integration.checkout.shop import START, Shop, line

ZONE = ZoneInfo("America/New_York")
LAST = date(2027, 4, 30)


def live(shop: Shop, points: PointsService) -> None:
    """Fourteen months: everybody buys in each, some spend, some bring back, and the oldest points expire."""
    phones = [shop.enrol() for _ in range(3)]
    for month in range(14):
        shop.clock.at = START + timedelta(days=30 * month)
        for number, phone in enumerate(phones):
            sale = shop.sell(phone, line("1", 10_000 + 1_000 * number + 700 * month))
            if (number + month) % 3 == 0:
                shop.refund(sale["sale_id"])
        shop.clock.forward(days=2)
        spend = [{"programme": "GROC", "points": 17 + month}]
        shop.sell(phones[(month + 1) % 3], line("1", 9_000), spend=spend)
        points.expire_due(shop.clock.at)
    shop.clock.at = datetime(2027, 5, 2, tzinfo=UTC)
    points.expire_due(shop.clock.at)


def report(shop: Shop, as_of: date = LAST, code: str = "GROC") -> Report:
    with shop.database.snapshot() as conn:
        return liability_of(conn, code, as_of)


def one_by_one(conn: Connection) -> Iterator[tuple[date, int, str, int]]:
    """Every posting that changes what members have: local day, epoch, the other side's kind, points."""
    kinds = {row[0]: row[1] for row in conn.execute(select(account.c.account_id, account.c.kind))}
    days = {row[0]: row[1] for row in conn.execute(select(entry.c.sequence, entry.c.occurred_at))}
    for row in conn.execute(select(posting).where(posting.c.programme_id == 1)):
        sides = [kinds[row.source_id], kinds[row.destination_id]]
        sign = (sides[1] in ("available", "held")) - (sides[0] in ("available", "held"))
        at = days[row.sequence]
        at = at if isinstance(at, datetime) else instant_of_micros(at)
        if sign:
            yield at.astimezone(ZONE).date(), row.epoch, sides[0 if sign > 0 else 1], sign * row.amount


@pytest.mark.parametrize("as_of", [LAST, date(2026, 9, 15), date(2026, 3, 9)])
def test_a_report_is_what_its_postings_say_counted_one_by_one(
    shop: Shop, points: PointsService, as_of: date
) -> None:
    live(shop, points)
    told = document_of(report(shop, as_of))
    with shop.database.read() as conn:
        rows = [row for row in one_by_one(conn) if row[0] <= as_of]
        everything = sum(row[3] for row in one_by_one(conn))
    by_kind: Counter[tuple[str, str]] = Counter()
    for day, _, kind, points_ in rows:
        by_kind[kind, f"{day:%Y-%m}"] += points_
    assert told["outstanding"] == sum(row[3] for row in rows)
    assert told["outstanding"] == sum(told["by_age_months"].values()) == sum(told["by_end"].values())
    assert told["tie"]["entries"] == told["tie"]["lots"] == everything
    expired = {month: -points for (kind, month), points in by_kind.items() if kind == "expired"}
    assert told["expired"] == expired
    issued = {month: points for (kind, month), points in by_kind.items() if kind == "issuance"}
    assert {c["issued_in"]: c["issued"] for c in told["cohorts"]} == issued
    redeemed = -sum(points for (kind, _), points in by_kind.items() if kind == "redemption")
    assert sum(c["redeemed_by_age"][-1] for c in told["cohorts"]) == redeemed
    assert sum(c["reversed"] for c in told["cohorts"]) == -sum(
        points for (kind, _), points in by_kind.items() if kind == "clawback"
    )


def test_epochs_of_a_month_each_make_the_curve_exact(shop: Shop, points: PointsService) -> None:
    """Points of a month have an epoch of their own here, so a cohort's redemptions are its epoch's."""
    live(shop, points)
    told = report(shop)
    with shop.database.read() as conn:
        by_epoch: Counter[int] = Counter()
        for _, epoch, kind, amount in one_by_one(conn):
            by_epoch[epoch] -= amount if kind == "redemption" else 0
    for cohort in told.cohorts:
        epochs = {layer.epoch for layer in cohort.layers}
        assert sum(by_epoch[epoch] for epoch in epochs) == told.curve(cohort)[-1]
    assert told.expired()
    assert all(month.closing >= 0 for month in told.revenue)


def test_sales_are_those_to_members_of_the_month(shop: Shop, points: PointsService) -> None:
    live(shop, points)
    first = report(shop, date(2026, 3, 31))
    price, issued = 10_000 + 11_000 + 12_000 + 9_000, first.cohorts[0].issued
    # Fewer than three months: all that was issued and not brought back counts as redeemed one day.
    assert first.revenue[0].deferred == round(price * issued / (price + issued))


@contextmanager
def statements(shop: Shop) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    with shop.database.read() as conn:
        engine = conn.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_more_members_and_sales_take_no_more_statements(shop: Shop) -> None:
    shop.stock(shop.enrol(), 1, 40)
    with statements(shop) as few:
        report(shop)
    for _ in range(5):
        shop.stock(shop.enrol(), 1, 40)
    with statements(shop) as more:
        report(shop)
    assert len(few) == len(more) < 30


def test_a_day_before_the_archive_s_last_entry_is_refused_and_unknown_programmes_are(shop: Shop) -> None:
    shop.stock(shop.enrol(), 1, 40)
    with pytest.raises(ProgrammeUnknown):
        report(shop, code="NONE")
    rest = {"number": 1, "begun_at": START}
    chapter = {
        "number": 1, "archive": 1, "kind": "entries", "records": 1, "first_sequence": 1, "last_sequence": 1,
        "occurred_until": START, "recorded_until": START, "at_byte": 0, "byte_count": 1, "sha256": bytes(32),
    }  # fmt: skip
    with shop.database.begin() as conn:
        conn.execute(insert(archive).values(**rest, file="archive-000001.jsonl.gz", before=START))
        conn.execute(insert(archive_chapter).values(**chapter))
    with pytest.raises(HistoryArchived):
        report(shop, START.date() - timedelta(days=1))
    assert report(shop, START.date()).outstanding == 40


def test_the_command_prints_text_rows_and_json(
    sqlite_database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(sqlite_database)
    shop.found()
    shop.stock(shop.enrol(), 1, 40)
    with sqlite_database.read() as conn:
        monkeypatch.setenv("ALLIANCE_DATABASE_URL", str(conn.engine.url))
    asked = ["--programme", "GROC", "--as-of", "2026-03-31"]
    assert command.main(asked) == 0
    assert capsys.readouterr().out.startswith("GROC on 2026-03-31: 40 points outstanding\n")
    assert command.main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert command.main([*asked, "--csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert ["GROC", "total", "2026-03-31", "outstanding", "40"] in rows
    assert len(rows) == 1 + len(rows_of(told))
    assert command.main(["--programme", "NONE", "--as-of", "2026-03-31"]) == 1
    with pytest.raises(SystemExit):
        command.main(["--programme", "GROC", "--as-of", "soon"])
    shop.close()
