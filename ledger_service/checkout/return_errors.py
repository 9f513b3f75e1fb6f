"""The refusals of returns, exchanges and invoice numbers; the others of the checkout stand in ``errors``."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ReturnAtAnotherMerchant(DomainError):
    """Another merchant sold it, and the two have no agreement."""

    sold_by: str

    code = "return-at-another-merchant"
    category = Category.FORBIDDEN
    why = "Another merchant sold these goods, and the two do not take back for each other."
    fix = "Send the customer to a store of `sold_by`, or publish return policies that name one another."


@dataclass(eq=False)
class ReturnAtAnotherStore(DomainError):
    """The merchant takes goods back only where they were sold."""

    store: str

    code = "return-at-another-store"
    category = Category.FORBIDDEN
    why = "The merchant takes goods back only in the store that sold them."
    fix = "Send the customer to `store`."


@dataclass(eq=False)
class ReturnTooLate(DomainError):
    """The days to return are over."""

    within_days: int

    code = "return-too-late"
    why = "More days have passed since the sale than the merchant gives for a return."
    fix = "Refuse the return, or have the merchant publish a longer `within_days`."


@dataclass(eq=False)
class ReturnWithoutReceiptRefused(DomainError):
    """Nothing comes back without a receipt."""

    code = "return-without-receipt-refused"
    category = Category.FORBIDDEN
    why = "The merchant takes nothing back without a receipt."
    fix = "Find the sale by its invoice, reference or member, and refund that."


@dataclass(eq=False)
class ReturnWithoutReceiptLimited(DomainError):
    """Too much or too often."""

    most_minor: int
    most_per_day: int

    code = "return-without-receipt-limited"
    why = "More comes back without a receipt, or more often on one day, than the merchant allows."
    fix = "Find the sale and refund that, or take back at most what `most_minor` and `most_per_day` allow."


@dataclass(eq=False)
class ExchangePriceDiffers(DomainError):
    """Not the price of what came back."""

    line: str
    amount_minor: int
    quantity: int

    code = "exchange-price-differs"
    why = "The line names a returned one for its price, but costs another amount or is more than came back."
    fix = "Send at most `quantity` of the line, for `amount_minor`, or leave `price_of` out."


@dataclass(eq=False)
class InvoiceNumberUsed(DomainError):
    """The merchant has used the number."""

    number: str

    code = "invoice-number-used"
    why = "The merchant has another sale or refund with this number, and the law allows one."
    fix = "Look up the sale of that number, or send the right one."
