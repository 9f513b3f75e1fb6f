"""How a cashier is refused."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class CashierRefused(DomainError):
    """Nobody of this merchant, or not this PIN, or so many wrong ones that it does not count any more."""

    code = "cashier-refused"
    category = Category.FORBIDDEN
    why = (
        "The merchant has no such cashier with a PIN, or this is not the PIN, or it does not count any more."
    )
    fix = "Type it again; after nine wrong ones the merchant sets a new PIN."


@dataclass(eq=False)
class CashierLocked(DomainError):
    """Too many wrong PINs a moment ago."""

    retry_after_seconds: int

    code = "cashier-locked"
    category = Category.THROTTLED
    why = "Too many wrong PINs were typed for this cashier."
    fix = "Wait `retry_after_seconds`, or have the merchant set a new PIN."


@dataclass(eq=False)
class CashierUnknown(DomainError):
    """The merchant has set no PIN for this cashier."""

    code = "cashier-unknown"
    category = Category.MISSING
    why = "The merchant has set no PIN for a cashier of this name."
    fix = "Check the name (GET /v1/cashiers), or set a PIN first."
