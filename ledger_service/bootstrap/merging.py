"""What every room does when two members become one, and what a merge waits for."""

from __future__ import annotations

from sqlalchemy import Connection

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.tills import Secrets
from ledger_service.care.cases import CaseDesk
from ledger_service.care.merging import Following
from ledger_service.checkout import merging as checkout
from ledger_service.claims import merging as claims
from ledger_service.coupons.definitions import merging as coupon_limits
from ledger_service.coupons.stored import merging as value_cards
from ledger_service.coupons.tickets import merging as tickets
from ledger_service.coupons.wallet import merging as coupons
from ledger_service.members.consents import service as consents
from ledger_service.members.households import merging as households
from ledger_service.members.segments import service as segments
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.moving_in.queries import is_moving_in
from ledger_service.payments import merging as payments
from ledger_service.points import merging as points
from ledger_service.referrals.rewards import following as sharing
from ledger_service.risk import merging as risk
from ledger_service.tiers import merging as tiers
from ledger_service.traceability.claiming import merging as items

# Households first: their accounts are members' rows, which everybody locks before anything else.
_ROOMS = (
    households, points, tiers, coupons, coupon_limits, value_cards, tickets, risk, checkout, claims, payments,
    sharing, items, consents, segments,
)  # fmt: skip


def case_desk(secrets: Secrets) -> CaseDesk:
    """The cases of the care room, for front doors and the bridge's clerk."""
    following = Following([room.follow_merge for room in _ROOMS], _waits)
    return CaseDesk(ApiKeys(SystemRandom()), secrets.one_time, following)


def _waits(conn: Connection, closes: int, stays: int) -> bool:
    if households.would_clash(conn, closes, stays):
        return True
    return is_moving_in(conn, closes) or is_moving_in(conn, stays)
