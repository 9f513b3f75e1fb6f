"""How proofs of items are refused."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ItemProofUnknown(DomainError):
    """No item is proven under this code."""

    code = "item-proof-unknown"
    category = Category.MISSING
    why = "There is no such item, or its batch has no root yet."
    fix = "Check GTIN and serial; roots are made as soon as all items of a batch are."
