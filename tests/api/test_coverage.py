"""Coverage over HTTP: for everybody, in pages, without amounts; and what a monitor sees of it."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from ledger_service.chain import models as m
from ledger_service.chain.reserves.coverage import Reserve, figures, in_default, reserves
from ledger_service.db.models import chain_reserve
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.gs1 import with_check_digit
from tests.api.service import FUEL, GROCER, Shop
from tests.api.test_pages import all_pages

COVERAGE = "/v1/coverage"
THIRD = with_check_digit("952010000090")
VALUE, OLD_VALUE = 10_000, 5_000
DAY = 86_400


def told(shop: Shop, now: int) -> None:
    """The grocer has 1,000 points outstanding and half of them covered; the others owe nothing."""
    base = {"log_index": 0, "as_of": now - DAY, "stale_from": now + DAY, "default_from": 0}
    rows = [
        {"merchant": int(GROCER), "block_number": 1, "reserve_micros": 1, "required_bps": 1},
        {"merchant": int(GROCER), "block_number": 2, "reserve_micros": 500 * VALUE, "required_bps": 6_000},
        {"merchant": int(FUEL), "block_number": 2, "reserve_micros": 0, "required_bps": 0},
        {"merchant": int(THIRD), "block_number": 3, "reserve_micros": 9, "required_bps": 0},
    ]  # fmt: skip
    counters = {"issued": 1_500, "redeemed": 600, "restored": 100, "clawed_back": 0, "expired": 0}
    terms = {"fee_bps": 0, "issuance_cap": 1, "validity_epochs": 1, "block_number": 1, "programme_id": 1}
    versions = [(1, 0, OLD_VALUE, 0), (2, now, VALUE, 0), (3, now, 7 * VALUE, int(FUEL)), (4, now + 9, 1, 0)]
    names = ("version", "effective_from", "point_value_micros", "acceptor")
    with shop.serving.foundations.database.begin() as conn:
        programme = {"programme_id": 1, "issuer": int(GROCER), "token": bytes(20), "block_number": 1}
        conn.execute(insert(m.chain_programme).values(programme))
        conn.execute(insert(m.chain_counter).values(programme_id=1, epoch=3, **counters))
        for version in versions:
            conn.execute(insert(m.chain_terms).values({**terms, **dict(zip(names, version, strict=True))}))
        for row in rows:
            conn.execute(insert(chain_reserve).values({**base, **row}))


def found(shop: Shop, at: int) -> dict[int, Reserve]:
    with shop.serving.foundations.database.snapshot() as conn:
        return {one.merchant: one for one in reserves(conn, at)}


def now_of(shop: Shop) -> int:
    """When the shop's requests say that they are made: its clock has gone on since the first of them."""
    return seconds_floor(parse_instant(shop.at, "at"))


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_anybody_reads_the_ratio_of_every_merchant_page_by_page(any_shop: Shop, limit: int) -> None:
    shop = any_shop
    told(shop, now_of(shop))
    for who in ("operator", "cashier"):
        rows = all_pages(shop, who, COVERAGE, "coverage", limit)
        assert [row["merchant"] for row in rows] == sorted([GROCER, FUEL, THIRD])
        by_merchant = {row["merchant"]: row for row in rows}
        assert by_merchant[GROCER]["coverage_bps"] == 5_000
        assert by_merchant[GROCER]["required_bps"] == 6_000
        assert "coverage_bps" not in by_merchant[FUEL]
        assert not any("micros" in name for row in rows for name in row)


def test_a_stale_figure_counts_as_zero_and_a_default_begins_at_its_instant(any_shop: Shop) -> None:
    shop, now = any_shop, now_of(any_shop)
    told(shop, now)
    grocer = found(shop, now)[int(GROCER)]
    assert (grocer.outstanding_micros, grocer.is_short(now)) == (1_000 * VALUE, True)
    assert [grocer.bps(now + DAY - 1), grocer.bps(now + DAY)] == [5_000, 0]
    row = {"merchant": int(FUEL), "block_number": 9, "log_index": 0, "reserve_micros": 0, "as_of": 0,
           "stale_from": 0, "required_bps": 0, "default_from": now + 5}  # fmt: skip
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(chain_reserve).values(row))
    with shop.serving.foundations.database.snapshot() as conn:
        assert (in_default(conn, now + 4), in_default(conn, now + 5)) == (frozenset(), {int(FUEL)})


def test_a_monitor_sees_who_is_short_and_when_the_first_figure_ends(any_shop: Shop) -> None:
    shop, now = any_shop, now_of(any_shop)
    with shop.serving.foundations.database.snapshot() as conn:
        assert figures(conn, now) == {}
    told(shop, now)
    with shop.serving.foundations.database.snapshot() as conn:
        assert figures(conn, now) == {"reserves_short": 1, "reserve_figure_seconds": DAY}
        assert figures(conn, now + 2 * DAY)["reserve_figure_seconds"] == 0
