"""A closed period's points by programme, from the mirror, and where the period stands on the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Select, func, select

from ledger_service.chain import models as m
from ledger_service.chain.effects import COUNTERS, changes_of
from ledger_service.chain.errors import PeriodStillOpen
from ledger_service.chain.status import open_period, programme_totals
from ledger_service.chain.told import ToldOperation, told_in
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
# Rewards for sharing are earned, too. The contract takes any reason; one that we do not know is an earn.
_ISSUED: dict[int, str] = {IssueReason.ADJUSTMENT: "adjusted", IssueReason.CONVERSION: "converted"}
_NAMED = frozenset((*_NAMES.values(), *_ISSUED.values()))
_KINDS = (*COUNTERS, Kind.EXTEND, Kind.CONVERT)
_OF_ISSUES = (Kind.ISSUE, Kind.CLAWBACK, Kind.CONVERT)
# Known of a period from its lines.
_LINES = (Kind.REDEEM, Kind.RESTORE)
_REASON_SHIFT = 48


class Movements:
    """What operations of a period did to programmes, but for what its lines tell (``period_lines``)."""

    def __init__(self) -> None:
        self.named = Counter[tuple[int, str]]()
        self.outstanding = Counter[int]()
        # Points issued less clawed back, by programme and terms: what is paid into a pool at issue.
        self.issued = Counter[tuple[int, int]]()

    def add(self, told: ToldOperation) -> None:
        """The operation is in the sums."""
        for leg, points in changes_of(told.kind, told.legs):
            # Points that a conversion took are lines.
            if told.kind is not Kind.CONVERT or points > 0:
                self.outstanding[leg.programme] += points
                if told.kind in _OF_ISSUES:
                    self.issued[leg.programme, leg.terms_version] += points
        name = _name_of(told)
        if name is not None:
            for leg in _named_legs(told):
                self.named[leg.programme, name] += leg.amount

    def less(self, taken: Mapping[int, int]) -> Movements:
        """The same with the points by programme that lines took, less what they gave back."""
        made = Movements()
        made.named, made.outstanding = self.named, self.outstanding.copy()
        made.issued = self.issued
        made.outstanding.subtract(taken)
        return made


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


def programme_periods(
    conn: Connection, period: int, moved: Movements, held: Mapping[int, int]
) -> list[ProgrammePeriod]:
    """Every programme that stood when the period was closed, by number.

    Args:
        conn: a snapshot of the mirror.
        period: its number.
        moved: in the period, with what its lines took.
        held: points outstanding by programme at the close.

    Raises:
        PeriodStillOpen: the period is not closed.
    """
    place = place_of(conn, period)
    begun = place_of(conn, period - 1) if period > 1 else None
    p, found = m.chain_programme.c, []
    query = select(p.programme_id, p.issuer).where(p.block_number <= place.block_number)
    for programme, issuer in conn.execute(query.order_by(p.programme_id)).all():
        after = _value_in_force(conn, programme, place)
        before = after if begun is None else _value_in_force(conn, programme, begun)
        named = {name: moved.named[programme, name] for name in _NAMED}
        closing_points = held.get(programme, 0)
        opening = closing_points - moved.outstanding[programme]
        found.append(ProgrammePeriod(programme, issuer, opening, closing_points, before, after, **named))
    return found


def movements(conn: Connection, period: int, from_batch: int = 0) -> Generator[ToldOperation, None, None]:
    """A period's operations that move points, in chain order, without those that are nothing but lines.

    So redemptions and restores, nearly all of a period, are not read a second time.
    """
    kinds = [kind for kind in _KINDS if kind not in _LINES]
    of_period = (m.chain_applied.c.period == period) & (m.chain_operation.c.batch >= from_batch)
    o = m.chain_operation.c
    yield from _told(conn, _operations(kinds).where(of_period).order_by(o.batch, o.position))


def outstanding_at_close(conn: Connection, period: int) -> Counter[int]:
    """Points by programme that members held when the period was closed: those of now, less what came since.

    Time grows with what came since.
    """
    held = Counter({t.programme_id: t.outstanding for t in programme_totals(conn)})
    for told in _told(conn, _operations(_KINDS).where(m.chain_applied.c.period > period)):
        for leg, points in changes_of(told.kind, told.legs):
            held[leg.programme] -= points
    return held


def _named_legs(operation: ToldOperation) -> tuple[Leg, ...]:
    """Those whose points the name is about.

    The two legs of an extension are the same points, before and after; what a conversion took is a line of
    the settlement.
    """
    if operation.kind is Kind.CONVERT:
        return operation.legs[-1:]
    return operation.legs[:1] if operation.kind is Kind.EXTEND else operation.legs


def _name_of(operation: ToldOperation) -> str | None:
    name = _NAMES.get(operation.kind)
    if operation.kind is not Kind.ISSUE:
        return name
    return _ISSUED.get(int.from_bytes(operation.data[:32], "big") >> _REASON_SHIFT & 255, name)


def _operations(kinds: Iterable[Kind]) -> Select[Any]:
    o = m.chain_operation
    return (
        select(o.c.kind, o.c.data)
        .join(m.chain_applied, m.chain_applied.c.number == o.c.batch)
        .where(o.c.kind.in_([int(kind) for kind in kinds]))
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )


def _told(conn: Connection, query: Select[Any]) -> Generator[ToldOperation, None, None]:
    # Who stops reading before the end closes the server's cursor.
    with closing(conn.execute(query)) as rows:
        for kind, data in rows:
            yield told_in(Kind(kind), data)


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
