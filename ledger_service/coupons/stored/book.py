"""Moving a card's money inside a command's draft; the card's row must be locked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.coupons.stored.errors import ValueCardShort
from ledger_service.coupons.stored.models import value_card, value_entry, value_hold
from ledger_service.coupons.stored.rules import SIDES, Kind, available_minor, sign_of
from ledger_service.db.workset import Draft, Load, load_by

# Both lock: a card by what was shown of it, or by its id.
CARD_BY_TAG: Load = load_by(value_card, "tag")
CARD: Load = load_by(value_card, "card_id")
HELD: Load = load_by(value_hold, "hold_id")
Card = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """What moves the money: the operation behind it (16 bytes), its reference at the till, where and when.

    ``paid_with`` is how a load was paid, as JSON text; None for everything else.
    """

    ref: bytes
    reference: str
    store_gln: int | None
    terminal_id: str
    at: datetime
    cashier: str | None = None
    business_day: int | None = None
    paid_with: str | None = None


def enter(draft: Draft, card: Card, kind: Kind, minor: int, act: Act) -> Card:
    """An entry of so much stands, and the card's balance has followed it; gives the card as it is then.

    Raises:
        ValueCardShort: it has less than that free.

    Locks: none of its own; the card's row must be locked.
    """
    sign = sign_of(kind)
    if sign < 0:
        check_room(card, minor)
    position, (source, destination) = card["entries"] + 1, SIDES[kind]
    draft.add(value_entry, {
        "card_id": card["card_id"], "position": position, "kind": kind.value, "source": source.value,
        "destination": destination.value, "amount_minor": minor, "ref": act.ref, "reference": act.reference,
        "paid_with": act.paid_with, "store_gln": act.store_gln, "terminal_id": act.terminal_id,
        "cashier": act.cashier, "business_day": act.business_day, "at": act.at,
    })  # fmt: skip
    balance = card["balance_minor"] + sign * minor
    return draft.change(value_card, card["card_id"], balance_minor=balance, entries=position)


def check_room(card: Card, minor: int) -> None:
    """The card could pay so much.

    Raises:
        ValueCardShort: it has less than that free.
    """
    if minor > available_minor(card):
        raise ValueCardShort(available_minor(card), minor)


def hold(draft: Draft, card: Card, hold_id: bytes, minor: int) -> None:
    """So much of the card is set apart for the hold.

    Raises:
        ValueCardShort: it has less than that free.
    """
    check_room(card, minor)
    draft.add(value_hold, {
        "hold_id": hold_id, "card_id": card["card_id"], "amount_minor": minor, "left_minor": minor,
    })  # fmt: skip
    draft.change(value_card, card["card_id"], held_minor=card["held_minor"] + minor)


def release(draft: Draft, hold_id: bytes, card: Card, minor: int) -> Card:
    """So much of what the hold set apart is free again; gives the card as it is then.

    Raises:
        ValueCardShort: the hold has less than that left.
    """
    row = draft.get(value_hold, (hold_id, card["card_id"]))
    left = 0 if row is None else row["left_minor"]
    if minor > left:
        raise ValueCardShort(left, minor)
    draft.change(value_hold, (hold_id, card["card_id"]), left_minor=left - minor)
    return draft.change(value_card, card["card_id"], held_minor=card["held_minor"] - minor)
