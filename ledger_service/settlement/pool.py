"""Pure: what issuer and pool owe each other for a period, under the basis that was in force when it closed.

The contract's nets are those of redemptions under every basis; these lines stand beside them. What a pool
pays out gives the issuer back what it owes acceptors, so that in the end the pool has paid them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.pools import BasisKind, PoolFlow

_WHOLE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class PoolLine:
    """A programme's line of a period: paid in by the issuer, paid out to it, and what the pool then holds.

    ``drawn_micros`` is what it has paid out since its beginning, which bounds what can come back.
    """

    flow: PoolFlow
    paid_in_micros: int
    paid_out_micros: int
    held_micros: int
    drawn_micros: int

    @property
    def owed_micros(self) -> int:
        """What the issuer owes the pool; negative where the pool owes the issuer."""
        return self.paid_in_micros - self.paid_out_micros


@dataclass(slots=True)
class _Pool:
    held: int = 0
    drawn: int = 0


def pool_lines(periods: Iterable[Iterable[PoolFlow]]) -> list[list[PoolLine]]:
    """The lines of each period from the first on; a pool starts with nothing and never holds less (INV-5).

    Args:
        periods: in their order, of each the flows of the programmes that have published a basis.
    """
    found: list[list[PoolLine]] = []
    for flows in periods:
        found.append(next_lines(found[-1] if found else (), flows))
    return found


def next_lines(before: Iterable[PoolLine], flows: Iterable[PoolFlow]) -> list[PoolLine]:
    """The lines of a period, after those of the one before; a basis, once published, never goes away."""
    pools = {line.flow.programme: _Pool(line.held_micros, line.drawn_micros) for line in before}
    return [_line(pools.get(flow.programme, _Pool()), flow) for flow in flows]


def document_of(line: PoolLine) -> dict[str, Any]:
    """A line as JSON; ``owed_micros`` is negative where the pool owes the issuer."""
    return {
        "programme": line.flow.programme,
        "basis": line.flow.basis.kind.name.lower(),
        "issuer": gln_text(line.flow.issuer),
        "pool": gln_text(line.flow.basis.pool),
        "reserve_bps": line.flow.basis.reserve_bps,
        "issued_micros": line.flow.issued_micros,
        "redeemed_micros": line.flow.owed_micros,
        "outstanding": line.flow.outstanding,
        "paid_in_micros": line.paid_in_micros,
        "paid_out_micros": line.paid_out_micros,
        "owed_micros": line.owed_micros,
        "held_micros": line.held_micros,
    }


def _line(pool: _Pool, flow: PoolFlow) -> PoolLine:
    if flow.basis.kind is BasisKind.RESERVE:
        target = reserve_micros_floor(flow)
        change, pool.held = target - pool.held, target
        return PoolLine(flow, max(change, 0), max(-change, 0), target, pool.drawn)
    wanted = flow.issued_micros if flow.basis.kind is BasisKind.ISSUE else 0
    # What is clawed back was paid in before; a pool that does not have it any more gives what it has.
    paid = max(wanted, -pool.held)
    # It pays what it holds; the rest the issuer bears at redemption. What comes back had been drawn before.
    drawn = max(min(flow.owed_micros, pool.held + paid), -pool.drawn)
    pool.held += paid - drawn
    pool.drawn += drawn
    return PoolLine(flow, paid, drawn, pool.held, pool.drawn)


def reserve_micros_floor(flow: PoolFlow) -> int:
    """What the pool must hold at the end of the period: a share of the value of all that is outstanding."""
    return flow.outstanding * flow.value_micros * flow.basis.reserve_bps // _WHOLE_BPS
