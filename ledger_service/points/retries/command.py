"""Asking for a retry, and deciding it: the books are then as they were the moment the operation was accepted.

An approved retry queues the intent again, with those of its reversals that were refused only because it was,
and moves their counterparts back out of suspense, all in one db transaction. What the contract says to it is
the bridge's to find out: refused once more, it is set aside once more, under ids that no earlier try used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger_service.db.bulk import Row
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import Gift
from ledger_service.ledger.book import Book
from ledger_service.outbox.models import State, intent
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.points.issuance import STANDING_OF_MEMBER
from ledger_service.points.models import set_aside
from ledger_service.points.parties import MEMBER_BY_ACCOUNT, MEMBER_BY_ID
from ledger_service.points.retries.errors import (
    NotSetAside,
    RetryAsked,
    RetryDecided,
    RetryHopeless,
    RetryUnknown,
)
from ledger_service.points.retries.models import set_aside_retry
from ledger_service.points.retries.rules import Refused, hopeless, left_of
from ledger_service.points.set_aside import (
    INTENT,
    ORIGINAL_SET_ASIDE,
    SET_ASIDE_OF_MEMBER,
    differences_of,
    freeze_or_free,
    suspended,
)

RETRIES: Load = load_by(set_aside_retry, "op_id")
ASIDE = State.SET_ASIDE.value


@dataclass(frozen=True, slots=True)
class AskRetry:
    """Who wants which operation (16 bytes) tried again, and what was mended, under an idempotency key."""

    op_id: bytes
    note: str
    by: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """Who decides which retry of which operation (16 bytes each), and how."""

    op_id: bytes
    retry_id: bytes
    by: str
    approve: bool
    at: datetime


class _OnOperation:
    """What both commands read: the intent, its member, what else of the member was refused, the retries."""

    def __init__(self, op_id: bytes) -> None:
        self.op_id = op_id

    def probe(self) -> Iterable[Need]:
        """The intent, for its members."""
        return [INTENT.of(self.op_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The intent, which the bridge moves, the member, and a gift's recipient."""
        yield INTENT.of(self.op_id)
        row = view.one(INTENT, self.op_id)
        if row is None or row["member_id"] is None:
            return
        yield MEMBER_BY_ID.of(row["member_id"])
        operation = readable_operation(row["payload"])
        if isinstance(operation, Gift):
            yield MEMBER_BY_ACCOUNT.of(operation.recipient)

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The retries, the operation's original, and what was refused of the members."""
        yield RETRIES.of(self.op_id)
        row = view.one(INTENT, self.op_id)
        if row is None:
            return
        if row["original_op_id"] is not None:
            yield INTENT.of(row["original_op_id"])
        for member_id in _members(view, row):
            yield SET_ASIDE_OF_MEMBER.of(member_id)
            yield STANDING_OF_MEMBER.of(member_id)

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """The intents of what was refused, for the reversals of this one among them."""
        row = view.one(INTENT, self.op_id)
        if row is None or row["member_id"] is None:
            return
        for one in view.find(SET_ASIDE_OF_MEMBER, row["member_id"]):
            yield INTENT.of(one["op_id"])

    def family(self, draft: Draft) -> list[Row]:
        """The intent, and behind it its reversals that were refused for no other reason.

        Raises:
            NotSetAside: it is not set aside.
        """
        row = draft.one(INTENT, self.op_id)
        if row is None or row["state"] != ASIDE:
            raise NotSetAside(id_text(self.op_id))
        if row["member_id"] is None:
            return [row]
        others = dict.fromkeys(one["op_id"] for one in draft.find(SET_ASIDE_OF_MEMBER, row["member_id"]))
        found = [draft.one(INTENT, op_id) for op_id in others if op_id != self.op_id]
        return [row, *(one for one in found if one is not None and _follows(one, self.op_id))]

    def require_hope(self, draft: Draft, family: Sequence[Row], at: datetime) -> None:
        """The contract may take it now, as far as can be told here.

        Raises:
            RetryHopeless: it cannot.
        """
        row = family[0]
        owner = None if row["member_id"] is None else draft.one(MEMBER_BY_ID, row["member_id"])
        cited = None if row["original_op_id"] is None else draft.one(INTENT, row["original_op_id"])
        rows = [] if owner is None else draft.find(SET_ASIDE_OF_MEMBER, row["member_id"])
        mine = {one["op_id"] for one in family}
        operation = readable_operation(row["payload"])
        stays = not isinstance(operation, Gift) or len(_members(draft, row)) > 1
        refused = Refused(
            operation,
            row["reason"],
            None if owner is None else owner["account"],
            stays,
            cited is not None and cited["state"] == ASIDE,
            left_of(one for one in rows if one["op_id"] in mine),
        )
        why = hopeless(refused, seconds_floor(at))
        if why is not None:
            raise RetryHopeless(id_text(self.op_id), why.value)


class AskRetryCommand(_OnOperation, BookCommand[bytes]):
    """The retry waits for a second person; answers its id."""

    def __init__(self, asked: AskRetry) -> None:
        """Take what is asked."""
        super().__init__(asked.op_id)
        self.asked = asked

    def apply(self, draft: Draft) -> bytes:
        """Write the request down.

        Raises:
            NotSetAside, RetryHopeless: it is not set aside, or could only be refused again.
            RetryAsked: another request of it is open.

        Locks: the intent and its members.
        """
        asked = self.asked
        self.require_hope(draft, self.family(draft), asked.at)
        for row in draft.find(RETRIES, self.op_id):
            if row["state"] == "asked":
                raise RetryAsked(id_text(self.op_id), id_text(row["retry_id"]))
        retry_id = derive_id("retry", asked.by, asked.key)
        draft.add(set_aside_retry, {
            "retry_id": retry_id, "op_id": self.op_id, "note": asked.note, "requested_by": asked.by,
            "requested_at": asked.at, "state": "asked", "decided_by": None, "decided_at": None,
        })  # fmt: skip
        return retry_id


class DecideRetryCommand(_OnOperation, BookCommand[str]):
    """The operation is queued again and its points are out of suspense, or it stays; answers the state.

    Idempotency: a retry is decided once.
    """

    def __init__(self, decision: RetryDecision) -> None:
        """Take the decision."""
        super().__init__(decision.op_id)
        self.decision = decision

    def apply(self, draft: Draft) -> str:
        """Decide.

        Raises:
            RetryUnknown, RetryDecided, SecondPersonNeeded: it cannot be decided like this.
            NotSetAside, RetryHopeless: what was asked for is not possible any more; the request stays open.

        Locks: the intent and its members. Invariants: INV-7; INV-4 with what waits in suspense.
        """
        decision = self.decision
        mine = (row for row in draft.find(RETRIES, self.op_id) if row["retry_id"] == decision.retry_id)
        row = next(mine, None)
        text = id_text(decision.retry_id)
        if row is None:
            raise RetryUnknown(text)
        if row["state"] != "asked":
            raise RetryDecided(text, row["state"])
        if row["requested_by"] == decision.by:
            raise SecondPersonNeeded
        if decision.approve:
            family = self.family(draft)
            self.require_hope(draft, family, decision.at)
            for one in family:
                _resume(draft, one, decision)
        state = "approved" if decision.approve else "declined"
        draft.change(
            set_aside_retry, decision.retry_id, state=state, decided_by=decision.by, decided_at=decision.at
        )
        return state


def _follows(row: Row, op_id: bytes) -> bool:
    follows = (row["state"], row["reason"], row["original_op_id"])
    return follows == (ASIDE, ORIGINAL_SET_ASIDE, op_id)


def _members(view: Workset | Draft, row: Row) -> list[int]:
    if row["member_id"] is None:
        return []
    operation = readable_operation(row["payload"])
    recipient = view.one(MEMBER_BY_ACCOUNT, operation.recipient) if isinstance(operation, Gift) else None
    return [row["member_id"]] if recipient is None else [row["member_id"], recipient["member_id"]]


def _resume(draft: Draft, row: Row, decision: RetryDecision) -> None:
    """One intent is queued again; where D7 was applied to it, that is taken back.

    Its reason stays until it is packed: by it the packer tells what must not go without a dry run.
    """
    draft.change(intent, row["intent_id"], state=State.QUEUED.value)
    operation, op_id = readable_operation(row["payload"]), row["op_id"]
    written = [one for member in _members(draft, row) for one in differences_of(draft, member, op_id)]
    standing = [one for one in written if one["settled_by"] is None]
    if operation is None or not standing:
        return
    for one in standing:
        draft.change(set_aside, (op_id, one["position"]), settled_by=decision.retry_id)
    for member_id, programme_id in sorted({(one["member_id"], one["programme_id"]) for one in standing}):
        freeze_or_free(draft, member_id, programme_id, f"{id_text(op_id)} {row['reason']}")
    moves = [move._replace(source=move.destination, destination=move.source) for move in suspended(operation)]
    if moves:
        facts = {"operation": id_text(op_id), "retry": id_text(decision.retry_id)}
        resumed = derive_id("resume", op_id, decision.retry_id)
        Book(draft).entry(resumed, "resume", decision.at, dict(facts), moves)
