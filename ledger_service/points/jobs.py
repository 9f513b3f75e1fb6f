"""Steps of the vesting and the expiry job: each takes some rows and is safe to repeat or cut off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import micros_of, seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.operations import Expire, IssueReason
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.rules import Movement, Part, SystemKind, system_account
from ledger_service.outbox.service import enqueue
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.issuance import Grant, post_issue
from ledger_service.points.models import pending_issue
from ledger_service.points.parties import MEMBER_BY_ID, Holder
from ledger_service.points.reversal import PENDING
from ledger_service.points.rules import epoch_of_restore, may_expire, terms_in_force


class VestCommand(BookCommand[int]):
    """Pending issues whose time has come are issued; answers how many.

    Idempotency: an issue that is not waiting any more, or not yet due, is left alone.
    """

    def __init__(self, op_ids: Sequence[bytes], catalogue: Catalogue, at: datetime) -> None:
        """Take the issues to look at."""
        self.op_ids = op_ids
        self.catalogue = catalogue
        self.at = at

    def probe(self) -> Iterable[Need]:
        """The issues, for their members."""
        return [PENDING.of(op_id) for op_id in self.op_ids]

    def locks(self, view: Workset) -> Iterable[Need]:
        """Their members."""
        rows = (view.one(PENDING, op_id) for op_id in self.op_ids)
        return [MEMBER_BY_ID.of(row["member_id"]) for row in rows if row is not None]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The issues as they stand under the locks."""
        return [PENDING.of(op_id) for op_id in self.op_ids]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """The members' lots."""
        rows = (view.one(PENDING, op_id) for op_id in self.op_ids)
        return [lots_of(row["member_id"]) for row in rows if row is not None]

    def apply(self, draft: Draft) -> int:
        """Issue what is due."""
        return sum(self._vest(draft, op_id) for op_id in self.op_ids)

    def _vest(self, draft: Draft, op_id: bytes) -> bool:
        row = draft.get(pending_issue, op_id)
        if row is None or row["state"] != "waiting" or row["vests_at"] > self.at:
            return False
        programme, second = self.catalogue.programmes[row["programme_id"]], seconds_floor(self.at)
        terms = terms_in_force(programme.terms, second)
        epoch = epoch_of_restore(programme.epoch_ends, row["epoch"], second)
        member = draft.one(MEMBER_BY_ID, row["member_id"])
        if terms is None or epoch is None or member is None:
            return False  # waits until the issuer has appended epochs
        holder = Holder.of(member)
        facts = {"sale": id_text(row["sale_id"]), "rule": row["rule_version"]}
        grant = Grant(holder, programme, row["left"], self.at, op_id, IssueReason.EARN, facts=facts)
        promise = system_account(SystemKind.PROMISE, programme.programme_id)
        move = Movement(
            holder.part(Part.PENDING), promise, programme.programme_id, row["epoch"], row["left"]
        )
        Book(draft).entry(op_id, "vest", self.at, dict(facts), [move])
        leaf = post_issue(draft, grant, Leg(programme.programme_id, terms.version, epoch, row["left"]))
        draft.change(pending_issue, op_id, state="vested", leaf=leaf)
        return True


@dataclass(frozen=True, slots=True)
class EndedEpoch:
    """An epoch of a programme that may have ended."""

    programme: Programme
    epoch: int


class ExpireCommand(BookCommand[int]):
    """What members still have available of an ended epoch is expired; answers how many points.

    Held points stay until their hold ends and are found by a later run (D9).

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
        """Their lots."""
        return [lots_of(member_id) for member_id in self.member_ids]

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
        if member is None or terms is None or not points:
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
