"""Offline sales for the front door: merge a batch, tell what became of a sale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from sqlalchemy import select

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer, replay
from ledger_service.checkout.couponing.wishing import Wishing
from ledger_service.checkout.day_errors import NotInTraining
from ledger_service.checkout.desk import Desk
from ledger_service.checkout.models import idempotency
from ledger_service.checkout.offline.command import PASSING, Arrival, OfflineSaleCommand
from ledger_service.checkout.offline.couponed import CouponedOfflineCommand
from ledger_service.checkout.offline.errors import OfflineSaleUnknown
from ledger_service.checkout.offline.models import offline_sale
from ledger_service.checkout.offline.parsing import key_of, parse_item
from ledger_service.checkout.offline.requests import OfflineSale
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.requests import Caller, Write
from ledger_service.checkout.submission import Store, may_be_repeated
from ledger_service.db.errors import StorageUnavailable
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.permits import acceptance_struct_hash
from ledger_service.kernel.secp256k1 import recover_address
from ledger_service.points.adopted import adopted_of
from ledger_service.points.budget import draw
from ledger_service.points.catalogue import CatalogueBehind
from ledger_service.points.issuance import BlockEmpty, Worker

# A group of the writer: the sales of a batch wait behind each other, not before the tills that are online.
_AT_ONCE = 64
_MOST_ROUNDS = 8
_WAITING = (*PASSING, StorageUnavailable)
Command = OfflineSaleCommand


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of one item: ``content`` as it was stored, or a refusal of which nothing is stored."""

    key: str | None
    state: str
    content: dict[str, Any] | None = None
    error: DomainError | None = None
    replayed: bool = False


class OfflineService:
    """Merges what tills upload; one instance serves all request threads of a process."""

    def __init__(self, store: Store, admission: Admission, desk: Desk, wishing: Wishing) -> None:
        """Take the database, the door keeper, the constants of the process, and who looks coupons up."""
        self._wishing = wishing
        self._store = store
        self._admission = admission
        self._desk = desk

    def merge(self, caller: Caller, items: Sequence[Any], at: datetime) -> list[Merged]:
        """Each item is booked, refused for good, or waits; in the order of the items.

        Of items undecided together the earliest signed acceptance goes first, then the lower sale id.
        No item hinders another, and each is all or nothing.

        Idempotency: by terminal and the item's key; what was decided is answered again.
        """
        merged: list[Merged | None] = [None] * len(items)
        commands: list[tuple[int, Command]] = []
        for place, item in enumerate(items):
            try:
                commands.append((place, self._command(caller, _in_earnest(parse_item(item)), at)))
            except DomainError as refusal:
                merged[place] = _undecided(key_of(item), refusal)
        if caller.training:
            # What it sold before it began to train must not be lost: it waits until the training is over.
            return [_waits(one, item) for one, item in zip(merged, items, strict=True)]
        commands.sort(key=lambda pair: (seconds_floor(pair[1].item.sold_at), pair[1].sale_id))
        for start in range(0, len(commands), _AT_ONCE):
            for place, outcome in self._decided(commands[start : start + _AT_ONCE]):
                merged[place] = outcome
        return [one for one in merged if one is not None]

    def find(self, caller: Caller, sale_id: bytes) -> dict[str, Any]:
        """What became of an uploaded sale, as it was answered.

        Raises:
            OfflineSaleUnknown: not decided, or of another merchant.
            AnswerArchived: decided long ago.
        """
        o = offline_sale.c
        with self._store.database.snapshot() as conn:
            row = conn.execute(select(offline_sale).where(o.sale_id == sale_id)).one_or_none()
            if row is None or caller.merchant_id not in (0, row.merchant_id):
                raise OfflineSaleUnknown(id_text(sale_id))
            mine = (idempotency.c.subject == f"terminal:{row.terminal_id}") & (idempotency.c.key == row.key)
            stored = conn.execute(select(idempotency).where(mine)).mappings().one()
        content: dict[str, Any] = orjson.loads(replay(dict(stored), stored["body_hash"]).body)
        return content

    def _command(self, caller: Caller, item: OfflineSale, at: datetime) -> Command:
        command = self._plain_or_couponed(caller, item, at)
        if self._admission.catalogue.adopted:
            self._store.look_back(command)
        return command

    def _plain_or_couponed(self, caller: Caller, item: OfflineSale, at: datetime) -> Command:
        write = Write(caller, item.key, item.digest, at)
        presence = self._presence(item)
        scene = self._admission.scene_offline(caller, item.sale, item.sold_at)
        arrival = Arrival(item, presence, self._is_signed(caller, item, presence))
        command = Command(write, arrival, scene)
        if item.coupons is None or self._is_decided(write):
            return command
        wish = replace(item.coupons, tried_at=at)
        chooser = self._wishing.chooser(caller, item.sale, presence, wish, command.counts_at)
        return CouponedOfflineCommand(write, arrival, scene, chooser)

    def _is_decided(self, write: Write) -> bool:
        """Whether its answer stands already: then codes are not tried, and wrong ones not counted, again."""
        mine = (idempotency.c.subject == write.caller.subject) & (idempotency.c.key == write.key)
        with self._store.database.snapshot() as conn:
            return conn.execute(select(idempotency.c.key).where(mine)).first() is not None

    def _presence(self, item: OfflineSale) -> Presence | None:
        member = item.sale.member
        if member is None:
            return None
        return Presence.of(member, self._desk) if member.may_spend else self._admission.recognised(member)

    def _is_signed(self, caller: Caller, item: OfflineSale, presence: Presence | None) -> bool:
        taken = item.sale.acceptance
        if taken is None or taken.signature is None or caller.till_key is None:
            return False
        # A code that cannot be read has no digest that anybody could have signed for.
        if presence is None or not presence.digest:
            return False
        second = seconds_floor(item.sold_at)
        digest = self._desk.domain.digest(acceptance_struct_hash(presence.digest, second))
        return recover_address(digest, taken.signature) == caller.till_key

    def _decided(self, commands: list[tuple[int, Command]]) -> Iterable[tuple[int, Merged]]:
        """Submit until every command has an answer, drawing blocks of caps in between (D11)."""
        left = commands
        for turn in range(_MOST_ROUNDS + 1):
            outcomes = self._store.writer.submit_all([command for _, command in left])
            again = []
            for (place, command), outcome in zip(left, outcomes, strict=True):
                if isinstance(outcome, (BlockEmpty, CatalogueBehind)) and turn < _MOST_ROUNDS:
                    again.append((place, command, outcome))
                else:
                    yield place, _merged(command, self._known(command, outcome))
            if not again:
                return
            self._prepare([(c, o) for _, c, o in again], last=turn == _MOST_ROUNDS - 1)
            left = [(place, command) for place, command, _ in again]

    def _known(self, command: Command, outcome: Answer | Exception) -> Answer | Exception:
        """The outcome; of what was adopted from the chain after a restore, that it was."""
        repeated = isinstance(outcome, Exception) and may_be_repeated(outcome)
        adopted = adopted_of(self._store.database, command.operations()) if repeated else None
        return outcome if adopted is None else adopted

    def _prepare(self, wishes: Sequence[tuple[Command, Exception]], *, last: bool) -> None:
        empty: dict[int, list[tuple[Command, BlockEmpty]]] = defaultdict(list)
        for command, wish in wishes:
            if isinstance(wish, BlockEmpty):
                empty[wish.programme.programme_id].append((command, wish))
            else:
                command.scene = self._admission.renewed(command.scene)
        every = frozenset(self._admission.catalogue.programmes)
        for programme_id, some in empty.items():
            gone = every if last else frozenset({programme_id})
            whole = BlockEmpty(some[0][1].programme, sum(w.need for _, w in some), max(w.at for _, w in some))
            if not last and self._draws(whole):
                continue
            for command, wish in some:
                if last or not self._draws(wish):
                    exhausted = command.scene.worker.exhausted | gone
                    command.scene = replace(command.scene, worker=Worker(self._desk.worker, exhausted))

    def _draws(self, wish: BlockEmpty) -> bool:
        return self._store.writer.run(partial(draw, wish=wish, worker=self._desk.worker))


def _in_earnest(item: OfflineSale) -> OfflineSale:
    if item.sale.shift.training:
        raise NotInTraining("offline-sale")
    return item


def _waits(refused: Merged | None, item: Any) -> Merged:
    return refused or Merged(key_of(item), "waiting", error=NotInTraining("offline-sale"))


def _merged(command: Command, outcome: Answer | Exception) -> Merged:
    key = command.write.key
    if isinstance(outcome, Answer):
        content = orjson.loads(outcome.body)
        return Merged(key, content.get("state", "certain"), content, replayed=outcome.replayed)
    if not isinstance(outcome, DomainError):
        raise outcome
    return _undecided(key, outcome)


def _undecided(key: str | None, error: DomainError) -> Merged:
    """Not stored; what time may mend the till keeps, as when codes could not be tried now."""
    return Merged(key, "waiting" if isinstance(error, _WAITING) else "refused", error=error)
