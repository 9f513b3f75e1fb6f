"""Bringing the books to what the chain has: an operation of which a restored database knows nothing is booked
as it was mined, marked as adopted, and queued under its own id, which the chain room knows to be done.

Only points are brought back. Baskets, receipts, devices and debts are not on the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.operations import Clawback, Expire, Gift, Issue, Kind, Operation, Redeem, Restore
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.rules import Account, Movement, Part, SystemKind, system_account
from ledger_service.members.errors import MemberUnknown
from ledger_service.outbox.models import intent
from ledger_service.outbox.service import enqueue
from ledger_service.points.parties import MEMBER_BY_ACCOUNT, Holder
from ledger_service.points.permits import PERMIT_USE, mark_used, nonce_key

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

    def __init__(self, operation: Operation, facts: dict[str, Canonical], at: datetime) -> None:
        """Take the operation as the chain tells it.

        Args:
            operation: one that moves points.
            facts: where it stands, and who decided that it be adopted; no personal data.
            at: the instant of the adoption.
        """
        self.operation, self.facts, self.at = operation, facts, at
        recipient = (operation.recipient,) if isinstance(operation, Gift) else ()
        self._accounts = (operation.account, *recipient)

    def locks(self, view: Workset) -> Iterable[Need]:
        """The members."""
        return [MEMBER_BY_ACCOUNT.of(account) for account in self._accounts]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Whether the books know it already, their lots, and the permit's use."""
        yield INTENT.of(self.operation.op_id)
        for account in self._accounts:
            row = view.one(MEMBER_BY_ACCOUNT, account)
            if row is not None:
                yield lots_of(row["member_id"])
        if isinstance(self.operation, (Redeem, Gift)):
            yield PERMIT_USE.of(self.operation.account, nonce_key(self.operation.nonce))

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
        moves = [_movement(operation, leg, holders) for leg in _legs(operation)]
        kind = operation.kind.name.lower()
        accepted_at = instant_of_seconds(operation.accepted_at)
        Book(draft).entry(operation.op_id, kind, accepted_at, {**self.facts, "adopted": True}, moves)
        if isinstance(operation, (Redeem, Gift)):
            key = (operation.account, nonce_key(operation.nonce))
            if draft.one(PERMIT_USE, *key) is None:
                mark_used(draft, operation.account, operation.nonce, operation.op_id, self.at)
        enqueue(draft, operation, holders[0].member_id)
        return True

    def _holder(self, draft: Draft, account: bytes) -> Holder:
        row = draft.one(MEMBER_BY_ACCOUNT, account)
        if row is None:
            raise MemberUnknown
        return Holder.of(row)


def _legs(operation: Operation) -> tuple[Leg, ...]:
    if isinstance(operation, (Redeem, Clawback, Gift)):
        return operation.legs
    return (operation.leg,) if isinstance(operation, (Issue, Restore, Expire)) else ()


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
