"""Pure rules of stored value: accounts, kinds of entries, and what a card may do at an instant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

ACTIVE, FROZEN = "active", "frozen"
STATES = (ACTIVE, FROZEN)
GREATEST_MINOR = 9_000_000_000


class Account(StrEnum):
    """The accounts of an issuer in one currency.

    ``liability`` is what it owes to the holders of its cards, and each card is a part of it; ``tender`` is
    what tills took for cards, ``redemption`` what goods were paid with them, ``payout`` what was given in
    money.
    """

    LIABILITY = "liability"
    TENDER = "tender"
    REDEMPTION = "redemption"
    PAYOUT = "payout"


class Kind(StrEnum):
    """What an entry is: sold, loaded again, paid with, put back after a return, paid out."""

    ISSUE = "issue"
    LOAD = "load"
    PAY = "pay"
    RETURN = "return"
    PAY_OUT = "pay-out"


# From which account to which; who receives a card's money is on the right of it.
SIDES: Mapping[Kind, tuple[Account, Account]] = {
    Kind.ISSUE: (Account.TENDER, Account.LIABILITY),
    Kind.LOAD: (Account.TENDER, Account.LIABILITY),
    Kind.PAY: (Account.LIABILITY, Account.REDEMPTION),
    Kind.RETURN: (Account.REDEMPTION, Account.LIABILITY),
    Kind.PAY_OUT: (Account.LIABILITY, Account.PAYOUT),
}


def sign_of(kind: Kind) -> int:
    """1 where the entry adds to what the card holds, -1 where it takes."""
    return 1 if SIDES[kind][1] is Account.LIABILITY else -1


class Fits(NamedTuple):
    """How much of an amount a card can take up to its cap, and how much it cannot."""

    minor: int
    over_minor: int


def fits(card: Mapping[str, Any], minor: int) -> Fits:
    """What of an amount goes on the card without its balance passing the cap."""
    room = max(0, card["most_minor"] - card["balance_minor"])
    taken = min(minor, room)
    return Fits(taken, minor - taken)


def available_minor(card: Mapping[str, Any]) -> int:
    """What the card can pay with now: its balance without what is held."""
    return int(card["balance_minor"] - card["held_minor"])


def is_over(card: Mapping[str, Any], at: datetime) -> bool:
    """Whether its time is over; what it holds is still owed."""
    return card["expires_at"] is not None and card["expires_at"] <= at


def hindrance(card: Mapping[str, Any], at: datetime) -> str | None:
    """Why the card pays nothing now; None where it does."""
    if card["state"] == FROZEN:
        return "frozen"
    return "expired" if is_over(card, at) else None
