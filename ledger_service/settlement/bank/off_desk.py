"""What issuers and pools pay each other for a period, and what funders of coupons pay, in minor units.

The desk on chain knows none of these, so which of them a bank has paid stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.db.bulk import sql_of
from ledger_service.settlement.bank.references import COUPONS_FROM, POOLS_FROM
from ledger_service.settlement.models import off_desk_payment
from ledger_service.settlement.netting import Payout
from ledger_service.settlement.pool import PoolLine


@dataclass(frozen=True, slots=True)
class OffDesk:
    """A period's payments beside the desk by their numbers, and those that are paid."""

    payouts: Mapping[int, Payout] = field(default_factory=dict)
    paid: frozenset[int] = frozenset()


def pool_payouts(lines: Iterable[PoolLine], micros_per_minor: int) -> dict[int, Payout]:
    """The payments of a period's lines, by ``POOLS_FROM`` and the programme; none where nothing is due.

    What a pool should have after a period is what it holds, rounded down; a payment is the difference to
    what it should have had before. So however many periods there are, the account of a pool is never off by a
    whole minor unit, and each payment follows from one line alone.
    """
    found = {}
    for line in lines:
        before = line.held_micros - line.owed_micros
        minor = line.held_micros // micros_per_minor - before // micros_per_minor
        issuer, pool = line.flow.issuer, line.flow.basis.pool
        if minor and issuer != pool:
            ends = (issuer, pool) if minor > 0 else (pool, issuer)
            found[POOLS_FROM + line.flow.programme] = Payout(*ends, abs(minor))
    return found


def coupon_payouts(payouts: Sequence[Payout]) -> dict[int, Payout]:
    """The fewest payments that clear a closed period's coupons, by ``COUPONS_FROM`` and their index."""
    return {COUPONS_FROM + index: payout for index, payout in enumerate(payouts)}


def paid_off_desk(conn: Connection, period: int) -> frozenset[int]:
    """The numbers of the period's payments that are marked as paid."""
    query = select(off_desk_payment.c.number).where(off_desk_payment.c.period == period)
    return frozenset(conn.execute(query).scalars())


def mark_off_desk(
    conn: Connection, period: int, payouts: Mapping[int, Payout], evidence: bytes, at: datetime
) -> None:
    """These are paid, as the evidence says; the caller commits.

    Idempotency: by period and number; what is marked stays as it was.
    """
    rows = [
        {"period": period, "number": number, "evidence": evidence, "marked_at": at, **payout._asdict()}
        for number, payout in sorted(payouts.items())
    ]  # fmt: skip
    if rows:
        sql_of(off_desk_payment, conn).insert(conn, rows, or_ignore=True)
