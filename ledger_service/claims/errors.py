"""How the claims room refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ClaimUnknown(DomainError):
    """No claim has this id, or it is nothing of the caller's."""

    code = "claim-unknown"
    category = Category.MISSING
    why = "No claim has this id, or it is another member's or merchant's."
    fix = "Use the id that filing the claim answered."


@dataclass(eq=False)
class ReceiptClaimed(DomainError):
    """Somebody has claimed this receipt already."""

    code = "receipt-claimed"
    category = Category.CONFLICT
    why = "A receipt is claimed once, and this one is claimed or granted already."
    fix = "Look at the member's claims; a refused claim frees its receipt."


@dataclass(eq=False)
class ClaimTooLate(DomainError):
    """The merchant takes claims for so many days after a sale."""

    days: int

    code = "claim-too-late"
    why = "The merchant takes claims until `days` days after the sale."
    fix = "Show the member's code or number at the next purchase."


@dataclass(eq=False)
class ClaimLimitReached(DomainError):
    """As many claims as a member may file in thirty days."""

    limit: int

    code = "claim-limit-reached"
    why = "A member may file `limit` claims in thirty days."
    fix = "Wait until the oldest of them is thirty days old."


@dataclass(eq=False)
class ClaimDecided(DomainError):
    """The claim has its answer, or waits for a second person."""

    state: str

    code = "claim-decided"
    category = Category.CONFLICT
    why = "The claim is `state` and takes no other answer now."
    fix = "Look at the claim; an adjustment that was declined leaves it open again."
