"""How offline sales are refused."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class OfflineSaleTooLate(DomainError):
    """Uploaded when the chain would not take it any more (D3)."""

    sold_at: str
    most_days: int

    code = "offline-sale-too-late"
    why = "The offline sale was uploaded more than `most_days` days after it was made; nothing of it counts."
    fix = "Nothing can be booked for it; it stays listed. Let tills synchronise every day."


@dataclass(eq=False)
class OfflineSaleUnknown(DomainError):
    """No offline sale with that id."""

    sale: str

    code = "offline-sale-unknown"
    category = Category.MISSING
    why = "No offline sale of the caller with that id was uploaded and decided."
    fix = "Upload it; a sale that is waiting is kept by the till alone."


@dataclass(eq=False)
class OfflineDebtRefused(DomainError):
    """The loss does not become a debt."""

    reason: str

    code = "offline-debt-refused"
    why = "The member's debt for an offline loss cannot be decided, as `reason` says."
    fix = "Decide a loss once, and only one that a member is flagged for, at a merchant with a programme."
