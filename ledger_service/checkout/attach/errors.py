"""How a late attach is refused."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class SaleHasMember(DomainError):
    """The sale has a member, perhaps the very one that is named."""

    sale: str

    code = "sale-has-member"
    category = Category.CONFLICT
    why = "This sale belongs to a member already, and a sale earns for one member only."
    fix = "Nothing is left to do; to repeat a call, use its own Idempotency-Key."


@dataclass(eq=False)
class SaleClaimed(DomainError):
    """A claim of missing points stands for what the sale would earn."""

    sale: str

    code = "already-claimed"
    category = Category.CONFLICT
    why = "The points of this receipt were claimed and are granted or asked for; a receipt earns once."
    fix = "Nothing is left to do. Where the claim was of another receipt, let the member file one for this."


@dataclass(eq=False)
class AttachClosed(DomainError):
    """The seller attaches no receipts afterwards."""

    code = "attach-closed"
    why = "The merchant does not let receipts join a member after the sale."
    fix = "Identify the member before the sale; the merchant may publish another attach policy."


@dataclass(eq=False)
class AttachTooLate(DomainError):
    """The sale is older than the seller's policy allows."""

    within_days: int

    code = "attach-too-late"
    why = "More than `within_days` days have passed since the sale."
    fix = "An operator may make up for it with an adjustment."


@dataclass(eq=False)
class AttachToStaff(DomainError):
    """The member is linked to somebody who works at the merchant's tills."""

    code = "attach-to-staff"
    category = Category.FORBIDDEN
    why = "The member works at this merchant, and a till does not attach receipts to its own people."
    fix = "A second person does it: the same request with a key of the merchant itself."
