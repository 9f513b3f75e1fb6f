"""The obligations of one settlement period, line by line, from the operations that the mirror keeps (D12).

A line is one leg of a redemption, one restored leg, or one leg that a conversion took, at the terms that it
cites. Everything here follows
from the chain's events, so whoever has a fresh index has the same lines as the operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Select, select

from ledger_service.chain import models as m
from ledger_service.chain.effects import OriginalLeg, TermsValue
from ledger_service.chain.mirror import terms_by_key
from ledger_service.chain.told import ToldOperation, told_in
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg, fee_micros_floor

_ROWS_AT_ONCE = 2_000


def period_lines(
    conn: Connection, period: int, from_batch: int = 0, *, own: bool = False
) -> Generator[ObligationLine, None, None]:
    """The lines of a period in chain order; a merchant owes itself nothing, so its own points make none.

    Args:
        conn: a snapshot of the database that holds the mirror.
        period: open or closed; of an open one the lines so far.
        from_batch: lines of earlier batches are left out, and not read.
        own: also what merchants redeemed of their own points, as lines of which they are both sides.
    """
    terms, restored = terms_by_key(conn), restored_before(conn, period, from_batch)
    # Who stops reading before the end closes the generator, and with it the server's cursor.
    with closing(conn.execute(_operations_of(period, from_batch))) as rows:
        told = ((told_in(Kind(kind), data), (op_id, root)) for op_id, kind, data, root in rows)
        for line in (line for one in told for line in _lines_of(*one, terms, restored)):
            if own or line.debtor != line.creditor:
                yield line


def redemptions_behind(conn: Connection, period: int) -> dict[bytes, bytes]:
    """The redemption that each restore of a period gives back, operation by operation."""
    told = (
        (op_id, told_in(Kind(kind), data)) for op_id, kind, data, _ in conn.execute(_operations_of(period))
    )
    leaves = {op_id: one.original[0] for op_id, one in told if one.original is not None}
    keys = [(leaf,) for leaf in sorted(set(leaves.values()))]
    rows = sql_of(m.chain_operation, conn).select(conn, ("leaf",), keys)
    by_leaf = {row["leaf"]: row["op_id"] for row in rows}
    return {op_id: by_leaf[leaf] for op_id, leaf in leaves.items()}


def _lines_of(
    told: ToldOperation,
    bound: tuple[bytes, bytes],
    terms: Mapping[tuple[int, int], TermsValue],
    restored: dict[OriginalLeg, list[int]],
) -> Iterator[ObligationLine]:
    op_id, root = bound
    owing = told.legs[:-1] if told.kind is Kind.CONVERT else told.legs
    for index, leg in enumerate(owing):
        stated = terms[leg.programme, leg.terms_version]
        value, fee = change_of(told, leg, restored, stated)
        points = -leg.amount if told.kind is Kind.RESTORE else leg.amount
        yield ObligationLine(
            told.batch, told.position, index, op_id, told.kind, leg.programme, leg.terms_version, points,
            stated[0], told.merchant, value, fee, root,
        )  # fmt: skip


def change_of(
    operation: ToldOperation, leg: Leg, restored: dict[OriginalLeg, list[int]], terms: TermsValue
) -> tuple[int, int]:
    """Value and fee that the leg adds: of a restore, the difference of what is left of the original leg."""
    _, value, fee_bps = terms
    if operation.kind is Kind.CONVERT:
        fee_bps = operation.spread_bps
    if operation.original is None:
        gross = leg.amount * value
        return gross, fee_micros_floor(gross, fee_bps)
    most, done = restored[operation.original]
    before, after = (most - done) * value, (most - done - leg.amount) * value
    restored[operation.original][1] = done + leg.amount
    return after - before, fee_micros_floor(after, fee_bps) - fee_micros_floor(before, fee_bps)


def _operations_of(period: int, from_batch: int = 0) -> Select[Any]:
    """Redemptions, restores and conversions in chain order, with the root of the batch of each."""
    o = m.chain_operation
    kinds = o.c.kind.in_((int(Kind.REDEEM), int(Kind.RESTORE), int(Kind.CONVERT)))
    return (
        select(o.c.op_id, o.c.kind, o.c.data, m.chain_applied.c.root)
        .join(m.chain_applied, m.chain_applied.c.number == o.c.batch)
        .where((m.chain_applied.c.period == period) & (o.c.batch >= from_batch) & kinds)
        .order_by(o.c.batch, o.c.position)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )


def restored_before(conn: Connection, period: int, from_batch: int = 0) -> dict[OriginalLeg, list[int]]:
    """[points of the leg, points restored of it before] by each leg that the period restores from there on.

    The mirror knows how much is restored by now; what was restored from there on is taken off.
    """
    mine, since = set[OriginalLeg](), Counter[OriginalLeg]()
    restores = (m.chain_applied.c.period >= period) & (m.chain_operation.c.kind == int(Kind.RESTORE))
    o = m.chain_operation
    restores &= o.c.batch >= from_batch
    query = (
        select(o.c.data, m.chain_applied.c.period)
        .join(m.chain_applied, m.chain_applied.c.number == o.c.batch)
        .where(restores)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    for data, number in conn.execute(query):
        told = told_in(Kind.RESTORE, data)
        if told.original is not None:
            since[told.original] += told.legs[0].amount
            if number == period:
                mine.add(told.original)
    return {key: [most, now - since[key]] for key, (most, now) in _restored_by_now(conn, mine).items()}


def _restored_by_now(
    conn: Connection, wanted: Iterable[OriginalLeg]
) -> Mapping[OriginalLeg, tuple[int, int]]:
    rows = sql_of(m.chain_restored, conn).select(conn, ("original_leaf", "leg_index"), sorted(wanted))
    return {(r["original_leaf"], r["leg_index"]): (r["most"], r["restored"]) for r in rows}
