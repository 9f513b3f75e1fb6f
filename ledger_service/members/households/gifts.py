"""Gifts to and from a household's account, as the draft of a gift books them beside the points themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ledger_service.db.workset import Draft
from ledger_service.kernel.points import Leg, Lot
from ledger_service.members.device_rows import SignerRevocation, device_of, revocation_intent
from ledger_service.members.households.errors import HouseholdGiftRefused
from ledger_service.members.households.models import household_due, household_gift, household_mate
from ledger_service.members.households.spending import DUES, HOUSE, KEYS, MATES, free_lots, mate_of_key
from ledger_service.members.models import device
from ledger_service.members.rules import revocation_second
from ledger_service.outbox.service import enqueue


class Given(NamedTuple):
    """A gift between a household, of this id and account, and a member."""

    op_id: bytes
    household_id: int
    account: bytes
    member_id: int
    legs: Sequence[Leg]
    at: datetime


def take_in(draft: Draft, given: Given) -> None:
    """A mate's gift counts as its own part; anybody else's is the household's."""
    mates = draft.find(MATES, given.household_id)
    if any(m["member_id"] == given.member_id and m["state"] == "in" for m in mates):
        _note(draft, given, 1)


def give_out(draft: Draft, given: Given, device_id: int, lots: Sequence[Lot]) -> None:
    """The points are the part of a mate that left, or the owner's at the household's end.

    A mate signs for its own part with the key that it still has for this alone; the owner may give it to it
    too, where that key is lost. With the last of its part the mate's keys are worthless on chain as well.

    Args:
        draft: with ``household_needs`` and the household's devices.
        given: the gift.
        device_id: whose key signed it.
        lots: what the household has available.

    Raises:
        HouseholdGiftRefused: nobody whom the household owes anything, or more than it owes.
    """
    signed = mate_of_key(draft, given.household_id, device_id)
    mates = {m["member_id"]: m for m in draft.find(MATES, given.household_id)}
    taker, house = mates.get(given.member_id), draft.one(HOUSE, given.household_id)
    if signed is None or taker is None or house is None or signed["frozen_at"] is not None:
        raise HouseholdGiftRefused("no-right")
    owns = signed["role"] == "owner" and signed["state"] == "in"
    if taker["state"] == "parting" and (owns or signed["member_id"] == given.member_id):
        _pay(draft, given)
    elif owns and given.member_id == signed["member_id"] and house["state"] == "closing":
        unowed = free_lots(draft, given.household_id, lots, given.at)
        free = {(f.programme, f.epoch): f.available for f in unowed}
        if any(free.get((leg.programme, leg.epoch), 0) < leg.amount for leg in given.legs):
            raise HouseholdGiftRefused("too-many")
    else:
        raise HouseholdGiftRefused("not-owed")
    _note(draft, given, -1)


def _pay(draft: Draft, given: Given) -> None:
    mine = [d for d in draft.find(DUES, given.household_id) if d["member_id"] == given.member_id]
    owed = {(d["programme_id"], d["epoch"]): d["points"] for d in mine if d["until"] > given.at}
    for leg in given.legs:
        lot = (leg.programme, leg.epoch)
        if owed.get(lot, 0) < leg.amount:
            raise HouseholdGiftRefused("too-many")
        owed[lot] -= leg.amount
        draft.change(household_due, (given.household_id, given.member_id, *lot), points=owed[lot])
    if not any(owed.values()):
        draft.change(household_mate, (given.household_id, given.member_id), state="out")
        _end_keys(draft, given)


def _end_keys(draft: Draft, given: Given) -> None:
    change = SignerRevocation(revocation_second(given.at))
    for key in draft.find(KEYS, given.household_id):
        row = draft.get(device, key["device_id"])
        if key["member_id"] != given.member_id or row is None or row["revoked_at"] is not None:
            continue
        draft.change(device, key["device_id"], status="revoked", revoked_at=given.at)
        gone = revocation_intent(given.household_id, given.account, device_of(row), change)
        enqueue(draft, gone.operation, given.household_id)


def _note(draft: Draft, given: Given, sign: int) -> None:
    for leg in given.legs:
        row = {
            "op_id": given.op_id, "epoch": leg.epoch, "household_id": given.household_id,
            "member_id": given.member_id, "programme_id": leg.programme, "points": sign * leg.amount,
            "at": given.at,
        }  # fmt: skip
        draft.add(household_gift, row)
