"""What an earn rule would have given on baskets of the past, before it is published; nothing is written.

Past baskets are a merchant's newest ones of members, day by day backwards, so many days and baskets at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.checkout.earning import percents_of
from ledger_service.checkout.models import sale
from ledger_service.checkout.records import EarnedRecord, SaleRecord, record_of
from ledger_service.checkout.tender_rules import earning_parts
from ledger_service.checkout.tiering import applied_of_values, at_rate
from ledger_service.kernel.clock import seconds_floor
from ledger_service.merchants.models import store
from ledger_service.points.catalogue import Programme
from ledger_service.points.pending_rules import DAY_SECONDS
from ledger_service.points.rules import EarnRule, earn, local_day, room_under_daily_cap

MOST_BASKETS, MOST_DAYS = 1_000, 31
# A business day may have the date of the day after in UTC.
_DAYS_AFTER = 1


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How many baskets of how many members between two instants (None of none), the points that they gave
    and would give, and how many of them would give more, fewer, or were cut by the daily cap."""

    baskets: int = 0
    members: int = 0
    first: datetime | None = None
    last: datetime | None = None
    points: int = 0
    would_be: int = 0
    more: int = 0
    fewer: int = 0
    capped: int = 0


def rehearsed(programme: Programme, rule: EarnRule, records: Iterable[SaleRecord]) -> Rehearsal:
    """The rule as if it had been in force on all these baskets, returns left out of account.

    Each basket is judged at the rule's beginning, where its multipliers count that then do; those for an
    audience count for nobody. A tier keeps the rate that it had.
    """
    ordered = sorted(records, key=lambda record: (record.occurred_at, record.sale_id))
    today: dict[tuple[int | None, int], int] = {}
    found = Rehearsal(
        baskets=len(ordered), members=len({record.member_id for record in ordered}),
        first=ordered[0].occurred_at if ordered else None, last=ordered[-1].occurred_at if ordered else None,
    )  # fmt: skip
    for record in ordered:
        gave = _given(programme, record)
        day = record.member_id, local_day(seconds_floor(record.occurred_at), programme.zone)
        before = today.get(day, 0)
        points, uncapped = _judged(rule, record, gave, before)
        today[day] = before + points
        had = gave.points if gave is not None else 0
        found = replace(
            found, points=found.points + had, would_be=found.would_be + points,
            more=found.more + (points > had), fewer=found.fewer + (points < had),
            capped=found.capped + (points < uncapped),
        )  # fmt: skip
    return found


def _given(programme: Programme, record: SaleRecord) -> EarnedRecord | None:
    return next((one for one in record.earned if one.programme == programme.programme_id), None)


def _judged(rule: EarnRule, record: SaleRecord, gave: EarnedRecord | None, before: int) -> tuple[int, int]:
    """The points, and what they were without the daily cap."""
    applied = None if gave is None or gave.tier is None else applied_of_values(gave.tier)
    held = rule if applied is None else at_rate(rule, applied)
    lines = [line for line, _ in record.lines]
    cash = [line.amount_minor - part for line, part in record.lines]
    base = earning_parts(held.basis, lines, cash, record.tenders).whole
    percents = percents_of(held, lines, held.effective_from)
    earned = earn(held, zip(percents, base, strict=True), room_under_daily_cap(held, before))
    return earned.points, earned.uncapped_points


def past_baskets(conn: Connection, merchant_id: int, until: datetime) -> Iterator[SaleRecord]:
    """The merchant's baskets of members, the newest days first, ``MOST_BASKETS`` of ``MOST_DAYS`` at most.

    One step in the index of stores and days for each day; what stands in an archive is left out.
    """
    places = select(store.c.gln).where(store.c.merchant_id == merchant_id)
    last, left = seconds_floor(until) // DAY_SECONDS + _DAYS_AFTER, MOST_BASKETS
    for day in range(last, last - MOST_DAYS, -1):
        that_day = select(sale).where(
            sale.c.store_gln.in_(places), sale.c.business_day == day, sale.c.merchant_id == merchant_id,
            sale.c.member_id.is_not(None), sale.c.receipt != "", sale.c.occurred_at <= until,
        )  # fmt: skip
        for row in conn.execute(that_day.limit(left)).mappings().all():
            left -= 1
            yield record_of(dict(row))
        if not left:
            return
