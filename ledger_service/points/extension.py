"""Points get a later end: in the ledger through a system account of its own in both epochs, so that each
asset sums to zero (INV-1), and as an operation for the chain; never an earlier end (INV-11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.db.commands import BookCommand
from ledger_service.db.models import alliance
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import micros_of, seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import Extend
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.rules import Movement, Part, SystemKind, system_account
from ledger_service.outbox.service import enqueue
from ledger_service.points.catalogue import Programme
from ledger_service.points.errors import HouseTakesNoExtensions
from ledger_service.points.issuance import STANDING_OF_MEMBER
from ledger_service.points.models import member_programme
from ledger_service.points.parties import MEMBER_BY_ID, Holder
from ledger_service.points.rules import is_open


@dataclass(frozen=True, slots=True)
class Prolonging:
    """Points of one lot of a member that go to another epoch, and why."""

    holder: Holder
    programme: Programme
    epoch: int
    into_epoch: int
    points: int
    op_id: bytes
    facts: dict[str, Canonical]


def require_extending_house(conn: Connection) -> None:
    """The ClearingHouse in force takes extensions.

    Raises:
        HouseTakesNoExtensions: it was created before there were any.
    """
    if conn.execute(select(alliance.c.extends)).scalar_one_or_none() is False:
        raise HouseTakesNoExtensions


def extend(draft: Draft, what: Prolonging, at: datetime) -> None:
    """The points are in the later epoch, here at once and on the chain when the operation gets there.

    Raises:
        InsufficientPoints: the lot has fewer available.
    """
    programme_id, own = what.programme.programme_id, what.holder.part(Part.AVAILABLE)
    between = system_account(SystemKind.EXTENSION, programme_id)
    moves = [
        Movement(own, between, programme_id, what.epoch, what.points),
        Movement(between, own, programme_id, what.into_epoch, what.points),
    ]
    Book(draft).entry(what.op_id, "extend", at, dict(what.facts), moves)
    leg = Leg(programme_id, 0, what.epoch, what.points)
    issuer, account = what.programme.merchant_id, what.holder.account
    operation = Extend(what.op_id, issuer, account, seconds_floor(at), leg, what.into_epoch)
    enqueue(draft, operation, what.holder.member_id)


class ExtendCommand(BookCommand[int]):
    """What members have available in an epoch goes to the later one that each has earned by activity; answers
    how many points.

    Held points stay until their hold ends and are looked at again (D9); so does what is frozen (D7).

    Idempotency: a lot without available points is left alone.
    Invariants: INV-1, INV-11.
    """

    def __init__(self, programme: Programme, epoch: int, into: Mapping[int, int], at: datetime) -> None:
        """Take the members and the epoch that the points of each go to."""
        self.programme, self.epoch, self.into, self.at = programme, epoch, into, at

    def locks(self, view: Workset) -> Iterable[Need]:
        """The members."""
        return [MEMBER_BY_ID.of(member_id) for member_id in self.into]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Their lots and standing."""
        for member_id in self.into:
            yield lots_of(member_id)
            yield STANDING_OF_MEMBER.of(member_id)

    def apply(self, draft: Draft) -> int:
        """Extend what is there."""
        return sum(self._extend(draft, *each) for each in self.into.items())

    def _extend(self, draft: Draft, member_id: int, into: int) -> int:
        programme, epoch = self.programme, self.epoch
        member = draft.one(MEMBER_BY_ID, member_id)
        points = Book(draft).part(member_id, Part.AVAILABLE, programme.programme_id, epoch)
        standing = draft.get(member_programme, (member_id, programme.programme_id))
        frozen = standing is not None and standing["frozen"]
        open_still = into > epoch and is_open(programme.epoch_ends, into, seconds_floor(self.at))
        if member is None or frozen or not points or not open_still:
            return 0
        # As with an expiry, a hold that is freed later leaves a second rest: the instant tells them apart.
        op_id = derive_id("inactivity", programme.programme_id, epoch, member_id, micros_of(self.at))
        facts: dict[str, Canonical] = {"from_epoch": epoch, "into_epoch": into, "why": "activity"}
        extend(draft, Prolonging(Holder.of(member), programme, epoch, into, points, op_id, facts), self.at)
        return points
