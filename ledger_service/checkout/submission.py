"""Giving a command to the writer until it is decided: blocks of caps are drawn and catalogues renewed in
between (D11), and whoever repeats what was adopted from the chain is told so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.exc import IntegrityError

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.attach.command import AttachCommand
from ledger_service.checkout.attach.meanwhile import MemberJoined
from ledger_service.checkout.capture_command import CaptureCommand
from ledger_service.checkout.errors import IdempotencyKeyReused
from ledger_service.checkout.exchange_command import ExchangeCommand
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.refund_command import RefundCommand
from ledger_service.checkout.sale_command import SaleCommand
from ledger_service.checkout.training_commands import TrainingCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.errors import Category, DomainError
from ledger_service.points.adopted import Standings, adopted_of
from ledger_service.points.budget import draw
from ledger_service.points.catalogue import CatalogueBehind
from ledger_service.points.issuance import BlockEmpty, Worker

_MOST_DRAWS = 8
_RENEWED = (CaptureCommand, RefundCommand, ExchangeCommand, AttachCommand, TrainingCommand)


@dataclass(frozen=True)
class Store:
    """Where the checkout writes and reads, and what the chain has of operations that are asked for again."""

    writer: Writer
    database: Database
    standings: Standings = lambda op_ids: {}

    def look_back(self, command: KeyedCommand) -> None:
        """The command knows what it may have done in a database that was lost."""
        command.after_adoption = True
        command.standing = self.standings(command.operations())


class Submission:
    """Submits commands; one instance serves all request threads of a process."""

    def __init__(self, store: Store, admission: Admission) -> None:
        """Take writer and database, and the door keeper that knows programmes and worker."""
        self._store = store
        self._admission = admission

    def submit(self, command: KeyedCommand) -> Answer:
        """The answer of the command, durable when this returns.

        Raises:
            OperationAdopted: what the command would do was adopted from the chain after a restore.
            DomainError: the command was refused and has no effect.
        """
        if self._admission.catalogue.adopted:
            self._store.look_back(command)
        try:
            return self._decided(command)
        except (DomainError, IntegrityError) as failure:
            if not may_be_repeated(failure):
                raise
            # Of a sale whose rows were lost the refusal is a consequence: its permit is used, its hold gone.
            adopted = adopted_of(self._store.database, command.operations())
            if adopted is None:
                raise
            raise adopted from failure

    def _decided(self, command: KeyedCommand) -> Answer:
        exhausted: frozenset[int] = frozenset()
        for _ in range(_MOST_DRAWS):
            try:
                return self._store.writer.submit(command)
            except MemberJoined:
                continue
            except CatalogueBehind:
                if isinstance(command, _RENEWED):
                    command.scene = self._admission.renewed(command.scene)
                continue
            except BlockEmpty as wish:
                empty = wish
            worker = self._admission.worker
            if not self._store.writer.run(partial(draw, wish=empty, worker=worker)):
                exhausted |= {empty.programme.programme_id}
            _tell(command, Worker(worker, exhausted))
        _tell(command, Worker(self._admission.worker, frozenset(self._admission.catalogue.programmes)))
        return self._store.writer.submit(command)


def may_be_repeated(failure: Exception) -> bool:
    """Whether a write failed as the repetition of an adopted one could."""
    if isinstance(failure, DomainError):
        passing = failure.category is Category.UNAVAILABLE
        return not passing and not isinstance(failure, IdempotencyKeyReused)
    return isinstance(failure, IntegrityError)


def _tell(command: KeyedCommand, worker: Worker) -> None:
    # Commands that issue have a scene; nothing else asks for blocks.
    if isinstance(command, (SaleCommand, CaptureCommand, ExchangeCommand, AttachCommand)):
        command.scene = replace(command.scene, worker=worker)
