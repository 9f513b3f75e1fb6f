"""The bridge's loop: lead, index, heal, pack, send, do the jobs it was given; forever, whatever the node
does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from ledger_service.chain import adoption, queue
from ledger_service.chain.client import Node
from ledger_service.chain.delivery import Delivery, LiveDelivery, ReplayDelivery
from ledger_service.chain.desk import Desk, clear_alarm, raise_alarm
from ledger_service.chain.errors import ChainUnavailable, LeadershipLost, LyingNode, WrongNetwork
from ledger_service.chain.houses import line_of
from ledger_service.chain.indexer import CursorMoved, Follower, Indexer
from ledger_service.chain.journal import Journal
from ledger_service.chain.models import chain_alarm, chain_cursor, chain_tx
from ledger_service.chain.outbound import Outbound
from ledger_service.chain.packer import Packer, Room
from ledger_service.chain.ports import Handler, Keys
from ledger_service.chain.settings import ChainSettings, Contracts
from ledger_service.chain.standing import open_tx
from ledger_service.chain.submitter import Submitter
from ledger_service.db.engine import Database
from ledger_service.kernel.errors import Category, DomainError

log = logging.getLogger(__name__)
_IDLE_SECONDS = 0.1
_FAILED_SECONDS = 0.5


@dataclass(slots=True)
class Job:
    """Something of another room that the leader runs now and then; ``run`` commits its own work and may be
    repeated.

    Args:
        every_seconds: between the end of one run and the next.
        run: returns whether there is more to do at once.
        signs: it spends nonces, so it waits until the database knows whatever our keys have sent.
    """

    name: str
    every_seconds: float
    run: Callable[[], bool]
    signs: bool = False
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What one pass did; all zero means that there was nothing to do."""

    leading: bool = True
    blocks: int = 0
    operations: int = 0
    packed: int = 0
    sent: int = 0
    jobs: int = 0

    @property
    def idle(self) -> bool:
        """Whether a pause is in order."""
        return not (self.blocks or self.packed or self.sent or self.jobs)


@dataclass(frozen=True, slots=True)
class Wiring:
    """What ``bootstrap`` gives the bridge; with ``chain_id`` it works with a node of that chain only."""

    database: Database
    node: Node
    keys: Keys
    contracts: Contracts
    settings: ChainSettings
    desk: Desk
    handlers: tuple[Handler, ...] = ()
    jobs: tuple[Job, ...] = field(default=())
    chain_id: int | None = None


class Bridge:
    """One bridge process; only the leader among several works."""

    def __init__(self, wiring: Wiring) -> None:
        w = wiring
        self._desk, self._node, self._jobs = w.desk, w.node, list(w.jobs)
        self._settings = w.settings
        self.delivery: Delivery = ReplayDelivery(w.node) if w.settings.replay else LiveDelivery(w.node)
        outbound = Outbound(w.desk, w.node, w.keys, w.settings)
        room = Room(w.desk, w.node, w.keys, outbound, self.delivery, w.contracts, w.settings, w.handlers)
        self.packer = Packer(room)
        self.submitter = Submitter(w.desk, w.node, outbound, self.delivery, w.settings)
        self._signers = outbound.senders
        self.indexer = Indexer(w.desk, w.node, w.contracts, w.settings, Follower(w.handlers, self._signers))
        self.journal = Journal(w.desk, w.node, w.settings.first_block)
        self._contracts, self._chain_id = w.contracts, w.chain_id
        self._level = False
        # Nothing is sent to a node in the pass in which it was found to lack blocks: what it lacks by then is
        # not known, and a key's first transaction would be mined before the contract that it calls is there.
        self._healing = False
        self._in_force: bool | None = None

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; every failure is logged and the next pass begins from the database."""
        while not stop.is_set():
            pause = _FAILED_SECONDS
            try:
                progress = self.step()
                pause = 0.0 if not progress.idle else (_IDLE_SECONDS if progress.leading else _FAILED_SECONDS)
            except (ChainUnavailable, CursorMoved, LeadershipLost) as failure:
                log.warning("bridge waits: %s", failure)
            except (LyingNode, WrongNetwork) as failure:
                log.error("bridge does not believe the node: %s", failure)
                self._alarm(failure)
            except DomainError as failure:
                if failure.category is not Category.UNAVAILABLE:
                    log.exception("bridge failed in a pass")
                else:  # the signing process is away, say: no defect, and no trace twice a second
                    log.warning("bridge waits: %s", failure)
            except Exception:
                log.exception("bridge failed in a pass")
            stop.wait(pause)
        self._desk.resign()
        self._node.transport.close()

    def step(self) -> Progress:
        """One pass: become or stay leader, follow the chain, pack what the window takes, send, do due jobs.

        Raises:
            ChainUnavailable: the node does not answer; jobs that send nothing ran all the same.
            WrongNetwork: it serves another chain.
        """
        if not self._desk.lead():
            return Progress(leading=False)
        jobs = self._run_jobs(signing=False)
        blocks, operations, more = self._follow()
        if self._healing:
            return Progress(True, blocks, operations, jobs=jobs)
        # After the look at the chain, to its end: what they send waits for whatever is not known to be in a
        # block, and would keep the bridge from looking on for longer than it takes so many blocks to come.
        if not more:
            jobs += self._run_jobs(signing=True)
        if not self._is_level(caught_up=not blocks):
            return Progress(True, blocks, operations, 0, 0, jobs)
        if not self._is_in_force(changed=blocks > 0):
            return Progress(True, blocks, operations, 0, self.submitter.step(), jobs)
        packed = sent = 0
        for _ in range(self._settings.most_in_flight):
            taken = self.packer.step(self.submitter.in_flight())
            sent += self.submitter.step()
            packed += taken
            if not taken:
                break
        return Progress(True, blocks, operations, packed, sent, jobs)

    def _is_level(self, *, caught_up: bool) -> bool:
        """Whether the database knows whatever our keys have sent; it does not after the restore of a backup.

        Until the index has taken that over nothing is signed, for it might be on the chain already (D8).
        """
        if self._level:
            return True
        with self._desk.read() as conn:
            ahead = adoption.lacks(conn, self._node, self._signers(), "pending")
            mined = adoption.lacks(conn, self._node, self._signers(), "latest") if ahead and caught_up else []
        if mined:
            # In blocks that were read, yet nothing that can be sent again: only the nonces are taken over.
            with self._desk.write() as conn:
                for signer, count in mined:
                    adoption.take_nonce(conn, signer, count)
                    detail = f"the node counts {count} transactions, more than could be taken over"
                    raise_alarm(conn, self._desk.wall, "foreign-nonce", signer.hex(), detail)
        self._level = not ahead
        return self._level

    def _is_in_force(self, *, changed: bool) -> bool:
        """Whether the house that this process was started for takes batches, by the registry's log.

        After a change of house it does not: whatever is packed for it would be refused. Nor does the new one
        while a reorg has taken the change back, until that is mined again.
        """
        if changed or self._in_force is None:
            house, before = self._contracts.clearing_house, self._in_force
            with self._desk.read() as conn:
                now = line_of(conn, self._contracts).in_force
            self._in_force = now == house
            if self._in_force is not before:
                self._tell_of_house(house, now)
        return self._in_force

    def _tell_of_house(self, house: bytes, in_force: bytes) -> None:
        with self._desk.write() as conn:
            if house == in_force:
                clear_alarm(conn, "house-not-in-force", "")
            else:
                detail = f"0x{in_force.hex()} is in force, this bridge works for 0x{house.hex()}"
                raise_alarm(conn, self._desk.wall, "house-not-in-force", "", detail)

    def _follow(self) -> tuple[int, int, bool]:
        """Blocks and operations that were taken over, and whether there may be more."""
        if self._chain_id is not None:
            self._node.must_serve(self._chain_id)
        self.journal.resume_mining()
        step = self.indexer.step()
        self._healing = step.diverged
        if not step.diverged:
            return step.blocks, step.operations, step.more
        healed = self.journal.heal()
        log.warning(
            "the node's chain is another one: agreed up to %s, replayed %s", healed.agreed, healed.replayed
        )
        cursor = self.indexer.cursor()
        if healed.forked and cursor is not None and healed.agreed < cursor.number:
            gone = self.indexer.rewind(healed.agreed)
            log.warning("rewound to block %s: %s operations are to be mined again", healed.agreed, gone)
        return 1, 0, True

    def _run_jobs(self, *, signing: bool) -> int:
        ran, now = 0, self._desk.wall()
        for job in (each for each in self._jobs if each.signs is signing):
            if (job.due is not None and job.due > now) or (job.signs and not self._level):
                continue
            more = _ran(job)
            job.due = None if more else self._desk.wall() + timedelta(seconds=job.every_seconds)
            ran += more
        return ran

    def _alarm(self, failure: DomainError) -> None:
        try:
            with self._desk.write() as conn:
                raise_alarm(conn, self._desk.wall, failure.code, "", str(failure))
        except LeadershipLost:
            log.warning("another bridge leads")
        except DBAPIError as trouble:
            # This runs where a failure is handled already: whatever it raised would end the bridge.
            log.warning("the alarm could not be stored: %s", type(trouble).__name__)


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the chain is behind the checkout: intents queued, chain txs open, last indexed block,
    alarms."""

    queued: int
    in_flight: int
    block_number: int
    alarms: tuple[tuple[str, str, str], ...]


def _ran(job: Job) -> bool:
    """Whether the job has more to do at once; one that signs nothing and fails holds up nobody else.

    It reads and writes for merchants and members: what one of them brings it to must not stop the chain.
    """
    try:
        return job.run()
    except Exception as failure:
        if job.signs or _ends_the_pass(failure):
            raise
        log.exception("bridge failed in a pass: job %s", job.name)
        return False


def _ends_the_pass(failure: Exception) -> bool:
    """Whether nothing else can be done either: another bridge leads, or what everybody needs is away."""
    if isinstance(failure, DBAPIError):
        return bool(failure.connection_invalidated)
    away = isinstance(failure, DomainError) and failure.category is Category.UNAVAILABLE
    return away or isinstance(failure, LeadershipLost)


def lag_of(database: Database) -> Lag:
    """The bridge's state as readiness and metrics show it."""
    with database.snapshot() as conn:
        opened = select(func.count()).select_from(chain_tx).where(open_tx("signed", "broadcast"))
        alarms: Sequence[tuple[str, str, str]] = [
            (row.code, row.subject, row.detail) for row in conn.execute(select(chain_alarm).limit(100))
        ]
        number = conn.execute(select(chain_cursor.c.number)).scalar()
        return Lag(
            queue.count_waiting(conn),
            int(conn.execute(opened).scalar_one()),
            -1 if number is None else number,
            tuple(alarms),
        )
