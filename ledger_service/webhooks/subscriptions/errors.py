"""How subscriptions refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class SubscriptionUnknown(DomainError):
    """The query has no such subscription."""

    code = "subscription-unknown"
    category = Category.MISSING
    why = "The query has no subscription with this id."
    fix = "List the subscriptions of the query."


@dataclass(eq=False)
class SubscriptionKnown(DomainError):
    """The address is subscribed already."""

    subscription: str

    code = "subscription-known"
    category = Category.CONFLICT
    why = "This address has a subscription to the query with the same schedule, and other terms."
    fix = "Delete `subscription` first, or keep it."


@dataclass(eq=False)
class SubscriptionUnfit(DomainError):
    """The query cannot be subscribed to."""

    parameter: str

    code = "subscription-unfit"
    category = Category.REFUSED
    why = "The query counts or orders events by `parameter`, which a subscription has no use for."
    fix = "Subscribe to a query without it."


@dataclass(eq=False)
class SubscriptionLimitReached(DomainError):
    """The caller has as many subscriptions as it may have."""

    most: int

    code = "subscription-limit-reached"
    category = Category.REFUSED
    why = "One may have at most `most` subscriptions."
    fix = "Delete one that is not needed any more."
