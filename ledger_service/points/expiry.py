"""Steps of the expiry job: each takes some rows and is safe to repeat or cut off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import micros_of, seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import Expire
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.rules import Movement, Part, SystemKind, system_account
from ledger_service.outbox.service import enqueue
from ledger_service.points.catalogue import Programme
from ledger_service.points.issuance import STANDING_OF_MEMBER
from ledger_service.points.models import member_programme
from ledger_service.points.parties import MEMBER_BY_ID, Holder
from ledger_service.points.rules import may_expire, terms_in_force


@dataclass(frozen=True, slots=True)
class EndedEpoch:
    """An epoch of a programme that may have ended."""

    programme: Programme
    epoch: int


class ExpireCommand(BookCommand[int]):
    """What members still have available of an ended epoch is expired; answers how many points.

    Held points stay until their hold ends and are found by a later run (D9); so does what is frozen (D7).

    Idempotency: a lot without available points, or of an epoch that has not ended long enough, is left alone.
    Invariants: INV-11.
    """

    def __init__(self, ended: EndedEpoch, member_ids: Sequence[int], at: datetime) -> None:
        """Take the members to look at."""
        self.ended = ended
        self.member_ids = member_ids
        self.at = at

    def locks(self, view: Workset) -> Iterable[Need]:
        """The members."""
        return [MEMBER_BY_ID.of(member_id) for member_id in self.member_ids]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Their lots and standing."""
        for member_id in self.member_ids:
            yield lots_of(member_id)
            yield STANDING_OF_MEMBER.of(member_id)

    def apply(self, draft: Draft) -> int:
        """Expire what is there."""
        if not may_expire(self.ended.programme.epoch_ends, self.ended.epoch, seconds_floor(self.at)):
            return 0
        return sum(self._expire(draft, member_id) for member_id in self.member_ids)

    def _expire(self, draft: Draft, member_id: int) -> int:
        programme, epoch = self.ended.programme, self.ended.epoch
        member = draft.one(MEMBER_BY_ID, member_id)
        terms = terms_in_force(programme.terms, seconds_floor(self.at))
        book = Book(draft)
        points = book.part(member_id, Part.AVAILABLE, programme.programme_id, epoch)
        standing = draft.get(member_programme, (member_id, programme.programme_id))
        frozen = standing is not None and standing["frozen"]
        if member is None or terms is None or frozen or not points:
            return 0
        holder = Holder.of(member)
        # A hold that is freed later leaves a second rest of the same lot: the instant tells them apart.
        op_id = derive_id("expire", programme.programme_id, epoch, member_id, micros_of(self.at))
        leg = Leg(programme.programme_id, terms.version, epoch, points)
        operation = Expire(op_id, programme.merchant_id, holder.account, seconds_floor(self.at), leg)
        sink = system_account(SystemKind.EXPIRED, programme.programme_id)
        move = Movement(holder.part(Part.AVAILABLE), sink, leg.programme, epoch, points)
        book.entry(op_id, "expire", self.at, {"epoch_ended_at": programme.epoch_ends[epoch - 1]}, [move])
        enqueue(draft, operation, member_id)
        return points
