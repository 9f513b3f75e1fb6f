"""What issuers and pools pay each other for a closed period: kept by the bridge, or added up anew."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ledger_service.bootstrap.kept_figures import kept_data
from ledger_service.bootstrap.period_papers import Alliances
from ledger_service.chain.basis.flows import pool_flows
from ledger_service.chain.basis.models import chain_basis
from ledger_service.kernel.money import exponent_of, micros_of_minor
from ledger_service.settlement.bank.pools import Pools, pool_payouts, pools_paid
from ledger_service.settlement.errors import FiguresNotReady
from ledger_service.settlement.pool import PoolLine, pool_lines


def payments_of_pools(conn: Connection, whose: Alliances, period: int, *, anew: bool) -> Pools:
    """The period's payments between issuers and pools, and which are marked as paid.

    Args:
        conn: a snapshot.
        whose: the alliance.
        period: a closed one.
        anew: add the lines up from all operations where no bridge has kept them; not on a request.

    Raises:
        FiguresNotReady: they are not kept yet, and are not to be added up.
    """
    unit = micros_of_minor(1, exponent_of(whose.currency))
    return Pools(pool_payouts(_lines(conn, whose, period, anew), unit), pools_paid(conn, period))


def _lines(conn: Connection, whose: Alliances, period: int, anew: bool) -> list[PoolLine]:
    if conn.execute(select(chain_basis.c.programme_id).limit(1)).first() is None:
        return []
    kept = kept_data(conn, whose, period)
    if kept is not None:
        return kept.pools
    if not anew:
        raise FiguresNotReady(period)
    return pool_lines(pool_flows(conn, period))[-1]
