"""Holds: points set apart for one merchant under one permit, captured in parts, extended, voided, expired.

The hold row says where it stands, ``hold_event`` rows say how it came there; the row that closes a
hold is UNIQUE, so a race of capture, void, refund and deadline has one winner (INV-3, D17).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Load, Numbered, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book
from ledger_service.ledger.errors import (
    CaptureTooLarge,
    ExtensionRefused,
    HoldClosed,
    HoldExpired,
    HoldUnknown,
)
from ledger_service.ledger.models import hold, hold_event
from ledger_service.ledger.rules import (
    Account,
    Movement,
    Part,
    SystemKind,
    body_text,
    left_after_capture,
    member_account,
    system_account,
)

HOLD: Load = load_by(hold, "hold_id")


class NewHold(NamedTuple):
    """A hold to be opened; ``body`` is the checkout's own matter and comes back unread."""

    hold_id: bytes
    member_id: int
    ledger_base: int
    merchant_id: int
    store_gln: int
    terminal_id: str | None
    accepted_at: datetime
    expires_at: datetime
    latest_at: datetime
    legs: tuple[Leg, ...]
    permit_digest: bytes
    max_value_micros: int
    body: dict[str, Canonical]


class HoldAct(NamedTuple):
    """Who acts on which hold, as which operation (16 bytes), at which instant; merchant None means a job.

    ``said`` is what the actor states about it and answers for; the entry keeps it.
    """

    hold_id: bytes
    merchant_id: int | None
    op_id: bytes
    at: datetime
    said: Mapping[str, Canonical] = MappingProxyType({})


class HoldView(NamedTuple):
    """A hold as it stands, its legs decoded."""

    row: Row
    legs: tuple[Leg, ...]
    left: tuple[int, ...]


def open_hold(draft: Draft, new: NewHold, at: datetime) -> Numbered:
    """The legs' points are held and no longer available.

    Args:
        draft: member locked, lots loaded.
        new: the hold; a till's clock says when it was accepted, which may be off by the tolerated skew.
        at: the instant of the request, which as-of balances go by as for every other entry.

    Raises:
        InsufficientPoints: a leg's lot has less than the leg.

    Locks: the member's row; its lots must be loaded.
    Invariants: INV-2, INV-3.
    """
    points = sum(leg.amount for leg in new.legs)
    legs: list[Canonical] = [[leg.programme, leg.terms_version, leg.epoch, leg.amount] for leg in new.legs]
    row = {
        **new._asdict(), "legs": json.dumps(legs), "legs_left": json.dumps([leg.amount for leg in new.legs]),
        "body": body_text(new.body), "state": "open", "points_held": points,
    }  # fmt: skip
    draft.add(hold, row)
    available = member_account(new.member_id, new.ledger_base, Part.AVAILABLE)
    held = member_account(new.member_id, new.ledger_base, Part.HELD)
    moves = [Movement(available, held, leg.programme, leg.epoch, leg.amount) for leg in new.legs]
    body: dict[str, Canonical] = {"hold": id_text(new.hold_id), "merchant": new.merchant_id, "legs": legs}
    return Book(draft).entry(new.hold_id, "hold", at, body, moves)


def the_hold(draft: Draft, hold_id: bytes, merchant_id: int | None) -> HoldView:
    """The hold as the command sees it.

    Args:
        draft: the command declared ``HOLD.of(hold_id)``.
        hold_id: 16 bytes.
        merchant_id: who must have opened it; None for jobs.

    Raises:
        HoldUnknown: no such hold, or another merchant's.
    """
    row = draft.get(hold, hold_id)
    if row is None or merchant_id not in (None, row["merchant_id"]):
        raise HoldUnknown(id_text(hold_id))
    legs = tuple(Leg(*leg) for leg in json.loads(row["legs"]))
    return HoldView(row, legs, tuple(json.loads(row["legs_left"])))


def capture(draft: Draft, act: HoldAct, captured: Sequence[int], *, final: bool) -> Numbered | None:
    """The captured points of each leg are redeemed at the hold's merchant; a final capture frees the rest.

    Args:
        draft: member locked; hold and lots loaded.
        act: of the hold's merchant.
        captured: points of each leg, in the order of the legs.
        final: whether what is left goes back; a capture of everything is final by itself.

    Returns:
        The entry, or None where a capture that is not final takes no point (a sale in cash).

    Raises:
        HoldUnknown, HoldClosed, HoldExpired: the hold does not serve.
        CaptureTooLarge: a leg has less left.

    Invariants: INV-2, INV-3.
    """
    view = _open(draft, act)
    _in_time(view, act)
    rest = left_after_capture(view.left, captured)
    if isinstance(rest, int):
        raise CaptureTooLarge(id_text(act.hold_id), rest, view.left[rest], captured[rest])
    closes = final or rest.emptied
    freed = rest.left if closes else (0,) * len(rest.left)
    held, available = _sides(view)
    sinks = [
        system_account(SystemKind.REDEMPTION, leg.programme, view.row["merchant_id"]) for leg in view.legs
    ]
    moves = [_move(held, sink, leg, take) for sink, leg, take in zip(sinks, view.legs, captured, strict=True)]
    moves += [_move(held, available, leg, back) for leg, back in zip(view.legs, freed, strict=True)]
    left = (0,) * len(rest.left) if closes else rest.left
    _step(draft, view, act, _Step("capture", closes, tuple(captured), left, sum(freed)))
    return _post(draft, view, act, "capture", moves)


def release(draft: Draft, act: HoldAct, kind: str) -> Numbered | None:
    """What the hold still has is available again and the hold is closed for ever.

    Args:
        draft: member locked; hold and lots loaded.
        act: of the hold's merchant, or of the job that ends holds.
        kind: ``void``, or ``expire`` for a hold whose deadline has passed.

    Raises:
        HoldUnknown, HoldClosed: the hold does not serve.

    Invariants: INV-2, INV-3.
    """
    view = _open(draft, act)
    held, available = _sides(view)
    moves = [_move(held, available, leg, back) for leg, back in zip(view.legs, view.left, strict=True)]
    nothing = (0,) * len(view.legs)
    _step(draft, view, act, _Step(kind, True, nothing, nothing, sum(view.left)))
    return _post(draft, view, act, kind, moves)


def expire(draft: Draft, act: HoldAct) -> Numbered | None:
    """A hold whose deadline has passed is closed and its points are available; any other stays as it is.

    Idempotency: a hold that is closed or not yet due is left alone.
    """
    view = the_hold(draft, act.hold_id, act.merchant_id)
    if view.row["state"] != "open" or act.at < view.row["expires_at"]:
        return None
    return release(draft, act, "expire")


def extend(draft: Draft, act: HoldAct, expires_at: datetime) -> None:
    """The hold's deadline is later (a heartbeat of a pump, a kitchen, a hotel).

    Raises:
        HoldUnknown, HoldClosed, HoldExpired: the hold does not serve.
        ExtensionRefused: the time is not later, or beyond the last deadline that the permit allows (D3).
    """
    view = _open(draft, act)
    _in_time(view, act)
    if not view.row["expires_at"] < expires_at <= view.row["latest_at"]:
        raise ExtensionRefused(id_text(act.hold_id), format_instant(view.row["latest_at"]))
    nothing = (0,) * len(view.legs)
    _step(draft, view, act, _Step("extend", False, nothing, view.left, 0))
    draft.change(hold, act.hold_id, expires_at=expires_at)


class _Step(NamedTuple):
    kind: str
    closes: bool
    captured: tuple[int, ...]
    left: tuple[int, ...]
    freed: int


def _open(draft: Draft, act: HoldAct) -> HoldView:
    view = the_hold(draft, act.hold_id, act.merchant_id)
    if view.row["state"] != "open":
        raise HoldClosed(id_text(act.hold_id))
    return view


def _in_time(view: HoldView, act: HoldAct) -> None:
    if act.at >= view.row["expires_at"]:
        raise HoldExpired(id_text(act.hold_id), format_instant(view.row["expires_at"]))


def _sides(view: HoldView) -> tuple[Account, Account]:
    member_id, base = view.row["member_id"], view.row["ledger_base"]
    return member_account(member_id, base, Part.HELD), member_account(member_id, base, Part.AVAILABLE)


def _move(source: Account, destination: Account, leg: Leg, amount: int) -> Movement:
    return Movement(source, destination, leg.programme, leg.epoch, amount)


def _step(draft: Draft, view: HoldView, act: HoldAct, step: _Step) -> None:
    row = view.row
    draft.add(hold_event, {
        "hold_id": act.hold_id, "position": row["events"] + 1, "kind": step.kind,
        "closing": 1 if step.closes else None, "op_id": act.op_id, "occurred_at": act.at,
        "captured": json.dumps(step.captured),
    })  # fmt: skip
    values: dict[str, Any] = {
        "events": row["events"] + 1, "legs_left": json.dumps(step.left),
        "points_captured": row["points_captured"] + sum(step.captured),
        "points_released": row["points_released"] + step.freed,
    }  # fmt: skip
    draft.change(hold, act.hold_id, **values, state="closed" if step.closes else "open")


def _post(draft: Draft, view: HoldView, act: HoldAct, kind: str, moves: list[Movement]) -> Numbered | None:
    moves = [move for move in moves if move.amount]
    if not moves:
        return None
    body = {"hold": id_text(act.hold_id), "merchant": view.row["merchant_id"], **act.said}
    return Book(draft).entry(act.op_id, kind, act.at, body, moves)
