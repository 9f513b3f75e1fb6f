"""How prize pools refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class PrizePoolUnknown(DomainError):
    """The batch has no prizes."""

    code = "prize-pool-unknown"
    category = Category.MISSING
    why = "There is no such batch, or it was opened without prizes."
    fix = "Check the batch's number; prizes are defined when a batch is opened, and never later."


@dataclass(eq=False)
class PrizeShareRefused(DomainError):
    """The brand's share of the draw cannot be opened so or now."""

    reason: str

    code = "prize-share-refused"
    category = Category.CONFLICT
    why = "The share is not what the pool commits to: `reason` is not-asked, differs, or too-early."
    fix = "Send the 32 bytes whose SHA-256 the pool names, once the pool shows the block that draws."
