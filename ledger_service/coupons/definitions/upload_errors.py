"""The refusal of a file of goods as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class GoodsFileRefused(DomainError):
    """A file that is no list of goods."""

    reason: str
    line: int

    code = "goods-file-refused"
    category = Category.MALFORMED
    why = "The file does not begin with the columns that are asked for, or too many of its rows are bad."
    fix = "`reason` and `line` say where it was given up; rows before it are in. See docs/coupons.md."


@dataclass(eq=False)
class GoodsListUnknown(DomainError):
    """No such list, or another merchant's."""

    code = "goods-list-unknown"
    category = Category.MISSING
    why = "The merchant has no goods list of that code."
    fix = "Create the list first, then fill it."
