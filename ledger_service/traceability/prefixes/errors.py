"""How prefixes refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class PrefixOverlaps(DomainError):
    """A prefix that is allotted begins with this one, or this one with it."""

    prefix: str

    code = "prefix-overlaps"
    category = Category.CONFLICT
    why = "The allotted prefix `prefix` overlaps with it, so that a GTIN could be of two merchants."
    fix = "Allot a longer prefix beside it, or withdraw `prefix` first."


@dataclass(eq=False)
class PrefixUnknown(DomainError):
    """The prefix is not allotted."""

    code = "prefix-unknown"
    category = Category.MISSING
    why = "This prefix is not allotted."
    fix = "List the prefixes; it is named with all its digits."


@dataclass(eq=False)
class GtinOfAnother(DomainError):
    """The GTIN lies under the company prefix of another merchant."""

    prefix: str

    code = "gtin-of-another"
    category = Category.REFUSED
    why = "The GTIN lies under the GS1 company prefix `prefix`, which is another merchant's."
    fix = "Use a GTIN under a prefix of your own; if the prefix is yours, ask the operator to allot it."
