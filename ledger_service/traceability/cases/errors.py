"""How the cases of items refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ItemCaseUnknown(DomainError):
    """No case of an item has this id, or it is another brand's."""

    code = "item-case-unknown"
    category = Category.MISSING
    why = "No case of your items has this id."
    fix = "Use an id that the list of cases shows."


@dataclass(eq=False)
class ItemCaseClosed(DomainError):
    """The case is closed; what happens from now on opens another."""

    closure: str

    code = "item-case-closed"
    category = Category.CONFLICT
    why = "The case was closed as `closure`, and a closed case takes nothing more."
    fix = "Look at the list: a finding that came afterwards has a case of its own."
