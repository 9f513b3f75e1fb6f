"""A merchant's published rule of returns: where goods come back, what goes back first, what needs a receipt.

Pure. Who takes goods of another merchant back needs both: the seller names it as a partner, and it says that
it takes back for the seller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ledger_service.checkout.return_errors import (
    ReturnAtAnotherMerchant,
    ReturnAtAnotherStore,
    ReturnTooLate,
    ReturnWithoutReceiptLimited,
    ReturnWithoutReceiptRefused,
)
from ledger_service.kernel.gs1 import gln_text

DAY_SECONDS = 86_400


class Where(StrEnum):
    """In which stores goods may come back."""

    SAME_STORE = "same_store"
    MERCHANT = "merchant"
    PARTNERS = "partners"


class Order(StrEnum):
    """What of a line goes back first when a part of it comes back."""

    PROPORTIONAL = "proportional"
    POINTS_FIRST = "points_first"


@dataclass(frozen=True, slots=True)
class WithoutReceipt:
    """What may come back without a receipt: so much at once, so often per member and day."""

    most_minor: int
    most_per_day: int


@dataclass(frozen=True, slots=True)
class ReturnPolicy:
    """The rule of one merchant; the default is that of a merchant that has published none."""

    where: Where = Where.MERCHANT
    partners: frozenset[int] = frozenset()
    takes_back_for: frozenset[int] = frozenset()
    order: Order = Order.PROPORTIONAL
    within_days: int | None = None
    without_receipt: WithoutReceipt | None = None


DEFAULT = ReturnPolicy()


@dataclass(frozen=True, slots=True)
class Place:
    """A merchant and one of its stores; None for a till that stands in no store."""

    merchant: int
    store: int | None


def takes_back(policies: Mapping[int, ReturnPolicy], seller: int, taker: int) -> bool:
    """Whether a merchant may take back what another sold: both must have said so."""
    if seller == taker:
        return True
    theirs, own = policies.get(seller, DEFAULT), policies.get(taker, DEFAULT)
    named = theirs.where is Where.PARTNERS and taker in theirs.partners
    return named and seller in own.takes_back_for


def check_return(
    policies: Mapping[int, ReturnPolicy], sold: Place, taken: Place, age_seconds: int
) -> ReturnPolicy:
    """Goods of one place may come back at another; returns the seller's rule.

    Raises:
        ReturnAtAnotherMerchant: the seller does not name the taker, or the taker does not take them.
        ReturnAtAnotherStore: the seller takes its goods back only where it sold them.
        ReturnTooLate: more days have passed than the seller gives.
    """
    policy = policies.get(sold.merchant, DEFAULT)
    if not takes_back(policies, sold.merchant, taken.merchant):
        raise ReturnAtAnotherMerchant(gln_text(sold.merchant))
    if policy.where is Where.SAME_STORE and taken.store != sold.store:
        raise ReturnAtAnotherStore(gln_text(sold.store or 0))
    if policy.within_days is not None and age_seconds > policy.within_days * DAY_SECONDS:
        raise ReturnTooLate(policy.within_days)
    return policy


def check_without_receipt(policy: ReturnPolicy, amount_minor: int, before_today: int) -> None:
    """So much may come back without a receipt from a member who did so ``before_today`` times.

    Raises:
        ReturnWithoutReceiptRefused: the merchant takes nothing back without one.
        ReturnWithoutReceiptLimited: too much at once, or too often.
    """
    allowed = policy.without_receipt
    if allowed is None:
        raise ReturnWithoutReceiptRefused
    if amount_minor > allowed.most_minor or before_today >= allowed.most_per_day:
        raise ReturnWithoutReceiptLimited(allowed.most_minor, allowed.most_per_day)


def policy_body(policy: ReturnPolicy) -> dict[str, Any]:
    """The policy as JSON, with every field."""
    free = policy.without_receipt
    return {
        "where": policy.where.value,
        "partners": [gln_text(gln) for gln in sorted(policy.partners)],
        "takes_back_for": [gln_text(gln) for gln in sorted(policy.takes_back_for)],
        "order": policy.order.value,
        "within_days": policy.within_days,
        "without_receipt": None
        if free is None
        else {"most_minor": free.most_minor, "most_per_day": free.most_per_day},
    }


def policy_of(body: Mapping[str, Any]) -> ReturnPolicy:
    """The policy of JSON whose values were checked; an absent field is as in the default."""
    free = body.get("without_receipt")
    return ReturnPolicy(
        Where(body.get("where", DEFAULT.where)),
        frozenset(int(gln) for gln in body.get("partners", ())),
        frozenset(int(gln) for gln in body.get("takes_back_for", ())),
        Order(body.get("order", DEFAULT.order)),
        body.get("within_days"),
        None if free is None else WithoutReceipt(free["most_minor"], free["most_per_day"]),
    )
