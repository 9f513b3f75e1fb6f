"""How payments refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class PaymentNoticeRefused(DomainError):
    """A notice that the provider has not signed for this merchant, or not now."""

    code = "payment-notice-refused"
    category = Category.UNAUTHENTICATED
    why = (
        "No signature of the provider for this merchant stands over this body, or it is older or newer than"
        " five minutes, or what it seals does not open. What of it was wrong is not said."
    )
    fix = "Check the merchant's keys in the payments file, and both clocks."


@dataclass(eq=False)
class PaymentNoticeMalformed(DomainError):
    """A signed notice that lacks what a payment has."""

    field: str

    code = "payment-notice-malformed"
    category = Category.MALFORMED
    why = "The notice is signed, but `field` is missing or has another form than the provider's."
    fix = "Compare with docs/payments.md; a notice of another kind of event needs no answer of ours."


@dataclass(eq=False)
class PaymentConflict(DomainError):
    """The order's payment, or its sale, is another one."""

    code = "payment-conflict"
    category = Category.CONFLICT
    why = "This order was paid by another transaction, or named for another sale, before."
    fix = "Use an order number once: one order, one payment, one sale."
