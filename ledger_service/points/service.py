"""Points for front doors and jobs: vesting, expiry, gifts, adjustments, and what the chain set aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, exists, select
from sqlalchemy.exc import IntegrityError

from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.events import OperationSetAside
from ledger_service.ledger.models import lot
from ledger_service.points.adjustments import Asked, DecideCommand, Decision, ask, issue_of
from ledger_service.points.adopted import adopted_of
from ledger_service.points.blocks import with_blocks
from ledger_service.points.budget import given_back, release
from ledger_service.points.catalogue import Catalogue, CatalogueCache
from ledger_service.points.expiry import EndedEpoch, ExpireCommand
from ledger_service.points.extension import ExtendCommand
from ledger_service.points.gift import GiftCommand, GiftScene, GiftWatch
from ledger_service.points.inactivity import (
    has_lapsed,
    into_epochs,
    look,
    looked_at,
    looks_due,
    note_progress,
)
from ledger_service.points.issuance import Worker
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.models import member_programme
from ledger_service.points.notices import OF_THE_END, Stage, stages_due, tell_anew, write_some
from ledger_service.points.permits import CustodialLimits
from ledger_service.points.requests import AskAdjustment, GiftRequest
from ledger_service.points.rules import is_open
from ledger_service.points.set_aside import SetAsideCommand, owners_of, unrefused
from ledger_service.points.vesting import Run, VestCommand, due_after, rooms

A = TypeVar("A")


def _may_tell(conn: Connection, catalogue: Catalogue, stage: Stage) -> bool:
    """Where activity puts an end off, nobody is told of an end before it was looked for."""
    by_time = not catalogue.programmes[stage.programme_id].activities
    return by_time or stage.epoch == OF_THE_END or looked_at(conn, stage)


def _as_it_is(command: BookCommand[Any]) -> BookCommand[Any]:
    return command


def _nobody(_at: datetime) -> GiftWatch | None:
    return None


STEP_ROWS = 200


@dataclass(frozen=True)
class PointsSettings:
    """The constants of a process: the alliance, limits of custody and adjustments, and the worker's name."""

    domain: Domain
    custodial: CustodialLimits
    adjustments: AdjustmentLimits
    worker: str


class PointsService:
    """Commands of the points room; safe for any number of threads, each job run by one leader."""

    def __init__(
        self,
        writer: Writer,
        database: Database,
        catalogue: CatalogueCache,
        settings: PointsSettings,
        gift_watch: Callable[[datetime], GiftWatch | None] = _nobody,
    ) -> None:
        """Take the database, the constants, and who may stop a gift of an instant."""
        self._gift_watch = gift_watch
        self._writer = writer
        self._database = database
        self._catalogue = catalogue
        self._settings = settings

    def vest_due(self, at: datetime) -> int:
        """Some pending issues that are due were issued or have lapsed; returns how many, 0 when none is left.

        Idempotency: repeat until it answers 0; a run that was cut off is simply repeated.
        """
        self._release_room()
        catalogue, last, worker = self._catalogue.refresh(), None, Worker(self._settings.worker)
        while True:
            with self._database.snapshot() as conn:
                page = due_after(conn, at, last, STEP_ROWS)
                if not page:
                    return 0
                mine = {due.programme_id for due in page}
                run = Run(catalogue, rooms(conn, [catalogue.programmes[p] for p in mine], at), at, worker)
            vested = self._writer.submit(VestCommand([due.op_id for due in page], run))
            if vested:
                return vested
            last = page[-1]  # none of these can be issued yet; they must not hide those behind them

    def _release_room(self) -> None:
        # What earlier steps let lapse; the jobs' worker issues nothing out of blocks itself.
        with self._database.read() as conn:
            programmes = given_back(conn, self._settings.worker)
        if programmes:
            worker = self._settings.worker
            self._writer.run(partial(release, programme_ids=programmes, worker=worker))

    def expire_due(self, at: datetime) -> int:
        """Some available points of ended epochs have expired; returns how many points, 0 when none are left.

        Idempotency: repeat until it answers 0. Held points are found by a later run (D9).
        Invariants: INV-11.
        """
        for programme in self._catalogue.current().programmes.values():
            epochs = range(1, len(programme.epoch_ends) + 1)
            ended = [e for e in epochs if has_lapsed(programme, e, seconds_floor(at))]
            if programme.end is not None:
                ends = programme.epoch_ends
                ended = [e for e in ended if not programme.end.converts(ends[e - 1], seconds_floor(at))]
            rest = self._first_rest(programme.programme_id, max(ended, default=0))
            if rest is not None:
                done = self._expire(EndedEpoch(programme, rest[0]), rest[1], at)
                if done:
                    return done
        return 0

    def _expire(self, ended: EndedEpoch, member_ids: Sequence[int], at: datetime) -> int:
        # Once more: whoever was active before the end keeps the points, however late that became known.
        with self._database.read() as conn:
            later = into_epochs(conn, ended.programme, ended.epoch, member_ids)
        ends = ended.programme.epoch_ends
        into = {m: epoch for m, epoch in later.items() if is_open(ends, epoch, seconds_floor(at))}
        kept = self._extend(ended, into, at)
        others = [member_id for member_id in member_ids if member_id not in into]
        return kept + (self._writer.submit(ExpireCommand(ended, others, at)) if others else 0)

    def _extend(self, ending: EndedEpoch, into: Mapping[int, int], at: datetime) -> int:
        if not into:
            return 0
        programme, epoch = ending.programme, ending.epoch
        kept = self._writer.submit(ExtendCommand(programme, epoch, into, at))
        self._writer.run(partial(tell_anew, programme=programme, epoch=epoch, into=into, at=at))
        return kept

    def extend_due(self, at: datetime) -> int:
        """Points of some members who were active have a later end; returns how many members were looked at.

        Idempotency: repeat until it answers 0; a run that was cut off goes on where it was.
        Invariants: INV-11.
        """
        catalogue = self._catalogue.refresh()
        with self._database.read() as conn:
            due = looks_due(conn, catalogue, at)
        for stage in due:
            programme = catalogue.programmes[stage.programme_id]
            with self._database.read() as conn:
                seen = look(conn, stage, programme)
            self._extend(EndedEpoch(programme, stage.epoch), seen.into, at)
            self._writer.run(partial(note_progress, stage=stage, seen=seen))
            if seen.member_ids:
                return len(seen.member_ids)
        return 0

    def write_notices(self, at: datetime) -> int:
        """Some members were told of points that will expire; returns how many, 0 when none are left.

        Idempotency: repeat until it answers 0; a run that was cut off goes on where it was.
        """
        catalogue = self._catalogue.refresh()
        with self._database.read() as conn:
            due = [stage for stage in stages_due(conn, catalogue, at) if _may_tell(conn, catalogue, stage)]
        for stage in due:
            programme = catalogue.programmes[stage.programme_id]
            written = self._writer.run(partial(write_some, stage=stage, programme=programme, at=at))
            if written:
                return written
        return 0

    def gift(
        self,
        request: GiftRequest,
        at: datetime,
        keyed: Callable[[BookCommand[Any]], BookCommand[Any]] = _as_it_is,
    ) -> Any:
        """The recipient has the giver's legs; returns the op_id, or what ``keyed`` makes of it.

        Raises:
            GiftToSelf, GiftRefused, GiftPermitInvalid, MemberUnknown, MemberFrozen, InsufficientPoints,
            CustodialLimitExceeded, IssuerSuspended, and what the watch raises.

        Invariants: INV-9.
        """
        settings = self._settings
        watch = self._gift_watch(at)
        scene = GiftScene(settings.domain, settings.custodial, self._catalogue.current(), watch)
        return self._writer.submit(keyed(GiftCommand(request, scene, at)))

    def ask_adjustment(self, request: AskAdjustment, asked: Asked) -> bytes:
        """The adjustment waits for a second person (D18); returns its id.

        Raises:
            MemberUnknown, ProgrammeUnknown, MerchantUnknown, AdjustmentLimitReached, MalformedField,
            HouseTakesNoExtensions.
        """
        return self._writer.run(lambda conn: self.ask_in(conn, request, asked))

    def ask_in(self, conn: Connection, request: AskAdjustment, asked: Asked) -> bytes:
        """The same in the caller's unit of work."""
        return ask(conn, request, asked, self._settings.adjustments)

    def decide_adjustment(
        self, decision: Decision, keyed: Callable[[BookCommand[Any]], BookCommand[Any]] = _as_it_is
    ) -> Any:
        """The adjustment is approved and carried out, or declined; returns its state or what ``keyed`` made.

        Raises:
            AdjustmentUnknown, AdjustmentDecided, SecondPersonNeeded, MemberFrozen, NotIssuable,
            IssuerSuspended, NothingToExtend, OperationAdopted.
        """
        catalogue, most = self._catalogue.current(), self._settings.adjustments
        try:
            return self._with_blocks(lambda worker: keyed(DecideCommand(decision, catalogue, worker, most)))
        except IntegrityError as failure:
            adopted = adopted_of(self._database, [issue_of(decision.adjustment_id)])
            if adopted is None:
                raise
            raise adopted from failure

    def on_set_aside(self, event: OperationSetAside, at: datetime) -> bool:
        """The chain refused an operation for good: D7 has been applied; returns whether this was news."""
        with self._database.read() as conn:
            owners = owners_of(conn, event.op_id)
        return self._writer.submit(SetAsideCommand(event, at, owners))

    def apply_set_aside(self, at: datetime) -> int:
        """D7 has been applied to some operations that were set aside; returns how many, 0 when none are left.

        Idempotency: repeat until it answers 0; each is dealt with once.
        """
        with self._database.read() as conn:
            news = unrefused(conn, STEP_ROWS)
        for event in news:
            self.on_set_aside(event, at)
        return len(news)

    def _first_rest(self, programme_id: int, last_epoch: int) -> tuple[int, list[int]] | None:
        # What is frozen waits: how much of it the chain has is not settled (D7).
        standing = member_programme.c
        own = (standing.member_id == lot.c.member_id) & (standing.programme_id == programme_id)
        frozen = exists().where(own & standing.frozen)
        mine = (lot.c.programme_id == programme_id) & (lot.c.epoch <= last_epoch) & (lot.c.available > 0)
        mine &= ~frozen
        with self._database.read() as conn:
            rows = conn.execute(
                select(lot.c.epoch, lot.c.member_id)
                .where(mine)
                .order_by(lot.c.epoch, lot.c.member_id)
                .limit(STEP_ROWS)
            ).all()
        if not rows:
            return None
        return rows[0].epoch, [row.member_id for row in rows if row.epoch == rows[0].epoch]

    def _with_blocks(self, make: Callable[[Worker], BookCommand[A]]) -> A:
        return with_blocks(self._writer, self._catalogue, self._settings.worker, make)
