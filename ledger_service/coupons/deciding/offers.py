"""Coupons that a basket qualifies for, and which of them may stand together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from ledger_service.coupons.deciding.effects import Effect

# More than coupons can be in one basket.
UNLIMITED = 1_000


class Step(IntEnum):
    """The order in which coupons are applied."""

    PIECES = 1
    PERCENT = 2
    AMOUNT = 3
    BESIDE = 4


@dataclass(frozen=True, slots=True)
class Stack:
    """What a coupon lets stand beside it.

    At most ``most_per_group`` coupons of its ``group``; none of a group that it ``excludes``; where
    ``combines_with`` names groups, only those and its own. Each of two coupons must allow the other.
    """

    group: str = ""
    exclusive: bool = False
    most_per_group: int = UNLIMITED
    combines_with: frozenset[str] = frozenset()
    excludes: frozenset[str] = frozenset()

    def allows(self, group: str) -> bool:
        """Whether a coupon of the group may stand beside this one, as far as this one says."""
        if group in self.excludes:
            return False
        return not self.combines_with or group == self.group or group in self.combines_with


@dataclass(frozen=True, slots=True)
class Offer:
    """A coupon that the basket qualifies for.

    ``key`` names the candidate; ``expires_at`` in seconds decides between equals. At most
    ``most_of_definition`` coupons of the definition may be used in this basket. ``funders`` are (party, bps)
    that sum to 10,000; ``lowers_tax`` says that tax is due on what is left only; ``promise`` is what it gives
    beside the goods, in words of the terms.
    """

    key: str
    definition: int
    version: int
    expires_at: int
    step: Step
    effect: Effect
    stack: Stack
    most_of_definition: int = UNLIMITED
    funders: tuple[tuple[int, int], ...] = ()
    lowers_tax: bool = True
    promise: tuple[str, int] | None = None

    @property
    def twin(self) -> tuple[int, int, Effect, Stack]:
        """What coupons share that do the same in this basket."""
        return self.definition, self.version, self.effect, self.stack

    @property
    def in_order(self) -> tuple[int, int, str]:
        """The place in the order of application."""
        return self.step, self.definition, self.key

    @property
    def by_expiry(self) -> tuple[int, int, str]:
        """Which of two equal coupons is used first: soonest expiry, then lowest id."""
        return self.expires_at, self.definition, self.key


def clash(one: Offer, other: Offer) -> bool:
    """Whether two coupons may not stand in one basket because of their groups."""
    if one.stack.exclusive or other.stack.exclusive:
        return True
    return not (one.stack.allows(other.stack.group) and other.stack.allows(one.stack.group))


def fit(chosen: Sequence[Offer], pieces: Sequence[int]) -> bool:
    """Whether no piece is used by two coupons."""
    used: dict[int, int] = {}
    for offer in chosen:
        for line, count in offer.effect.uses:
            used[line] = used.get(line, 0) + count
    return all(count <= pieces[line] for line, count in used.items())


def lawful(chosen: Sequence[Offer], most_coupons: int, pieces: Sequence[int]) -> bool:
    """Whether these coupons may stand in one basket: the rule itself, which the search must agree with."""
    if len(chosen) > most_coupons or not fit(chosen, pieces):
        return False
    for at, one in enumerate(chosen):
        if any(clash(one, other) for other in chosen[at + 1 :]):
            return False
        if sum(o.stack.group == one.stack.group for o in chosen) > one.stack.most_per_group:
            return False
        if sum(o.definition == one.definition for o in chosen) > one.most_of_definition:
            return False
    return True
