"""Vesting: pending points whose time has come are issued, as soon as the contract would take the issue (D7).

Where a rule has them lapse unless an event comes, their time is the end of them instead.

What cannot be issued yet waits and is never lost: the issuer is suspended, its calendar or its cap is
exhausted. The acceptance time of the issue is the instant of vesting, however late that is; points whose own
epoch has ended by then go to one that has at least 30 days left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, literal_column, select

from ledger_service.db.bulk import Row
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.operations import IssueReason
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.models import lot
from ledger_service.ledger.rules import Movement, Part, SystemKind, system_account
from ledger_service.merchants.models import merchant
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.issuance import Grant, Worker, give_back, post_issue
from ledger_service.points.models import issuance_budget, issuance_reservation, pending_issue, programme
from ledger_service.points.parties import MEMBER_BY_ID, Holder, issuer_is_suspended, issuer_need
from ledger_service.points.reversal import PENDING
from ledger_service.points.rules import epoch_of_restore, terms_in_force

# Written out, not bound, so that SQLite reads the partial index.
_WAITING = pending_issue.c.state == literal_column("'waiting'")


class Due(NamedTuple):
    """A pending issue whose time has come."""

    vests_at: datetime
    op_id: bytes
    programme_id: int


def due_after(conn: Connection, at: datetime, after: Due | None, most: int) -> list[Due]:
    """The next pending issues that are due, the longest due first; none of suspended issuers.

    Args:
        conn: for reading.
        at: the instant of the run.
        after: the last one of the page before; None for the first page.
        most: how many at most.
    """
    row = pending_issue.c
    suspended = (
        select(programme.c.programme_id)
        .join(merchant, merchant.c.merchant_id == programme.c.merchant_id)
        .where(merchant.c.status == "suspended")
    )
    wanted = _WAITING & (row.vests_at <= at) & row.programme_id.not_in(suspended)
    if after is not None:
        same = (row.vests_at == after.vests_at) & (row.op_id > after.op_id)
        wanted &= (row.vests_at > after.vests_at) | same
    query = select(row.vests_at, row.op_id, row.programme_id).where(wanted)
    return [Due(*found) for found in conn.execute(query.order_by(row.vests_at, row.op_id).limit(most))]


def rooms(conn: Connection, programmes: Iterable[Programme], at: datetime) -> dict[int, int]:
    """How much may still vest of each programme whose cap was cut below what is promised; others are free.

    What all workers have drawn is issued, promised or still in a block, so while it is within the cap every
    promise is (INV-10).
    """
    caps = {p.programme_id: p.cap_at(seconds_floor(at)) for p in programmes}
    budget, found = issuance_budget.c, {}
    query = select(budget.programme_id, budget.drawn_total).where(budget.programme_id.in_(list(caps)))
    for programme_id, drawn in conn.execute(query):
        if drawn > caps[programme_id]:
            found[programme_id] = caps[programme_id] - (drawn - _not_issued(conn, programme_id))
    return found


def _not_issued(conn: Connection, programme_id: int) -> int:
    # Every promise stands in a lot, an import's too, which is no pending issue.
    block = issuance_reservation.c
    promised = select(func.coalesce(func.sum(lot.c.pending), 0)).where(lot.c.programme_id == programme_id)
    reserved = select(func.coalesce(func.sum(block.remaining), 0)).where(block.programme_id == programme_id)
    return int(conn.execute(promised).scalar_one()) + int(conn.execute(reserved).scalar_one())


@dataclass(frozen=True, slots=True)
class Run:
    """What a step of the job goes by; ``rooms`` as the function says, ``worker`` gets back what lapses."""

    catalogue: Catalogue
    rooms: Mapping[int, int]
    at: datetime
    worker: Worker


class VestCommand(BookCommand[int]):
    """Pending issues whose time has come are issued or have lapsed; answers how many.

    Idempotency: an issue that is not waiting any more, or not yet due, is left alone.
    """

    def __init__(self, op_ids: Sequence[bytes], run: Run) -> None:
        """Take the issues to look at."""
        self.op_ids = op_ids
        self.run = run

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
        """The members' lots, the issuers, and the block that lapsed points go back to."""
        for op_id in self.op_ids:
            row = view.one(PENDING, op_id)
            if row is not None:
                programme = self.run.catalogue.programmes[row["programme_id"]]
                yield lots_of(row["member_id"])
                yield issuer_need(programme)
                if row["lapses"]:
                    yield from self.run.worker.needs([programme])

    def apply(self, draft: Draft) -> int:
        """Issue what is due."""
        left = dict(self.run.rooms)
        return sum(self._vest(draft, op_id, left) for op_id in self.op_ids)

    def _vest(self, draft: Draft, op_id: bytes, rooms_left: dict[int, int]) -> bool:
        row, at = draft.get(pending_issue, op_id), self.run.at
        if row is None or row["state"] != "waiting" or row["vests_at"] > at:
            return False
        issuing, points = self.run.catalogue.programmes[row["programme_id"]], row["left"]
        if row["lapses"]:
            lapse(draft, row, issuing, Ending(at, self.run.worker))
            return True
        leg = _leg_now(issuing, row, seconds_floor(at))
        room = rooms_left.get(issuing.programme_id)
        if leg is None or issuer_is_suspended(draft, issuing) or (room is not None and room < points):
            return False
        if room is not None:
            rooms_left[issuing.programme_id] = room - points
        self._issue(draft, row, issuing, leg)
        return True

    def _issue(self, draft: Draft, row: Row, issuing: Programme, leg: Leg) -> None:
        holder, op_id, at = _holder_of(draft, row), row["op_id"], self.run.at
        facts = {"sale": id_text(row["sale_id"]), "rule": row["rule_version"]}
        promise = system_account(SystemKind.PROMISE, leg.programme)
        move = Movement(holder.part(Part.PENDING), promise, leg.programme, row["epoch"], leg.amount)
        Book(draft).entry(op_id, "vest", at, dict(facts), [move])
        grant = Grant(holder, issuing, leg.amount, at, op_id, IssueReason(row["reason"]), facts=facts)
        leaf = post_issue(draft, grant, leg)
        draft.change(pending_issue, op_id, state="vested", leaf=leaf)


@dataclass(frozen=True, slots=True)
class Ending:
    """When a promise ends without points, and which worker's block of the cap gets them back."""

    at: datetime
    worker: Worker


def lapse(draft: Draft, row: Row, issuing: Programme, ending: Ending) -> None:
    """What is left of a pending issue is gone; when its goods come back, nobody owes it a second time.

    Reads: the member by id and its lots, the worker's block of the programme.

    Invariants: INV-1.
    """
    holder, programme_id, at = _holder_of(draft, row), issuing.programme_id, ending.at
    op_id = derive_id("lapse", row["op_id"])
    facts = {"sale": id_text(row["sale_id"]), "awaited": row["awaits"]}
    sink = system_account(SystemKind.PROMISE, programme_id)
    move = Movement(holder.part(Part.PENDING), sink, programme_id, row["epoch"], row["left"])
    Book(draft).entry(op_id, "lapse", at, facts, [move])
    give_back(draft, Grant(holder, issuing, row["left"], at, op_id), ending.worker)
    draft.change(pending_issue, row["op_id"], state="lapsed")


def _holder_of(draft: Draft, row: Row) -> Holder:
    member = draft.one(MEMBER_BY_ID, row["member_id"])
    if member is None:
        raise LookupError("the member of a pending issue is gone")
    return Holder.of(member)


def _leg_now(issuing: Programme, row: Row, at: int) -> Leg | None:
    """What is issued of a pending issue at ``at``; None until the issuer has terms and epochs for it."""
    terms = terms_in_force(issuing.terms, at)
    epoch = epoch_of_restore(issuing.epoch_ends, row["epoch"], at)
    if terms is None or epoch is None:
        return None
    return Leg(issuing.programme_id, terms.version, epoch, row["left"])
