"""Making tiers anew: from the sales themselves (activity), or from the activity that is kept (tiers)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from ledger_service.checkout.earning import qualifying_minor
from ledger_service.checkout.models import sale
from ledger_service.checkout.records import SaleRecord, record_of
from ledger_service.checkout.reversal_rules import returned_at
from ledger_service.checkout.tier_reversal import percents_of_sale, rule_of_sale
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.tiers import recompute
from ledger_service.tiers.ladders import Ladders
from ledger_service.tiers.queries import first_published
from ledger_service.tiers.recompute import ACTIVITY, MEMBERS_AT_ONCE, TIERS, Progress, Run
from ledger_service.tiers.rules import business_day, ladder_in_force

# Members whose sales are read together; tiers alone are made of thousands at once.
_WITH_SALES = 500
# A till's process looks for new ladders every second; before it knows of one it counts nothing for it.
_SETTLED_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Recount:
    """One programme's recount, as of the day on which it was asked for."""

    programme: Programme
    run: Run

    def step(self, conn: Connection, at: datetime, most: int = MEMBERS_AT_ONCE) -> Progress:
        """The next members, at most so many, are done; call until ``ended``, each time in a db transaction.

        Idempotency, Locks: as ``tiers.recompute.step``.
        """
        if self.run.kind == TIERS:
            return recompute.step(conn, self.run, at, most)

        def from_sales(first: int, last: int) -> None:
            days = _days_of(conn, self.programme, (first, last))
            recompute.replace_days(conn, self.programme.programme_id, (first, last), days)

        return recompute.step(conn, self.run, at, min(most, _WITH_SALES), from_sales)


def recounts(catalogue: Catalogue, ladders: Ladders, at: datetime, *, from_sales: bool) -> list[Recount]:
    """One recount for each programme that has a ladder, in the order of their ids."""
    second, kind = seconds_floor(at), ACTIVITY if from_sales else TIERS
    found = []
    for programme_id in sorted(ladders.by_programme):
        programme, versions = catalogue.programmes.get(programme_id), ladders.of(programme_id)
        if programme is not None:
            ladder = ladder_in_force(versions, second) or versions[0]
            run = Run(kind, programme_id, ladder, business_day(second, programme.zone))
            found.append(Recount(programme, run))
    return found


def next_due(conn: Connection, catalogue: Catalogue, ladders: Ladders, at: datetime) -> Recount | None:
    """The first recount that is to be done or to go on, or None.

    From the sales once for each programme, when its first ladder is known to every process; tiers once for
    each business day and version, so that the cached rows tell who has lapsed.
    """
    settled = at - timedelta(seconds=_SETTLED_SECONDS)
    known = first_published(conn, settled)
    for from_sales in (True, False):
        for one in recounts(catalogue, ladders, at, from_sales=from_sales):
            done = recompute.progress_of(conn, one.run)
            if one.run.programme_id in known and (done is None or not done.ended):
                return one
    return None


def _days_of(
    conn: Connection, programme: Programme, members: tuple[int, int]
) -> Iterator[tuple[int, int, int]]:
    """(member, day, amount) of every day on which a member bought what counts, refunds taken off."""
    mine = sale.c.member_id.between(*members) & (sale.c.merchant_id == programme.merchant_id)
    # While a programme has tiers no sale of its merchant is archived; what was before counts for no ladder.
    mine &= sale.c.receipt != ""
    found: dict[tuple[int, int], int] = {}
    for row in conn.execute(select(sale).where(mine)).mappings():
        record = record_of(dict(row))
        sold, left = _qualifying(programme, record)
        if sold and record.member_id is not None:
            key = (record.member_id, business_day(seconds_floor(record.occurred_at), programme.zone))
            found[key] = found.get(key, 0) + left
    return ((member_id, day, amount) for (member_id, day), amount in sorted(found.items()))


def _qualifying(programme: Programme, record: SaleRecord) -> tuple[int, int]:
    """What counted when it was sold, and what is left of it."""
    rule = rule_of_sale(programme, record)
    if rule is None:
        return 0, 0
    lines, percents = record.sold_lines(), percents_of_sale(rule, record)
    sold = qualifying_minor(percents, [line.cash_minor for line in lines])
    return sold, sold - qualifying_minor(percents, returned_at(lines, record.returned.pieces).cash)
