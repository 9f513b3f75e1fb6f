"""Ladders for a shop, and members with amounts by day, written straight into the tables of the tiers room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from ledger_service.kernel.clock import seconds_floor
from ledger_service.tiers import service
from ledger_service.tiers.models import member_tier, qualifying_day
from ledger_service.tiers.rules import Ladder, Tier
from tests.integration.checkout.shop import Shop

Amounts = Mapping[int, int]


def write_days(conn: Connection, member_id: int, programme_id: int, amounts: Amounts) -> None:
    """The amounts stand as qualifying activity."""
    key = {"member_id": member_id, "programme_id": programme_id}
    rows = [
        {**key, "year": date.fromordinal(day).year, "day": day, "amount_minor": amount}
        for day, amount in amounts.items()
    ]
    if rows:
        conn.execute(insert(qualifying_day), rows)


def cached(shop: Shop, programme_id: int) -> dict[int, tuple[int, int | None, int, int]]:
    """(level, until, total, version) of the cached rows by member."""
    t = member_tier.c
    with shop.database.read() as conn:
        rows = conn.execute(select(member_tier).where(t.programme_id == programme_id)).all()
    return {r.member_id: (r.level, r.until_day, r.total_minor, r.ladder_version) for r in rows}


def amounts_by_member(shop: Shop, programme_id: int) -> dict[int, dict[int, int]]:
    """The qualifying activity by member and day."""
    found: dict[int, dict[int, int]] = {}
    q = qualifying_day.c
    with shop.database.read() as conn:
        for row in conn.execute(select(qualifying_day).where(q.programme_id == programme_id)):
            found.setdefault(row.member_id, {})[row.day] = row.amount_minor
    return found


RUNGS = (
    Tier("BASE", "Base", 0),
    Tier("SILVER", "Silver", 50_000, 12_500),
    Tier("GOLD", "Gold", 100_000, 20_000),
)


def publish(shop: Shop, programme_id: int = 1, effective: datetime | None = None, **more: object) -> Ladder:
    """The programme has a ladder of three tiers from now (or ``effective``) on."""
    begins = seconds_floor(effective or shop.clock.at)
    ladder = replace(Ladder(0, begins, RUNGS), **more)  # type: ignore[arg-type]  # as the test names them
    with shop.database.begin() as conn:
        published = service.publish(conn, programme_id, ladder, shop.clock.at)
    shop.ladders.refresh()
    return published


def earned(answer: Mapping[str, Any]) -> tuple[int, str | None]:
    """Points and tier of the one programme that a sale earned."""
    (one,) = answer["earned"]
    return one["points"], None if one["tier"] is None else one["tier"]["tier"]
