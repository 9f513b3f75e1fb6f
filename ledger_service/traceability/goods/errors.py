"""How goods refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ProductUnknown(DomainError):
    """No product has this GTIN, or it is another merchant's."""

    code = "product-unknown"
    category = Category.MISSING
    why = "No product of yours has this GTIN."
    fix = "Use a GTIN that the list of products shows, 14 digits."


@dataclass(eq=False)
class BatchUnknown(DomainError):
    """No batch has this number, or it is another merchant's."""

    code = "batch-unknown"
    category = Category.MISSING
    why = "No batch of yours has this number."
    fix = "Use a number that the list of a product's batches shows."


@dataclass(eq=False)
class BatchNotMade(DomainError):
    """Not all items of the batch are made yet."""

    made: int
    size: int

    code = "batch-not-made"
    category = Category.CONFLICT
    why = "Only `made` of the batch's `size` items are made, and labels are printed of whole batches."
    fix = "Let `alliance items make` end; it goes on where it was ended."


@dataclass(eq=False)
class BatchNotAnchored(DomainError):
    """The chain has not taken the batch's root yet."""

    code = "batch-not-anchored"
    category = Category.CONFLICT
    why = "Codes leave the house when the chain has the batch's root: before, another one could be made."
    fix = "Wait some seconds until the bridge has made and sent it, and ask again."
