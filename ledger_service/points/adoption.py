"""Bringing the books to what the chain has: an operation of which a restored database knows nothing is booked
as it was mined, marked as adopted, and queued under its own id, which the chain room knows to be done.

Only points are brought back. Baskets, receipts, devices and debts are not on the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ledger_service.db.bulk import Row
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import instant_of_seconds
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
)
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.holds import HOLD
from ledger_service.ledger.rules import Account, Movement, Part, SystemKind, system_account
from ledger_service.members.errors import MemberUnknown
from ledger_service.outbox.models import intent
from ledger_service.outbox.service import enqueue
from ledger_service.points.conversion.postings import conversion_movements
from ledger_service.points.models import NO_RULE, pending_issue
from ledger_service.points.parties import MEMBER_BY_ACCOUNT, Holder
from ledger_service.points.permits import PERMIT_USE, custodial_need, mark_used, nonce_key, note_custodial
from ledger_service.points.reversal import PENDING

INTENT: Load = load_by(intent, "op_id")
_SYSTEM = {
    Kind.ISSUE: SystemKind.ISSUANCE, Kind.REDEEM: SystemKind.REDEMPTION, Kind.RESTORE: SystemKind.REDEMPTION,
    Kind.CLAWBACK: SystemKind.CLAWBACK, Kind.EXPIRE: SystemKind.EXPIRED,
}  # fmt: skip


class AdoptCommand(BookCommand[bool]):
    """The operation is in the books, with an entry that says where on the chain it stands; answers whether
    this was news.

    Idempotency: by the operation's id.
    """

    def __init__(
        self, operation: Operation, facts: dict[str, Canonical], at: datetime, custodial_micros: int = 0
    ) -> None:
        """Take the operation as the chain tells it.

        Args:
            operation: one that moves points.
            facts: where it stands, and who decided that it be adopted; no personal data.
            at: the instant of the adoption.
            custodial_micros: what the contract counted against the day of a custodial key (D1).
        """
        self.operation, self.facts, self.at = operation, facts, at
        self.custodial_micros = custodial_micros
        recipient = (operation.recipient,) if isinstance(operation, Gift) else ()
        self._accounts = (operation.account, *recipient)

    def locks(self, view: Workset) -> Iterable[Need]:
        """The members."""
        return [MEMBER_BY_ACCOUNT.of(account) for account in self._accounts]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Whether the books know it already, their lots, and the permit's use."""
        yield INTENT.of(self.operation.op_id)
        if isinstance(self.operation, Issue):
            yield PENDING.of(self.operation.op_id)
        for account in self._accounts:
            row = view.one(MEMBER_BY_ACCOUNT, account)
            if row is not None:
                yield lots_of(row["member_id"])
        nonce = _nonce_of(self.operation)
        if nonce is not None:
            yield PERMIT_USE.of(self.operation.account, nonce_key(nonce))
        if self.custodial_micros:
            yield custodial_need(self.operation.account, self.operation.accepted_at)

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """The hold that has used the permit, if one has."""
        used = self._use_of_permit(view)
        if used is not None:
            yield HOLD.of(used["used_by"])

    def apply(self, draft: Draft) -> bool:
        """Book and queue it.

        Raises:
            MemberUnknown: an account that was enrolled after the backup.
            InsufficientPoints: points are held, or another operation must be adopted first.
        """
        operation = self.operation
        if draft.one(INTENT, operation.op_id) is not None:
            return False
        holders = [self._holder(draft, account) for account in self._accounts]
        moves = _movements(operation, holders)
        kind = operation.kind.name.lower()
        accepted_at = instant_of_seconds(operation.accepted_at)
        facts: dict[str, Canonical] = {**self.facts, "adopted": True}
        if isinstance(operation, Issue):
            _settle_promise(draft, operation, holders[0], facts)
        Book(draft).entry(operation.op_id, kind, accepted_at, facts, moves)
        nonce = _nonce_of(operation)
        if nonce is not None:
            self._use_permit(draft, nonce)
        enqueue(draft, operation, holders[0].member_id)
        return True

    def _use_permit(self, draft: Draft, nonce: int) -> None:
        operation = self.operation
        used = self._use_of_permit(draft)
        # What a hold may take was counted when it was made.
        held = used is not None and draft.one(HOLD, used["used_by"]) is not None
        if self.custodial_micros and not held:
            note_custodial(draft, operation.account, self.custodial_micros, operation.accepted_at)
        if used is None:
            mark_used(draft, operation.account, nonce, operation.op_id, self.at)

    def _use_of_permit(self, view: Workset | Draft) -> Row | None:
        nonce = _nonce_of(self.operation)
        return None if nonce is None else view.one(PERMIT_USE, self.operation.account, nonce_key(nonce))

    def _holder(self, draft: Draft, account: bytes) -> Holder:
        row = draft.one(MEMBER_BY_ACCOUNT, account)
        if row is None:
            raise MemberUnknown
        return Holder.of(row)


def _nonce_of(operation: Operation) -> int | None:
    """That of the member's permit; None where it took none."""
    if isinstance(operation, Convert):
        return operation.nonce if operation.terms else None
    return operation.nonce if isinstance(operation, (Redeem, Gift)) else None


def _settle_promise(draft: Draft, issue: Issue, holder: Holder, facts: dict[str, Canonical]) -> None:
    """What is pending of the issue here has vested, as much of it and into the epoch that the chain has.

    Where nobody knows of it, a sale that is repeated is refused like any other.
    """
    leg, row = issue.leg, draft.get(pending_issue, (issue.op_id,))
    vested = {"state": "vested", "leaf": issue.leaf()}
    if row is None:
        draft.add(pending_issue, {
            "op_id": issue.op_id, "member_id": holder.member_id, "programme_id": leg.programme,
            "epoch": leg.epoch, "amount": leg.amount, "left": 0, "sale_id": bytes(16),
            "rule_version": NO_RULE, "vests_at": instant_of_seconds(issue.accepted_at), **vested,
        })  # fmt: skip
    elif row["state"] == "waiting":
        promise = system_account(SystemKind.PROMISE, leg.programme)
        gone = Movement(holder.part(Part.PENDING), promise, leg.programme, row["epoch"], row["left"])
        Book(draft).entry(issue.op_id, "vest", instant_of_seconds(issue.accepted_at), facts, [gone])
        draft.change(pending_issue, issue.op_id, **vested)


def _legs(operation: Operation) -> tuple[Leg, ...]:
    if isinstance(operation, (Redeem, Clawback, Gift)):
        return operation.legs
    return (operation.leg,) if isinstance(operation, (Issue, Restore, Expire)) else ()


def _movements(operation: Operation, holders: list[Holder]) -> list[Movement]:
    if isinstance(operation, Extend):
        (was, now), own = operation.legs(), holders[0].part(Part.AVAILABLE)
        between = system_account(SystemKind.EXTENSION, was.programme)
        return [_move(own, between, was), _move(between, own, now)]
    if isinstance(operation, Convert):
        return conversion_movements(operation, holders[0].part(Part.AVAILABLE))
    return [_movement(operation, leg, holders) for leg in _legs(operation)]


def _movement(operation: Operation, leg: Leg, holders: list[Holder]) -> Movement:
    own = holders[0].part(Part.AVAILABLE)
    if isinstance(operation, Gift):
        return _move(own, holders[1].part(Part.AVAILABLE), leg)
    acceptor = operation.merchant if isinstance(operation, (Redeem, Restore)) else None
    other = system_account(_SYSTEM[operation.kind], leg.programme, acceptor)
    credit = isinstance(operation, (Issue, Restore))
    return _move(other, own, leg) if credit else _move(own, other, leg)


def _move(source: Account, destination: Account, leg: Leg) -> Movement:
    return Movement(source, destination, leg.programme, leg.epoch, leg.amount)
