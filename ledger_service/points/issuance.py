"""Issuing points inside a command's draft: caps by blocks (D11), debts collected (D10), pending points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.operations import Issue, IssueReason
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book
from ledger_service.ledger.rules import Movement, Part, SystemKind, system_account
from ledger_service.outbox.service import enqueue
from ledger_service.points.catalogue import Programme
from ledger_service.points.models import issuance_reservation, member_programme, pending_issue
from ledger_service.points.parties import Holder
from ledger_service.points.pending_rules import PendingTerms, Waiting, waiting_of
from ledger_service.points.rules import (
    Terms,
    debt_collected,
    epoch_of_issue,
    is_open,
    terms_in_force,
)

STANDING_OF_MEMBER: Load = load_by(member_programme, "member_id")
# Reasons of points that wait until they vest and that pay an old debt first.
_EARNED = (IssueReason.EARN, IssueReason.REWARD)
BLOCK: Load = load_by(issuance_reservation, "programme_id", "worker")


class BlockEmpty(Exception):
    """The worker's block does not hold what an issue needs: draw (``budget.draw``) and decide again."""

    def __init__(self, programme: Programme, need: int, at: int) -> None:
        super().__init__(programme.programme_id, need)
        self.programme = programme
        self.need = need
        self.at = at


@dataclass(frozen=True, slots=True)
class Worker:
    """Whose blocks are drawn on; ``exhausted`` programmes have no cap left, as the last draw found."""

    name: str
    exhausted: frozenset[int] = frozenset()

    def needs(self, programmes: Iterable[Programme]) -> list[Need]:
        """The blocks that issues of these programmes draw on."""
        return [BLOCK.of(p.programme_id, self.name) for p in programmes]


@dataclass(frozen=True, slots=True)
class Grant:
    """Points to issue: ``op_id`` is the issue's, ``facts`` go into the entry (rule version, sale …).

    ``pending`` is what an earn waits for, None for the programme's days. ``known_at`` is when a sale that was
    made without a connection came in. ``since`` (seconds) is the instant by which waiting, validity and epoch
    are counted, where that is before ``at``; None where it is ``at``.
    """

    holder: Holder
    programme: Programme
    points: int
    at: datetime
    op_id: bytes
    reason: IssueReason = IssueReason.EARN
    sale_id: bytes = bytes(16)
    rule_version: int = 0
    facts: Mapping[str, Canonical] = field(default_factory=dict)
    pending: PendingTerms | None = None
    known_at: datetime | None = None
    since: int | None = None

    def waiting(self, second: int) -> Waiting | None:
        """What the points wait for from this second on; None where they are issued at once."""
        if self.reason not in _EARNED:
            return None
        known_at = second if self.known_at is None else seconds_floor(self.known_at)
        return waiting_of(self.programme.pending if self.pending is None else self.pending, second, known_at)


@dataclass(frozen=True, slots=True)
class Issued:
    """What became of a grant.

    ``net`` points went to the member after ``collected`` paid an old debt; ``leaf`` is the chain
    operation's, None while pending or when nothing was left. ``refused`` names why nothing was issued.
    ``waiting`` is what pending points wait for.
    """

    net: int
    collected: int
    epoch: int
    expires_at: int
    state: str
    leaf: bytes | None = None
    refused: str | None = None
    waiting: Waiting | None = None


def issue(draft: Draft, grant: Grant, worker: Worker) -> Issued:
    """The points stand on the member's account, or wait there as pending, or a reason says why not.

    Reads: the member's ``STANDING_OF_MEMBER`` and lots, and the worker's ``BLOCK`` of the programme.

    Raises:
        BlockEmpty: the block must be refilled first.

    Invariants: INV-10, INV-11.
    """
    programme, second = grant.programme, seconds_floor(grant.at)
    since = second if grant.since is None else grant.since
    waiting = grant.waiting(since)
    vests_at = since if waiting is None else waiting.vests_at
    terms = terms_in_force(programme.terms, since)
    if terms is None:
        return _refused("no-terms")
    epoch = epoch_of_issue(programme.epoch_ends, vests_at, terms.validity_epochs)
    if epoch is None or (programme.end is not None and vests_at >= programme.end.closing.effective_from):
        return _refused("calendar-exhausted" if epoch is None else "programme-ends")
    if since != second:
        refusal, waiting, terms = _by_now(programme, (epoch, waiting, terms), second)
        if refusal is not None:
            return _refused(refusal)
    collected = 0
    if grant.reason in _EARNED:
        collected = debt_collected(debt_of(draft, grant.holder, programme), grant.points)
    net = grant.points - collected
    if net and not take_block(draft, grant, net, worker):
        return _refused("cap-exhausted")
    leaf, state = None, "available"
    if net and waiting is not None:
        state = "pending"
        _post_pending(draft, grant, Leg(programme.programme_id, terms.version, epoch, net), waiting)
    elif net:
        leaf = post_issue(draft, grant, Leg(programme.programme_id, terms.version, epoch, net))
    if collected:
        _collect(draft, grant, collected)
    ends_at = programme.epoch_ends[epoch - 1]
    return Issued(net, collected, epoch, ends_at, state, leaf, None, waiting if net else None)


def _by_now(
    programme: Programme, then: tuple[int, Waiting | None, Terms], second: int
) -> tuple[str | None, Waiting | None, Terms]:
    """What is left of an earn of the past: why nothing is, or what it still waits for and by which terms."""
    epoch, waiting, terms = then
    if waiting is not None and waiting.vests_at <= second:
        if waiting.lapses:
            return "lapsed", waiting, terms
        waiting = None
    refusal = None if is_open(programme.epoch_ends, epoch, second) else "expired"
    # The chain judges an operation by the terms at its acceptance.
    return refusal, waiting, terms_in_force(programme.terms, second) or terms


def debt_of(draft: Draft, holder: Holder, programme: Programme) -> int:
    """What the member still owes the programme."""
    row = draft.get(member_programme, (holder.member_id, programme.programme_id))
    return row["debt"] if row is not None else 0


def change_standing(draft: Draft, member_id: int, programme_id: int, **values: Any) -> None:
    """These columns of the member's standing with a programme will have these values."""
    if draft.get(member_programme, (member_id, programme_id)) is None:
        draft.add(member_programme, {"member_id": member_id, "programme_id": programme_id, **values})
    else:
        draft.change(member_programme, (member_id, programme_id), **values)


def add_debt(draft: Draft, grant: Grant, points: int) -> None:
    """The member owes the programme so many points more; ``grant`` names holder, programme and cause."""
    owed = debt_of(draft, grant.holder, grant.programme)
    programme_id = grant.programme.programme_id
    change_standing(draft, grant.holder.member_id, programme_id, debt=owed + points)
    contra = system_account(SystemKind.DEBT_CONTRA, programme_id)
    move = Movement(grant.holder.part(Part.DEBT), contra, programme_id, 0, points)
    op_id = derive_id("debt", grant.op_id, programme_id)
    Book(draft).entry(op_id, "debt", grant.at, dict(grant.facts), [move])


def post_issue(draft: Draft, grant: Grant, leg: Leg) -> bytes:
    """The issue is posted and queued for the chain; returns its leaf."""
    operation = Issue(
        grant.op_id,
        grant.programme.merchant_id,
        grant.holder.account,
        seconds_floor(grant.at),
        int(grant.reason),
        leg,
    )
    source = system_account(SystemKind.ISSUANCE, leg.programme)
    move = Movement(source, grant.holder.part(Part.AVAILABLE), leg.programme, leg.epoch, leg.amount)
    Book(draft).entry(grant.op_id, "issue", grant.at, dict(grant.facts), [move])
    return enqueue(draft, operation, grant.holder.member_id)


def _post_pending(draft: Draft, grant: Grant, leg: Leg, waiting: Waiting) -> None:
    source = system_account(SystemKind.PROMISE, leg.programme)
    move = Movement(source, grant.holder.part(Part.PENDING), leg.programme, leg.epoch, leg.amount)
    facts: dict[str, Canonical] = {**grant.facts, "vests_at": waiting.vests_at}
    if waiting.event is not None:
        facts["awaits"] = waiting.event
    Book(draft).entry(grant.op_id, "promise", grant.at, facts, [move])
    row = {
        "op_id": grant.op_id,
        "member_id": grant.holder.member_id,
        "programme_id": leg.programme,
        "epoch": leg.epoch,
        "amount": leg.amount,
        "left": leg.amount,
        "vests_at": instant_of_seconds(waiting.vests_at),
        "sale_id": grant.sale_id,
        "rule_version": grant.rule_version,
        "awaits": waiting.event,
        "lapses": waiting.lapses,
        "reason": int(grant.reason),
    }
    draft.add(pending_issue, row)


def _collect(draft: Draft, grant: Grant, points: int) -> None:
    programme_id = grant.programme.programme_id
    owed = debt_of(draft, grant.holder, grant.programme)
    change_standing(draft, grant.holder.member_id, programme_id, debt=owed - points)
    contra = system_account(SystemKind.DEBT_CONTRA, programme_id)
    move = Movement(contra, grant.holder.part(Part.DEBT), programme_id, 0, points)
    facts: dict[str, Canonical] = {**grant.facts, "earned_by": id_text(grant.op_id)}
    op_id = derive_id("collect", grant.op_id, programme_id)
    Book(draft).entry(op_id, "collect", grant.at, facts, [move])


def take_block(draft: Draft, grant: Grant, need: int, worker: Worker) -> bool:
    """So many points are drawn of the worker's block; False where the cap leaves no more (D11).

    Reads: ``worker.needs`` of the programme.

    Raises:
        BlockEmpty: the block must be refilled first.
    """
    programme, second = grant.programme, seconds_floor(grant.at)
    key = (programme.programme_id, worker.name)
    row = draft.get(issuance_reservation, key)
    cap = programme.cap_at(second)
    if row is None or row["remaining"] < need or row["cap"] > cap:
        if programme.programme_id in worker.exhausted:
            return False
        raise BlockEmpty(programme, need, second)
    draft.change(issuance_reservation, key, remaining=row["remaining"] - need)
    return True


def give_back(draft: Draft, grant: Grant, worker: Worker) -> None:
    """Points that were promised but never issued count for the worker's block again."""
    key = (grant.programme.programme_id, worker.name)
    row = draft.get(issuance_reservation, key)
    if row is not None:
        draft.change(issuance_reservation, key, remaining=row["remaining"] + grant.points)
        return
    names = ("programme_id", "worker", "remaining", "cap")
    cap = grant.programme.cap_at(seconds_floor(grant.at))
    draft.add(issuance_reservation, dict(zip(names, (*key, grant.points, cap), strict=True)))


def _refused(reason: str) -> Issued:
    return Issued(0, 0, 0, 0, "none", None, reason)
