"""A closed period's points by programme, from the mirror: counters as they are now, less what came since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ledger_service.chain import models as m
from ledger_service.chain.decode import MinedOperation
from ledger_service.chain.effects import COUNTERS, changes_of
from ledger_service.chain.errors import PeriodStillOpen
from ledger_service.chain.mirror import operation_of_row
from ledger_service.chain.status import open_period, programme_totals
from ledger_service.kernel.operations import IssueReason, Kind
from ledger_service.kernel.period_figures import PeriodPlace, ProgrammePeriod, ValueInForce
from ledger_service.kernel.points import Leg

_ROWS_AT_ONCE = 2_000
_NAMES: dict[int, str] = {
    Kind.ISSUE: "earned",
    Kind.CLAWBACK: "clawed_back",
    Kind.EXPIRE: "expired",
    Kind.EXTEND: "extended",
    Kind.CONVERT: "converted",
}
# The contract takes any reason of an issuer's; one that we do not know is an earn.
_ISSUED: dict[int, str] = {IssueReason.ADJUSTMENT: "adjusted", IssueReason.CONVERSION: "converted"}
_NAMED = frozenset((*_NAMES.values(), *_ISSUED.values()))
_KINDS = (*COUNTERS, Kind.EXTEND, Kind.CONVERT)
_REASON_SHIFT = 48


class _Since(NamedTuple):
    """Points by (programme, name) in the period; changes of what is outstanding in it, and after it."""

    named: Counter[tuple[int, str]]
    within: Counter[int]
    after: Counter[int]


def place_of(conn: Connection, period: int) -> PeriodPlace:
    """Where a closed period stands.

    Raises:
        PeriodStillOpen: it is not closed, so nothing of it is settled.
    """
    p, b, a = m.chain_period.c, m.chain_block.c, m.chain_applied.c
    joined = m.chain_period.join(m.chain_block, b.number == p.block_number)
    query = select(b.number, b.hash, b.timestamp).select_from(joined).where(p.period == period)
    block = conn.execute(query).one_or_none()
    if block is None:
        raise PeriodStillOpen(period, open_period(conn) or 1)
    sums = select(func.min(a.number), func.max(a.number), func.count()).where(a.period == period)
    first, last, batches = conn.execute(sums).one()
    return PeriodPlace(period, block.number, block.hash, block.timestamp, first or 0, last or 0, batches)


def programme_periods(conn: Connection, period: int) -> list[ProgrammePeriod]:
    """Every programme that stood when the period was closed, by number.

    Raises:
        PeriodStillOpen: the period is not closed.
    """
    place = place_of(conn, period)
    begun = place_of(conn, period - 1) if period > 1 else None
    since, now = _since(conn, period), {t.programme_id: t.outstanding for t in programme_totals(conn)}
    p, found = m.chain_programme.c, []
    query = select(p.programme_id, p.issuer).where(p.block_number <= place.block_number)
    for programme, issuer in conn.execute(query.order_by(p.programme_id)).all():
        after = _value_in_force(conn, programme, place)
        closing = now.get(programme, 0) - since.after[programme]
        before = after if begun is None else _value_in_force(conn, programme, begun)
        named = {name: since.named[programme, name] for name in _NAMED}
        opening = closing - since.within[programme]
        found.append(ProgrammePeriod(programme, issuer, opening, closing, before, after, **named))
    return found


def _since(conn: Connection, period: int) -> _Since:
    since = _Since(Counter(), Counter(), Counter())
    for number, operation in _operations_from(conn, period):
        changes = since.within if number == period else since.after
        for leg, points in changes_of(operation.kind, operation.legs):
            changes[leg.programme] += points
        name = _name_of(operation)
        if number == period and name is not None:
            for leg in _named_legs(operation):
                since.named[leg.programme, name] += leg.amount
    return since


def _named_legs(operation: MinedOperation) -> tuple[Leg, ...]:
    """Those whose points the name is about.

    The two legs of an extension are the same points, before and after; what a conversion took is a line of
    the settlement.
    """
    if operation.kind is Kind.CONVERT:
        return operation.legs[-1:]
    return operation.legs[:1] if operation.kind is Kind.EXTEND else operation.legs


def _name_of(operation: MinedOperation) -> str | None:
    name = _NAMES.get(operation.kind)
    if operation.kind is not Kind.ISSUE:
        return name
    return _ISSUED.get(int.from_bytes(operation.data[:32], "big") >> _REASON_SHIFT & 255, name)


def _operations_from(conn: Connection, period: int) -> Iterator[tuple[int, MinedOperation]]:
    kinds = [int(kind) for kind in _KINDS]
    query = (
        select(m.chain_operation, m.chain_applied.c.period)
        .join(m.chain_applied, m.chain_applied.c.number == m.chain_operation.c.batch)
        .where((m.chain_applied.c.period >= period) & m.chain_operation.c.kind.in_(kinds))
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    for row in conn.execute(query):
        yield row.period, operation_of_row(row)


def _value_in_force(conn: Connection, programme: int, place: PeriodPlace) -> ValueInForce:
    """The newest general version that was published by the block of the close and is effective by its time.

    A pair's version says what a point is worth at one acceptor, not what members hold.
    """
    t = m.chain_terms.c
    known = (t.block_number <= place.block_number) & (t.effective_from <= place.closed_at)
    general = (t.programme_id == programme) & (t.acceptor == 0)
    query = select(t.version, t.point_value_micros).where(general & known)
    row = conn.execute(query.order_by(t.version.desc()).limit(1)).one_or_none()
    return ValueInForce(0, 0) if row is None else ValueInForce(row.version, row.point_value_micros)
