"""What the chain refused for good (D7): the ledger's decision stands, the difference is written down.

The counterpart of a refused operation's postings moves to suspense, so that issuance, redemption and the
other system accounts say what the chain says. While a member's lots of a programme differ from the chain, the
programme is frozen for the member; when refunds have made them equal again, it is free by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from ledger_service.db.bulk import Row
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.events import OperationSetAside
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import (
    Clawback,
    Convert,
    Expire,
    Extend,
    Gift,
    Issue,
    Kind,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book
from ledger_service.ledger.models import entry
from ledger_service.ledger.rules import Account, Movement, SystemKind, system_account
from ledger_service.members.accounts import owner_of
from ledger_service.outbox.models import PAYLOAD_UNREADABLE, State, intent, standing
from ledger_service.points.conversion.postings import conversion_movements
from ledger_service.points.issuance import STANDING_OF_MEMBER, change_standing
from ledger_service.points.models import member_programme, set_aside
from ledger_service.points.parties import MEMBER_BY_ID

INTENT: Load = load_by(intent, "op_id")
ENTRIES_OF_OPERATION: Load = load_by(entry, "op_id")
SET_ASIDE_OF_MEMBER: Load = load_by(set_aside, "member_id")
# Members by account: of the operation, and of a gift's recipient.
Owners = Mapping[bytes, int]
# Stands for the member in the postings that go to suspense.
_NOBODY = Account(0)
ORIGINAL_SET_ASIDE = "OriginalSetAside()"


class Change(NamedTuple):
    """What an operation does to a member's lot, in points with their sign."""

    member_id: int
    programme_id: int
    epoch: int
    points: int


def original_set_aside(draft: Draft, op_id: bytes) -> Operation | None:
    """The operation, where the chain has refused it for good; None for one that is on its way or there.

    Reads: ``INTENT.of(op_id)``. One that is set aside a moment later is found by the packer, which sets aside
    what cites it; the books end where they would have ended here.
    """
    row = draft.one(INTENT, op_id)
    refused = row is not None and row["state"] == State.SET_ASIDE.value
    return readable_operation(row["payload"]) if row is not None and refused else None


def suspense_of(operation: Operation, programme_id: int) -> Account:
    """Where the counterpart of a refused operation waits: the acceptor's claim, or the operator's own."""
    acceptor = operation.merchant if isinstance(operation, (Redeem, Restore, Convert)) else None
    return system_account(SystemKind.SUSPENSE, programme_id, acceptor)


def unrefused(conn: Connection, most: int) -> list[OperationSetAside]:
    """Operations that were set aside and not yet written down here, in the order of their acceptance.

    Of one that cannot be read nobody knows what to write down; the audit names the difference that it leaves.
    """
    row = intent.c
    done = exists().where((set_aside.c.op_id == row.op_id) & set_aside.c.settled_by.is_(None))
    moves_points = (row.kind < Kind.SIGNER) | row.kind.in_((int(Kind.EXTEND), int(Kind.CONVERT)))
    news = standing(State.SET_ASIDE) & row.member_id.is_not(None) & moves_points
    news &= ~done & (row.reason != PAYLOAD_UNREADABLE)
    query = select(row.op_id, row.kind, row.reason).where(news).order_by(row.intent_id).limit(most)
    return [OperationSetAside(op_id, kind, reason or "") for op_id, kind, reason in conn.execute(query)]


def write_down(draft: Draft, op_id: bytes, changes: Sequence[Change], reason: str) -> None:
    """The difference between ledger and chain counts, and each programme is frozen while there is one.

    What a retry had settled counts again. Reads: ``SET_ASIDE_OF_MEMBER`` and ``STANDING_OF_MEMBER`` of every
    member in ``changes``.
    """
    members = dict.fromkeys(change.member_id for change in changes)
    known = [row for member in members for row in differences_of(draft, member, op_id)]
    for row in known:
        draft.change(set_aside, (op_id, row["position"]), settled_by=None)
    for position, change in enumerate(() if known else changes):
        draft.add(set_aside, {"op_id": op_id, "position": position, **change._asdict()})
    for member_id, programme_id in sorted({(c.member_id, c.programme_id) for c in changes}):
        freeze_or_free(draft, member_id, programme_id, f"{id_text(op_id)} {reason}")


def differences_of(draft: Draft, member_id: int, op_id: bytes) -> list[Row]:
    """A member's rows of an operation that was set aside; reads ``SET_ASIDE_OF_MEMBER``."""
    return [row for row in draft.find(SET_ASIDE_OF_MEMBER, member_id) if row["op_id"] == op_id]


def freeze_or_free(draft: Draft, member_id: int, programme_id: int, reason: str) -> None:
    """The programme is frozen for the member while the sum of its differences is not zero, and else free.

    Reads: ``SET_ASIDE_OF_MEMBER`` and ``STANDING_OF_MEMBER`` of the member.
    """
    sums: Counter[int] = Counter()
    for row in draft.find(SET_ASIDE_OF_MEMBER, member_id):
        if row["programme_id"] == programme_id and row["settled_by"] is None:
            sums[row["epoch"]] += row["points"]
    differs = any(sums.values())
    standing = draft.get(member_programme, (member_id, programme_id))
    if differs == (standing is not None and standing["frozen"]):
        return
    why = reason if differs else None
    change_standing(draft, member_id, programme_id, frozen=differs, frozen_reason=why)


class SetAsideCommand(BookCommand[bool]):
    """What the ledger has and the chain refused is written down; answers whether this was news.

    The sale stands: what a refused redemption owes its acceptor waits in suspense, where the operator owes it
    until the difference is settled.

    Idempotency: the same operation again changes nothing, unless a retry has put it to the chain meanwhile
    and it was refused again; one that is on its way by now changes nothing.
    """

    def __init__(self, event: OperationSetAside, at: datetime, owners: Owners) -> None:
        """Take the event, and whose the accounts of its operation are now."""
        self.event = event
        self.at = at
        self.owners = owners
        self.op_id = derive_id("set-aside", event.op_id)

    def locks(self, view: Workset) -> Iterable[Need]:
        """The members: the one it concerns, and a gift's recipient."""
        return [MEMBER_BY_ID.of(member_id) for member_id in self.owners.values()]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The intent, now that the members are locked, and whether it went to suspense before."""
        return [INTENT.of(self.event.op_id), ENTRIES_OF_OPERATION.of(self.op_id)]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """The members' standing and differences."""
        for member_id in self.owners.values():
            yield STANDING_OF_MEMBER.of(member_id)
            yield SET_ASIDE_OF_MEMBER.of(member_id)

    def apply(self, draft: Draft) -> bool:
        """Write the difference down and move the counterpart to suspense."""
        row = draft.one(INTENT, self.event.op_id)
        if row is None or row["member_id"] is None or row["state"] != State.SET_ASIDE.value:
            return False
        operation = readable_operation(row["payload"])
        changes = _changes(operation, self.owners)
        known = differences_of(draft, changes[0].member_id, self.event.op_id) if changes else ()
        if operation is None or not changes or any(one["settled_by"] is None for one in known):
            return False
        before = next((one["settled_by"] for one in known), None)
        write_down(draft, self.event.op_id, changes, self.event.reason)
        self._suspend(draft, operation, before)
        return True

    def _suspend(self, draft: Draft, operation: Operation, retried_by: bytes | None) -> None:
        """The counterpart waits in suspense, under an id of its own after each retry."""
        moves = suspended(operation)
        op_id = self.op_id
        if retried_by is not None:
            op_id = derive_id("set-aside", self.event.op_id, retried_by)
        elif draft.find(ENTRIES_OF_OPERATION, op_id):
            return
        if moves:
            facts = {"operation": id_text(self.event.op_id), "reason": self.event.reason}
            Book(draft).entry(op_id, "suspend", self.at, dict(facts), moves)


def owners_of(conn: Connection, op_id: bytes) -> Owners:
    """Whose the accounts of a queued operation are, wherever they have moved since it was accepted."""
    payload = conn.execute(select(intent.c.payload).where(intent.c.op_id == op_id)).scalar_one_or_none()
    operation = None if payload is None else readable_operation(payload)
    if operation is None:
        return {}
    accounts = [operation.account] + ([operation.recipient] if isinstance(operation, Gift) else [])
    found = ((account, owner_of(conn, account)) for account in accounts)
    return {account: owner for account, owner in found if owner is not None}


def _changes(operation: Operation | None, owners: Owners) -> list[Change]:
    if operation is None or isinstance(operation, SignerChange) or operation.account not in owners:
        return []
    signed = [Change(owners[operation.account], *change) for change in _signed(operation)]
    if isinstance(operation, Gift) and operation.recipient in owners:
        to = owners[operation.recipient]
        signed += [Change(to, leg.programme, leg.epoch, leg.amount) for leg in operation.legs]
    return signed


def _signed(operation: Operation) -> Iterable[tuple[int, int, int]]:
    """What the operation does to lots of its account: programme, epoch and points with their sign."""
    if isinstance(operation, Extend):
        was, now = operation.legs()
        moved = [(was, -1), (now, 1)]
    elif isinstance(operation, Convert):
        *taken, into = operation.legs
        moved = [*((leg, -1) for leg in taken), (into, 1)]
    else:
        sign = 1 if isinstance(operation, (Issue, Restore)) else -1
        moved = [(leg, sign) for leg in _legs(operation)]
    return [(leg.programme, leg.epoch, sign * leg.amount) for leg, sign in moved]


def _legs(operation: Operation) -> tuple[Leg, ...]:
    if isinstance(operation, (Redeem, Clawback, Gift)):
        return operation.legs
    return (operation.leg,) if isinstance(operation, (Issue, Restore, Expire)) else ()


def suspended(operation: Operation) -> list[Movement]:
    """The moves that put the counterpart of a refused operation into suspense; none for a gift's."""
    if isinstance(operation, Gift):
        return []
    if isinstance(operation, Extend):
        was, now = operation.legs()
        between = system_account(SystemKind.EXTENSION, was.programme)
        suspense = suspense_of(operation, was.programme)
        return [
            Movement(between, suspense, was.programme, was.epoch, was.amount),
            Movement(suspense, between, now.programme, now.epoch, now.amount),
        ]
    if isinstance(operation, Convert):
        return [_beside_suspense(move, operation) for move in conversion_movements(operation, _NOBODY)]
    return [_to_suspense(operation, leg) for leg in _legs(operation)]


def _beside_suspense(move: Movement, operation: Operation) -> Movement:
    """The posting of a refused conversion with suspense in the place of its system account's other side."""
    suspense = suspense_of(operation, move.programme_id)
    if move.source is _NOBODY:
        return move._replace(source=move.destination, destination=suspense)
    return move._replace(source=suspense, destination=move.source)


def _to_suspense(operation: Operation, leg: Leg) -> Movement:
    """The move that takes a refused operation's posting off its system account."""
    suspense = suspense_of(operation, leg.programme)
    kind = {
        Redeem: SystemKind.REDEMPTION, Restore: SystemKind.REDEMPTION, Issue: SystemKind.ISSUANCE,
        Clawback: SystemKind.CLAWBACK, Expire: SystemKind.EXPIRED,
    }[type(operation)]  # fmt: skip
    acceptor = operation.merchant if kind is SystemKind.REDEMPTION else None
    account = system_account(kind, leg.programme, acceptor)
    if isinstance(operation, (Issue, Restore)):
        return Movement(suspense, account, leg.programme, leg.epoch, leg.amount)
    return Movement(account, suspense, leg.programme, leg.epoch, leg.amount)
