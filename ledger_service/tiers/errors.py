"""Every refusal of the tiers room."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class LadderOutOfOrder(DomainError):
    """A ladder that would change what has been."""

    earliest: int

    code = "ladder-out-of-order"
    category = Category.CONFLICT
    why = "A ladder takes effect after the version before it and never in the past."
    fix = "Publish it with an effective time of `earliest` (seconds since 1970) or later."


@dataclass(eq=False)
class NoLadder(DomainError):
    """A programme without tiers."""

    programme: str

    code = "no-ladder"
    category = Category.MISSING
    why = "The programme has published no tiers."
    fix = "Publish a ladder with PUT /v1/programmes/{code}/tiers first."
