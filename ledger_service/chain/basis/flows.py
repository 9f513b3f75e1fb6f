"""What every period did to the programmes that have published a basis, from the mirror's operations alone.

It reads all operations up to the period, for what a pool holds is a sum over all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, func, select

from ledger_service.chain import models as m
from ledger_service.chain.basis.models import chain_basis
from ledger_service.chain.effects import COUNTERS, changes_of
from ledger_service.chain.mirror import terms_by_key
from ledger_service.chain.period_lines import change_of, restored_before
from ledger_service.chain.told import told_in
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.pools import Basis, BasisKind, PoolFlow

_ROWS_AT_ONCE = 2_000
_KINDS = (*COUNTERS, Kind.CONVERT)
_OF_ISSUES = (Kind.ISSUE, Kind.CLAWBACK)
Dated = list[tuple[int, Any]]


@dataclass(slots=True)
class PoolSums:
    """What a period did by programme, in micros; ``outstanding`` points go on from period to period."""

    issued: Counter[int] = field(default_factory=Counter)
    owed: Counter[int] = field(default_factory=Counter)
    outstanding: Counter[int] = field(default_factory=Counter)


def pool_flows(conn: Connection, period: int) -> list[list[PoolFlow]]:
    """The flows of each period from the first to ``period``, of programmes with a basis in force at its end.

    Args:
        conn: a snapshot of the database that holds the mirror.
        period: open or closed; of an open one the flows so far.
    """
    bases = _bases(conn)
    if not bases:
        return [[] for _ in range(period)]
    values, sums = _values(conn), PoolSums()
    flows: list[list[PoolFlow]] = []
    for number in range(1, period + 1):
        sums.issued.clear()
        sums.owed.clear()
        _add_period(conn, sums, number)
        flows.append(list(_flows(sums, bases, values, _end_of(conn, number))))
    return flows


def flows_of_period(conn: Connection, period: int, sums: PoolSums) -> list[PoolFlow]:
    """The flows of one period whose operations somebody has added up already; none is read again."""
    bases = _bases(conn)
    return list(_flows(sums, bases, _values(conn), _end_of(conn, period))) if bases else []


def issued_micros(conn: Connection, issued: Mapping[tuple[int, int], int]) -> Counter[int]:
    """The value by programme of points issued less clawed back, which come by programme and terms."""
    found, terms = Counter[int](), terms_by_key(conn)
    for (programme, version), points in issued.items():
        found[programme] += points * terms[programme, version][1]
    return found


def _flows(
    sums: PoolSums, bases: Mapping[int, Dated], values: Mapping[int, tuple[int, Dated]], end: int
) -> Iterator[PoolFlow]:
    for programme in sorted(bases):
        basis, (issuer, dated) = _in_force(bases[programme], end), values[programme]
        if basis is not None:
            yield PoolFlow(
                programme, issuer, basis, sums.issued[programme], sums.owed[programme],
                sums.outstanding[programme], _in_force(dated, end) or 0,
            )  # fmt: skip


def _in_force(dated: Dated, at: int) -> Any:
    return next((what for since, what in reversed(dated) if since <= at), None)


def _bases(conn: Connection) -> dict[int, Dated]:
    found: dict[int, Dated] = {}
    for row in conn.execute(select(chain_basis).order_by("programme_id", "number")):
        basis = Basis(BasisKind(row.kind), row.reserve_bps, row.pool)
        found.setdefault(row.programme_id, []).append((row.effective_from, basis))
    return found


def _values(conn: Connection) -> dict[int, tuple[int, Dated]]:
    """Issuer, and the general value of a point by its instants, of each programme."""
    t, p = m.chain_terms.c, m.chain_programme
    found: dict[int, tuple[int, Dated]] = {
        row.programme_id: (row.issuer, []) for row in conn.execute(select(p.c.programme_id, p.c.issuer))
    }
    query = select(t.programme_id, t.effective_from, t.point_value_micros).where(t.acceptor == 0)
    for row in conn.execute(query.order_by(t.programme_id, t.version)):
        found[row.programme_id][1].append((row.effective_from, row.point_value_micros))
    return found


def _end_of(conn: Connection, period: int) -> int:
    """When the period was closed, in seconds; of an open one the time of the last block."""
    block, closed = m.chain_block.c, m.chain_period.c
    query = select(block.timestamp).join(m.chain_period, closed.block_number == block.number)
    found = conn.execute(query.where(closed.period == period)).scalar_one_or_none()
    return int(found if found is not None else conn.execute(select(func.max(block.timestamp))).scalar_one())


def _add_period(conn: Connection, sums: PoolSums, period: int) -> None:
    terms, restored = terms_by_key(conn), restored_before(conn, period)
    for row in conn.execute(_operations_of(period)):
        operation = told_in(Kind(row.kind), row.data)
        for leg, points in changes_of(operation.kind, operation.legs):
            stated = terms[leg.programme, leg.terms_version]
            sums.outstanding[leg.programme] += points
            issued = points > 0 if operation.kind is Kind.CONVERT else operation.kind in _OF_ISSUES
            if issued:
                sums.issued[leg.programme] += points * stated[1]
            elif operation.kind is not Kind.EXPIRE:
                gross, fee = change_of(operation, leg, restored, stated)
                sums.owed[leg.programme] += gross - fee


def _operations_of(period: int) -> Select[Any]:
    o = m.chain_operation
    return (
        select(o.c.kind, o.c.data)
        .join(m.chain_applied, m.chain_applied.c.number == o.c.batch)
        .where((m.chain_applied.c.period == period) & o.c.kind.in_([int(kind) for kind in _KINDS]))
        .order_by(o.c.batch, o.c.position)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
