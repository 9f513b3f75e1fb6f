"""Groups that contradict each other across definitions: found when a version is written, never at a till."""

from __future__ import annotations

from collections.abc import Iterable

from ledger_service.coupons.terms.values import Stacking


def contradiction(mine: Stacking, others: Iterable[tuple[int, Stacking]]) -> tuple[int, str] | None:
    """The first of the other definitions, with the group, where one side names the other and is not allowed.

    A circle of definitions, each of which combines with the next alone, holds such a pair: none comes to be.

    Args:
        mine: of the version that is to be written.
        others: the owner's other definitions with what they say now or will say.
    """
    for definition, other in others:
        if _names_in_vain(mine, other):
            return definition, other.group
        if _names_in_vain(other, mine):
            return definition, mine.group
    return None


def _names_in_vain(one: Stacking, other: Stacking) -> bool:
    if not other.group or other.group not in one.combines_with:
        return False
    if other.exclusive or one.group in other.excludes:
        return True
    return bool(other.combines_with) and one.group != other.group and one.group not in other.combines_with
