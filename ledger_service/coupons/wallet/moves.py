"""A coupon's way at the checkout, inside the draft of a sale: reserve, consume, free, give back (INV-6).

What the chain is told of it waits from then on in the same unit of work (``coupons.telling``).

The caller has locked what the room's paragraph says, and has read the coupon with ``COUPON``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.coupons.telling.models import coupon_telling
from ledger_service.coupons.wallet.errors import CouponNotUsable, CouponUnknown
from ledger_service.coupons.wallet.models import coupon, coupon_event
from ledger_service.coupons.wallet.rules import AVAILABLE, CONSUMED, RESERVED, TOLD, may_use, shown_state
from ledger_service.db.workset import Draft, load_by

COUPON = load_by(coupon, "coupon_id")
# Coupons of a wallet by holder and state; a row may have left the state since, so look at it again.
WALLET = load_by(coupon, "holder", "state")


@dataclass(frozen=True, slots=True)
class Act:
    """What happens to coupons: the hold, sale or refund behind it, whose wallet, who asks, when.

    ``member_id`` is None where no member is known; then only coupons without a holder can be used.
    """

    ref: bytes
    member_id: int | None
    by: str
    at: datetime


def the_coupon(draft: Draft, coupon_id: bytes, member_id: int | None) -> Mapping[str, Any]:
    """The coupon, for whoever may use it.

    Raises:
        CouponUnknown: there is none, or it is somebody else's.
    """
    row = draft.get(coupon, coupon_id)
    if row is None or not may_use(row, member_id):
        raise CouponUnknown
    return row


def reserve(draft: Draft, coupon_id: bytes, act: Act) -> None:
    """The coupon is held for the hold ``act.ref``, and for nothing else until it is freed or consumed.

    Raises:
        CouponUnknown: none, or somebody else's.
        CouponNotUsable: reserved, consumed, void or expired.
    """
    row = the_coupon(draft, coupon_id, act.member_id)
    _check_free(row, act.at)
    _move(draft, row, ("reserved", act), state=RESERVED, used_by=act.ref)


def consume(draft: Draft, coupon_id: bytes, act: Act, hold_id: bytes | None = None) -> None:
    """The coupon is spent by the sale ``act.ref``; with ``hold_id`` it is the one that the hold reserved.

    What was reserved in time is consumed, whatever the clock says meanwhile.

    Raises:
        CouponUnknown: none, or somebody else's.
        CouponNotUsable: as ``reserve``, or another hold's.
    """
    row = the_coupon(draft, coupon_id, act.member_id)
    if hold_id is None:
        _check_free(row, act.at)
    elif row["state"] != RESERVED or row["used_by"] != hold_id:
        raise CouponNotUsable(row["state"])
    _move(draft, row, ("consumed", act), state=CONSUMED, used_by=act.ref)


def free(draft: Draft, coupon_id: bytes, act: Act) -> bool:
    """The coupon is available again where the hold ``act.ref`` reserves it; else nothing changes.

    Returns:
        Whether it was reserved by the hold.
    """
    row = draft.get(coupon, coupon_id)
    if row is None or row["state"] != RESERVED or row["used_by"] != act.ref:
        return False
    _move(draft, row, ("freed", act), state=AVAILABLE, used_by=None)
    return True


def give_back(draft: Draft, coupon_id: bytes, act: Act, sale_id: bytes) -> bool:
    """The coupon that the sale consumed is available again, once: its consumption is reversed.

    Returns:
        Whether the sale's consumption stood; a second time it does not.
    """
    row = draft.get(coupon, coupon_id)
    if row is None or row["state"] != CONSUMED or row["used_by"] != sale_id:
        return False
    _move(draft, row, ("given-back", act), state=AVAILABLE, used_by=None)
    return True


def note(draft: Draft, row: Mapping[str, Any], what: tuple[str, Act], **values: Any) -> None:
    """The coupon has these values, and the event stands in its history; ``act.ref`` empty for none."""
    _move(draft, row, what, **values)


def _check_free(row: Mapping[str, Any], at: datetime) -> None:
    state = shown_state(row, at)
    if state != AVAILABLE:
        raise CouponNotUsable(state)


def _move(draft: Draft, row: Mapping[str, Any], what: tuple[str, Act], **values: Any) -> None:
    kind, act = what
    position = row["events"]
    draft.change(coupon, row["coupon_id"], events=position + 1, **values)
    draft.add(coupon_event, {
        "coupon_id": row["coupon_id"], "position": position, "kind": kind, "member_id": act.member_id,
        "by_whom": act.by, "ref": act.ref or None, "at": act.at,
    })  # fmt: skip
    if kind in TOLD:
        telling = {"coupon_id": row["coupon_id"], "position": position, "waits": True, "op_id": None}
        draft.add(coupon_telling, telling)
