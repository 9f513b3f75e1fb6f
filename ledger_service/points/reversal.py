"""Undoing points inside a command's draft: restored redemptions, clawed earn (D10).

An original that is queued, packed, mined or final is undone by an operation that cites it; the bridge holds
that one back until the original is proven. An original that was set aside (D7) never took effect on chain:
its points come back, or go, in the ledger alone, out of suspense and in their own epoch, so that the ledger
says again what the chain says. ADR 12 goes through every order of events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Load, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import Clawback, Issue, Restore
from ledger_service.kernel.points import MOST_LEGS, Leg
from ledger_service.ledger.book import Book
from ledger_service.ledger.rules import Movement, Part, SystemKind, system_account
from ledger_service.outbox.service import enqueue, enqueue_set_aside
from ledger_service.points.catalogue import Programme
from ledger_service.points.issuance import Grant, Worker, give_back
from ledger_service.points.models import member_programme, pending_issue
from ledger_service.points.parties import Holder
from ledger_service.points.rules import clawback_legs, epoch_of_restore, is_open, terms_in_force
from ledger_service.points.set_aside import (
    INTENT,
    ORIGINAL_SET_ASIDE,
    Change,
    original_set_aside,
    suspense_of,
    write_down,
)

PENDING: Load = load_by(pending_issue, "op_id")


@dataclass(frozen=True, slots=True)
class Reversal:
    """What is undone for whom and why: ``cause_id`` (16 bytes) is the refund, ``facts`` go into entries."""

    holder: Holder
    cause_id: bytes
    at: datetime
    facts: Mapping[str, Canonical]


@dataclass(frozen=True, slots=True)
class RedeemedLeg:
    """One leg of a redemption at ``merchant_id`` that is in the outbox or on chain."""

    merchant_id: int
    op_id: bytes
    leaf: bytes
    index: int
    leg: Leg


@dataclass(frozen=True, slots=True)
class EarnedIssue:
    """An issue that a sale caused; ``leaf`` is None while it is pending."""

    programme: Programme
    op_id: bytes
    leaf: bytes | None
    epoch: int


def reversals_of(cause_id: bytes, programme_ids: Iterable[int]) -> list[bytes]:
    """The ids of the operations that a cause may restore with, and the first that it may claw back with."""
    restored = [derive_id("restore", cause_id, index) for index in range(MOST_LEGS)]
    return restored + [derive_id("clawback", cause_id, number, 0) for number in programme_ids]


def epoch_to_restore(draft: Draft, redeemed: RedeemedLeg, programme: Programme, at: int) -> int | None:
    """The epoch that points of a redeemed leg come back to (D10); None where the calendar has run out.

    Points of a redemption that was set aside never left their epoch on chain, so they are there again.
    """
    if original_set_aside(draft, redeemed.op_id) is not None:
        return redeemed.leg.epoch
    return epoch_of_restore(programme.epoch_ends, redeemed.leg.epoch, at)


def restore(draft: Draft, reversal: Reversal, redeemed: RedeemedLeg, epoch: int, points: int) -> bytes | None:
    """So many points of a redeemed leg are available again in ``epoch``; returns the operation's leaf.

    None where the redemption was set aside: the chain is not shown what it could never prove.

    Invariants: INV-1, INV-13 (the caller passes the difference of cumulative amounts).
    """
    leg = Leg(redeemed.leg.programme, redeemed.leg.terms_version, epoch, points)
    operation = Restore(
        derive_id("restore", reversal.cause_id, redeemed.index),
        redeemed.merchant_id,
        reversal.holder.account,
        seconds_floor(reversal.at),
        redeemed.op_id,
        _leaf_sent(draft, redeemed.op_id, redeemed.leaf),
        redeemed.index,
        leg,
    )
    refused = original_set_aside(draft, redeemed.op_id) is not None
    source = system_account(SystemKind.REDEMPTION, leg.programme, redeemed.merchant_id)
    if refused:
        source = suspense_of(operation, leg.programme)
    move = Movement(source, reversal.holder.part(Part.AVAILABLE), leg.programme, epoch, points)
    Book(draft).entry(operation.op_id, "restore", reversal.at, dict(reversal.facts), [move])
    if refused:
        _set_aside(draft, operation, reversal.holder, [(leg, points)])
        return None
    return enqueue(draft, operation, reversal.holder.member_id)


def _set_aside(
    draft: Draft, operation: Restore | Clawback, holder: Holder, signed: Sequence[tuple[Leg, int]]
) -> None:
    enqueue_set_aside(draft, operation, holder.member_id, ORIGINAL_SET_ASIDE)
    changes = [Change(holder.member_id, leg.programme, leg.epoch, points) for leg, points in signed]
    write_down(draft, operation.op_id, changes, ORIGINAL_SET_ASIDE)


def pending_left(draft: Draft, op_id: bytes) -> int:
    """What is left of a pending issue that has not vested; zero after it has.

    What has lapsed counts: the member has lost it already and owes it no second time when goods come back.
    """
    row = draft.get(pending_issue, op_id)
    return int(row["left"]) if row is not None and row["state"] in ("waiting", "lapsed") else 0


def has_lapsed(draft: Draft, op_id: bytes) -> bool:
    """Whether a pending issue ended without the event that it awaited."""
    row = draft.get(pending_issue, op_id)
    return row is not None and row["state"] == "lapsed"


def leaf_of_issue(draft: Draft, issue: EarnedIssue) -> bytes | None:
    """The leaf of the issue on chain; None where it has not been sent."""
    leaf = issue.leaf
    if leaf is None:
        row = draft.get(pending_issue, issue.op_id)
        leaf = row["leaf"] if row is not None else None
    return None if leaf is None else _leaf_sent(draft, issue.op_id, leaf)


def _leaf_sent(draft: Draft, op_id: bytes, leaf: bytes) -> bytes:
    """The leaf as the outbox has it: that of the chain, where a sale was repeated after a restore."""
    row = draft.one(INTENT, op_id)
    sent: bytes = leaf if row is None else row["leaf"]
    return sent


def clawable(draft: Draft, holder: Holder, issue: EarnedIssue, at: int) -> dict[int, int]:
    """Available points by open epoch that a clawback of this issue may take; none while frozen (D7).

    Of an issue that was set aside, what is left of its own lot: nothing else lacks on chain.
    """
    programme, refused = issue.programme, original_set_aside(draft, issue.op_id)
    if isinstance(refused, Issue):
        epoch = refused.leg.epoch
        own = Book(draft).part(holder.member_id, Part.AVAILABLE, programme.programme_id, epoch)
        return {epoch: own} if own else {}
    standing = draft.get(member_programme, (holder.member_id, programme.programme_id))
    if leaf_of_issue(draft, issue) is None or (standing is not None and standing["frozen"]):
        return {}
    lots = Book(draft).lots(holder.member_id, programme.programme_id)
    return {lot.epoch: lot.available for lot in lots if is_open(programme.epoch_ends, lot.epoch, at)}


def make_due(draft: Draft, row: Row, at: datetime) -> None:
    """A pending issue vests from now on: the event that it awaited has come. One that was undone stays so."""
    if row["state"] == "waiting":
        now = instant_of_seconds(seconds_floor(at))
        draft.change(pending_issue, row["op_id"], vests_at=now, lapses=False)


def take_pending(draft: Draft, reversal: Reversal, issue: EarnedIssue, points: int, worker: Worker) -> None:
    """So many points of a pending issue are gone again; the chain never hears of them.

    Those of one that has lapsed are gone since then: nothing is posted a second time.
    """
    row = draft.get(pending_issue, issue.op_id)
    if row is None:
        raise LookupError("a pending issue is gone")
    programme_id, left = issue.programme.programme_id, row["left"] - points
    draft.change(pending_issue, issue.op_id, left=left, state=row["state"] if left else "reversed")
    if row["state"] == "lapsed":
        return
    sink = system_account(SystemKind.PROMISE, programme_id)
    move = Movement(reversal.holder.part(Part.PENDING), sink, programme_id, row["epoch"], points)
    op_id = derive_id("unpromise", reversal.cause_id, programme_id)
    Book(draft).entry(op_id, "unpromise", reversal.at, dict(reversal.facts), [move])
    give_back(draft, Grant(reversal.holder, issue.programme, points, reversal.at, op_id), worker)


def claw_back(draft: Draft, reversal: Reversal, issue: EarnedIssue, points: int) -> list[bytes]:
    """So many available points pay for the reversed earn; returns the leaves of the operations.

    Its own epoch gives first, then the latest to expire; an operation has at most eight legs. Leaves of
    operations that the chain is not shown, since the issue was set aside, are left out.

    Invariants: INV-9 (reversal of the member's own earn).
    """
    programme, leaf = issue.programme, leaf_of_issue(draft, issue)
    at = seconds_floor(reversal.at)
    terms = terms_in_force(programme.terms, at)
    if leaf is None or terms is None:
        raise LookupError("an issue that never was cannot be clawed back")
    parts = clawback_legs(clawable(draft, reversal.holder, issue, at), issue.epoch, points)
    leaves: list[bytes] = []
    for start in range(0, len(parts), MOST_LEGS):
        some = parts[start : start + MOST_LEGS]
        operation = Clawback(
            derive_id("clawback", reversal.cause_id, programme.programme_id, start),
            programme.merchant_id,
            reversal.holder.account,
            at,
            issue.op_id,
            leaf,
            tuple(Leg(programme.programme_id, terms.version, epoch, part) for epoch, part in some),
        )
        if _post_clawback(draft, reversal, operation):
            leaves.append(operation.leaf())
    return leaves


def _post_clawback(draft: Draft, reversal: Reversal, operation: Clawback) -> bool:
    refused = original_set_aside(draft, operation.original_op_id) is not None
    source = reversal.holder.part(Part.AVAILABLE)
    sinks = [
        suspense_of(operation, g.programme) if refused else system_account(SystemKind.CLAWBACK, g.programme)
        for g in operation.legs
    ]
    moves = [
        Movement(source, sink, g.programme, g.epoch, g.amount)
        for sink, g in zip(sinks, operation.legs, strict=True)
    ]
    Book(draft).entry(operation.op_id, "clawback", reversal.at, dict(reversal.facts), moves)
    if refused:
        _set_aside(draft, operation, reversal.holder, [(g, -g.amount) for g in operation.legs])
    else:
        enqueue(draft, operation, reversal.holder.member_id)
    return not refused
