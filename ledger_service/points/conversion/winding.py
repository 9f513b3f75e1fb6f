"""What is left of an ended programme becomes points of its target, by published terms and nobody's permit.

The exception of INV-9 that is made for it: the end was published with notice, the contract knows the date,
and each operation says that this is its reason. What is worth less than one point of the target stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import micros_of
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.points import MOST_LEGS
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.models import lot
from ledger_service.points.conversion.deals import Deal
from ledger_service.points.conversion.models import rest_conversion
from ledger_service.points.conversion.posting import Conversion, Permitted, has_room, post
from ledger_service.points.conversion.rules import WHOLE_BPS
from ledger_service.points.issuance import STANDING_OF_MEMBER, Worker
from ledger_service.points.models import member_programme
from ledger_service.points.parties import MEMBER_BY_ID, Holder, issuer_is_suspended, issuer_need

_ROWS = 200


def live_from(deal: Deal) -> int:
    """The first epoch of the source that had not ended when the programme did."""
    end = deal.source.end
    ends_at = 0 if end is None else end.ends_at
    ends = deal.source.epoch_ends
    return next((e for e, over in enumerate(ends, 1) if over > ends_at), len(ends) + 1)


def least_points(deal: Deal) -> int:
    """How many points of the source come to one of the target."""
    value = deal.source_terms.point_value_micros * (WHOLE_BPS - deal.spread_bps)
    return -(-WHOLE_BPS * deal.target_terms.point_value_micros // value)


def holders_of(conn: Connection, deal: Deal, after: int = 0) -> list[int]:
    """Some members that have points of the ended programme which come to one of the target at least.

    What is frozen waits: how much of it the chain has is not settled (D7).
    """
    standing, two = member_programme.c, (deal.source.programme_id, deal.target.programme_id)
    own = (standing.member_id == lot.c.member_id) & standing.programme_id.in_(two)
    mine = (lot.c.programme_id == two[0]) & (lot.c.epoch >= live_from(deal)) & (lot.c.available > 0)
    mine &= (lot.c.member_id > after) & ~exists().where(own & standing.frozen)
    query = select(lot.c.member_id).where(mine).group_by(lot.c.member_id)
    enough = query.having(func.sum(lot.c.available) >= least_points(deal))
    return list(conn.execute(enough.order_by(lot.c.member_id).limit(_ROWS)).scalars())


class WindDownCommand(BookCommand[int]):
    """What these members have available of the ended programme is converted; answers how many had any.

    Held points stay until their hold ends and are found by a later run (D9).

    Idempotency: what has converted is there no more.
    Invariants: INV-1, INV-9 (a conversion after published notice), INV-10.
    """

    def __init__(self, deal: Deal, member_ids: Sequence[int], worker: Worker, at: datetime) -> None:
        """Take the members to look at."""
        self.deal, self.member_ids, self.worker, self.at = deal, member_ids, worker, at

    def locks(self, view: Workset) -> Iterable[Need]:
        """The members."""
        return [MEMBER_BY_ID.of(member_id) for member_id in self.member_ids]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Their lots and standing, the target's issuer and its block."""
        yield issuer_need(self.deal.target)
        yield from self.worker.needs([self.deal.target])
        for member_id in self.member_ids:
            yield lots_of(member_id)
            yield STANDING_OF_MEMBER.of(member_id)

    def apply(self, draft: Draft) -> int:
        """Convert what is there, as far as the target's cap reaches.

        Raises:
            BlockEmpty: the block must be refilled first.
        """
        if issuer_is_suspended(draft, self.deal.target):
            return 0
        return sum(self._convert(draft, member_id) for member_id in self.member_ids)

    def _convert(self, draft: Draft, member_id: int) -> bool:
        row, done = draft.one(MEMBER_BY_ID, member_id), False
        if row is None or any(self._frozen(draft, member_id)):
            return False
        holder = Holder.of(row)
        for number, taken in enumerate(self._taken(draft, member_id)):
            source = self.deal.source.programme_id
            # A hold that is freed later leaves a second rest: the instant tells them apart.
            op_id = derive_id("wind-down", source, member_id, micros_of(self.at), number)
            what = Conversion(op_id, holder, self.deal, taken, self.at)
            if self.deal.received(what.points) and has_room(draft, what, self.worker):
                post(draft, what, Permitted())
                draft.add(rest_conversion, _told(what))
                done = True
        return done

    def _frozen(self, draft: Draft, member_id: int) -> Iterator[bool]:
        for programme in (self.deal.source, self.deal.target):
            standing = draft.get(member_programme, (member_id, programme.programme_id))
            yield standing is not None and bool(standing["frozen"])

    def _taken(self, draft: Draft, member_id: int) -> Iterator[list[tuple[int, int]]]:
        """The member's lots, eight at a time; the greatest first, so that little ones do not stay alone."""
        first, found = live_from(self.deal), Book(draft).lots(member_id, self.deal.source.programme_id)
        lots = sorted((o for o in found if o.epoch >= first), key=lambda o: (-o.available, o.epoch))
        for at in range(0, len(lots), MOST_LEGS):
            yield [(o.epoch, o.available) for o in lots[at : at + MOST_LEGS]]


def _told(what: Conversion) -> dict[str, Any]:
    """What the member is told of it afterwards, written with the entry: both or neither."""
    return {
        "op_id": what.op_id,
        "member_id": what.holder.member_id,
        "programme_id": what.deal.source.programme_id,
        "target_id": what.deal.target.programme_id,
        "points": what.points,
        "received": what.deal.received(what.points),
        "converted_at": what.at,
    }
