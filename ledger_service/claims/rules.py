"""Pure rules of claims: what makes a receipt one, when an answer is due, and what a match says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from ledger_service.claims.errors import ClaimTooLate
from ledger_service.claims.ports import FoundSale, Receipt
from ledger_service.kernel.errors import MalformedField
from ledger_service.points.receipts.rules import bare

# What is stored; an asked claim is granted once its adjustment is approved, and open again if it is declined.
STATES = ("open", "matched", "asked", "refused")
UNANSWERED = ("open", "matched")
REASONS = (
    "has-member", "not-found", "not-eligible", "returned", "amount-differs", "already-claimed", "erased",
)  # fmt: skip
# Whatever the merchants say, a member files no more than so many claims in thirty days.
MOST_A_MONTH = 10
MONTH = timedelta(days=30)
TRY_AGAIN = timedelta(hours=6)
# A till hands in for seven days at most: what comes later than this is nobody's receipt any more.
LOOKED_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ClaimPolicy:
    """A merchant's terms: days for a claim, days for its answer, a member's claims in thirty days."""

    claim_days: int = 90
    answer_days: int = 14
    per_member_month: int = 3


def receipt_key(receipt: Receipt) -> bytes:
    """The same for whoever shows the receipt, however the reference is written."""
    parts = receipt.merchant_id, receipt.store_gln, receipt.sold_on.isoformat(), receipt.amount_minor
    return sha256("\n".join([*map(str, parts), bare(receipt.reference)]).encode()).digest()


def due_at(policy: ClaimPolicy, at: datetime) -> datetime:
    """By when a claim that is filed now has its answer."""
    return at + timedelta(days=policy.answer_days)


def check_day(sold_on: date, zone: str, policy: ClaimPolicy, at: datetime) -> None:
    """The sale's day is not to come, and not too long ago, by the store's clock.

    Raises:
        MalformedField: a day to come. ClaimTooLate: too long ago.
    """
    today = at.astimezone(ZoneInfo(zone)).date()
    if sold_on > today:
        raise MalformedField("sold_on", "must not be a day to come")
    if today > sold_on + timedelta(days=policy.claim_days):
        raise ClaimTooLate(policy.claim_days)


@dataclass(frozen=True, slots=True)
class Match:
    """What the sales say of a receipt: the state that follows, why, and the sale where there is one."""

    state: str
    reason: str | None = None
    sale: FoundSale | None = None


def match_of(found: Sequence[FoundSale], receipt: Receipt, *, claimed: bool) -> Match:
    """One sale without a member and of the same amount is a match; what a person must judge stays open.

    Args:
        found: the sales that the receipt may be of.
        receipt: the receipt.
        claimed: whether another claim has matched the one sale already.
    """
    if len(found) != 1:
        return Match("open", "not-found" if not found else None)
    one = found[0]
    if one.has_member:
        return Match("refused", "has-member")
    if claimed:
        return Match("refused", "already-claimed")
    if one.total_minor != receipt.amount_minor:
        return Match("open", "amount-differs")
    if one.returned:
        return Match("open", "returned", one)
    return Match("matched", None, one)


def shown_state(state: str, adjustment: str | None, escalated: bool) -> str:
    """What a claim is said to be, by its row and the state of its adjustment."""
    if state == "asked" and adjustment == "approved":
        return "granted"
    if state == "refused":
        return "refused"
    if escalated:
        return "escalated"
    if state == "asked" and adjustment != "declined":
        return "asked"
    return "open" if state == "asked" else state
