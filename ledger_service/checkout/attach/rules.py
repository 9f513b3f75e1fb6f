"""Until when a receipt joins a member, and what is still earned of one that was partly given back: pure
rules."""

from __future__ import annotations

from collections.abc import Mapping

from ledger_service.checkout.attach.errors import AttachClosed, AttachTooLate

DEFAULT_DAYS = 30
MOST_DAYS = 365
DAY_SECONDS = 86_400


def check_age(policies: Mapping[int, int], merchant_id: int, age_seconds: int) -> None:
    """A sale of this age may join a member.

    Args:
        policies: days by merchant, of those that have published a policy.
        merchant_id: who sold.
        age_seconds: since the sale.

    Raises:
        AttachClosed: the merchant gives no days at all.
        AttachTooLate: they are over.
    """
    within_days = policies.get(merchant_id, DEFAULT_DAYS)
    if not within_days:
        raise AttachClosed
    if age_seconds > within_days * DAY_SECONDS:
        raise AttachTooLate(within_days)


def prior_recovery(reversed_points: int, *, pending: bool) -> list[int]:
    """The refunded state of an earn of which so much was never issued, since it had come back before.

    It counts as taken from the member's own points, as if all had been issued and taken back at once.
    """
    return [reversed_points, reversed_points if pending else 0, 0 if pending else reversed_points, 0]
