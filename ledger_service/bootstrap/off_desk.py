"""What is paid for a closed period beside the desk: between issuers and pools, kept by the bridge or added up
anew, and by the funders of coupons.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from ledger_service.bootstrap.kept_figures import kept_data
from ledger_service.bootstrap.period_papers import Alliances
from ledger_service.chain.basis.flows import pool_flows
from ledger_service.chain.basis.models import chain_basis
from ledger_service.checkout.couponing.clearing import debts_of
from ledger_service.kernel.money import exponent_of, micros_of_minor
from ledger_service.settlement.bank.off_desk import OffDesk, coupon_payouts, paid_off_desk, pool_payouts
from ledger_service.settlement.coupons import cleared
from ledger_service.settlement.errors import FiguresNotReady
from ledger_service.settlement.pool import PoolLine, pool_lines


def payments_off_desk(conn: Connection, whose: Alliances, period: int, *, anew: bool) -> OffDesk:
    """The period's payments that the desk does not know, and which are marked as paid.

    Args:
        conn: a snapshot.
        whose: the alliance.
        period: a closed one.
        anew: add the lines up from all operations where no bridge has kept them; not on a request.

    Raises:
        FiguresNotReady: they are not kept yet, and are not to be added up.
    """
    unit = micros_of_minor(1, exponent_of(whose.currency))
    pools = pool_payouts(_lines(conn, whose, period, anew), unit)
    coupons = coupon_payouts(cleared(debts_of(conn, period)).payouts)
    return OffDesk(pools | coupons, paid_off_desk(conn, period))


def _lines(conn: Connection, whose: Alliances, period: int, anew: bool) -> list[PoolLine]:
    if conn.execute(select(chain_basis.c.programme_id).limit(1)).first() is None:
        return []
    kept = kept_data(conn, whose, period)
    if kept is not None:
        return kept.pools
    if not anew:
        raise FiguresNotReady(period)
    return pool_lines(pool_flows(conn, period))[-1]
