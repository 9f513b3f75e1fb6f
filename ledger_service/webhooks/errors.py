"""Refusals of the webhooks room."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class WebhookUnknown(DomainError):
    """No such endpoint of this merchant."""

    code = "webhook-unknown"
    category = Category.MISSING
    why = "The merchant has no webhook endpoint with this id, or it was ended."
    fix = "List the endpoints, or make one."


@dataclass(eq=False)
class WebhookAddressRefused(DomainError):
    """Messages are not sent to this address."""

    reason: str

    code = "webhook-address-refused"
    category = Category.REFUSED
    why = "The address is no https address of the open internet; `reason` says what is wrong with it."
    fix = "Give an https address with a public name, without user name and fragment."


@dataclass(eq=False)
class WebhookLimitReached(DomainError):
    """The merchant has as many endpoints as it may have."""

    most: int

    code = "webhook-limit-reached"
    category = Category.REFUSED
    why = "A merchant has at most `most` webhook endpoints."
    fix = "End one that is not used any more."
