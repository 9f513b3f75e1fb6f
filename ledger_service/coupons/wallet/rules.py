"""Pure rules of the wallet: states as they are shown, what an offer tells, and how wrong codes lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

AVAILABLE, RESERVED, CONSUMED, VOID = "available", "reserved", "consumed", "void"
STATES = (AVAILABLE, RESERVED, CONSUMED, VOID)
EXPIRED = "expired"
EVENTS = ("claimed", "granted", "shown", "reserved", "freed", "consumed", "given-back", "given", "voided")
# What the chain is told of.
TOLD = ("consumed", "given-back", "given")

NO_GIFT, ONCE, ALLIANCE = "none", "once", "alliance"
MOST_GIFTS = {NO_GIFT: 0, ONCE: 1, ALLIANCE: 1_000}

GUESS_WINDOW = timedelta(minutes=15)
GUESS_LOCK = timedelta(minutes=15)
# A cashier mistypes now and then for many customers; a member types its own.
MOST_WRONG_AT_TILL = 20
MOST_WRONG_OF_MEMBER = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """What the wallet must know of a definition that is live, for a coupon that is made now.

    It ends at ``ends_at``, the end itself not included; None where only the definition's own window ends it.
    ``per_member`` coupons are claimed at most by one member, None without a limit. ``payer`` is the owner
    where it alone pays for what the coupon takes off, else None.
    """

    definition_id: int
    version: int
    ends_at: datetime | None = None
    per_member: int | None = None
    gift: str = NO_GIFT
    payer: int | None = None


def shown_state(row: Mapping[str, Any], at: datetime) -> str:
    """The state as a member sees it: an available coupon whose time is over is expired."""
    over = row["expires_at"] is not None and row["expires_at"] <= at
    return EXPIRED if over and row["state"] == AVAILABLE else str(row["state"])


def givable(state: str, gifts: int, rule: str) -> bool:
    """Whether a coupon of a shown state, given away so often before, may be given to somebody else."""
    return state == AVAILABLE and gifts < MOST_GIFTS[rule]


def may_use(row: Mapping[str, Any], member_id: int | None) -> bool:
    """Whether whoever shows the coupon may: it is nobody's, or that member's own."""
    return row["holder"] is None or row["holder"] == member_id


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong codes so far, since when, and until when no more are taken."""

    wrong: int
    since: datetime
    locked_until: datetime | None


def one_wrong_more(before: Tries | None, most: int, at: datetime) -> Tries:
    """The tries after one wrong code more; the last one allowed locks."""
    if before is None or at - before.since >= GUESS_WINDOW or before.locked_until is not None:
        before = Tries(0, at, None)
    wrong = before.wrong + 1
    return Tries(wrong, before.since, at + GUESS_LOCK if wrong >= most else None)
