"""How stored value refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.db.errors import TracedRefusal
from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ValueCardUnknown(TracedRefusal):
    """No such card, another merchant's, or another PIN: the answer is the same."""

    code = "value-card-unknown"
    category = Category.MISSING
    why = "No card of this merchant has this code and PIN; unknown codes and wrong PINs answer alike."
    fix = "Type the code as it is printed, with the PIN that was set when the card was sold."


@dataclass(eq=False)
class ValueCardNotUsable(DomainError):
    """The card pays nothing now."""

    reason: str

    code = "value-card-not-usable"
    category = Category.CONFLICT
    why = (
        "The card cannot do this now: `reason` is frozen, expired, not-held (a capture names a card that its "
        "authorisation did not reserve), twice (one basket names it twice) or sold (its code is sold)."
    )
    fix = "Thaw or renew the card, name each card once, and capture with cards that the hold reserved."


@dataclass(eq=False)
class ValueCardShort(DomainError):
    """The card holds less than it is to pay."""

    available_minor: int
    wanted_minor: int

    code = "value-card-short"
    why = "The card has less than the tender says, or other authorisations hold part of it."
    fix = "Take at most `available_minor` from the card and the rest by another tender."


@dataclass(eq=False)
class ValueCardLimit(DomainError):
    """More than may be sold or loaded."""

    reason: str
    most_minor: int

    code = "value-card-limit"
    why = (
        "The amount does not fit: `reason` is card-cap (the most that terms and law let a card hold) or the "
        "limit of the terms that is used up: budget, budget-value, member, member-day … or store-day."
    )
    fix = "Load at most `most_minor`; a limit of the terms opens again with its day, week or month, or never."


@dataclass(eq=False)
class ValueCardNotSold(DomainError):
    """The code cannot be sold as a card."""

    reason: str

    code = "value-card-not-sold"
    why = (
        "Nothing is sold under this code: `reason` is no-terms (no version in force), no-card (its terms are "
        "no stored value), guarantee (the law asks for a guarantor, and none is named) or no-profile (no law "
        "is known for it)."
    )
    fix = "Sell codes of a definition that is live, and name its guarantor where the law asks for one."


@dataclass(eq=False)
class ValueCardNotPaidOut(DomainError):
    """The law gives the holder no money for what is left."""

    below_minor: int

    code = "value-card-not-paid-out"
    why = "The card's money buys goods: no law asks for cash here, and its merchant still takes it."
    fix = "Pay out a rest below `below_minor` (0: none), or what is left once the card's terms are withdrawn."
