"""Makes batches of queued intents and stores each with its signed transaction in one db transaction (R2, R3).

Two ways. Usually a batch is sent without a dry run, for the checkout has reserved everything (D7).
Once a batch was refused, its operations go one batch at a time and with a dry run on the head, which
names the poisoned operation by its index; that one is set aside and the others go on. So does one that was
set aside and is tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from ledger_service.chain import originals, promises, queue, successions
from ledger_service.chain.again import Again
from ledger_service.chain.aside import Aside
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.delivery import Delivery
from ledger_service.chain.desk import Desk, clear_alarm, raise_alarm
from ledger_service.chain.encode import Encoder, Original, SlicePlan, batch_of_its_own, move_batch
from ledger_service.chain.errors import NodeRefusal
from ledger_service.chain.indexer import cursor_of
from ledger_service.chain.models import chain_batch, chain_batch_item
from ledger_service.chain.outbound import Draft, NonceMoved, Outbound
from ledger_service.chain.parking import Parking
from ledger_service.chain.plan import Limits, Plan, Situation, accepted_last, plan_batch, touched
from ledger_service.chain.ports import RELAYER, Handler, Keys, SliceToSign
from ledger_service.chain.queue import Waiting
from ledger_service.chain.refusals import Blame, Refusal, refusal_of
from ledger_service.chain.settings import MOST_GAS_PER_TX, MOST_ROWS, ChainSettings, Contracts
from ledger_service.chain.standing import unsettled
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.merkle import root_of

_PARKED_SECONDS = 15.0
# How many culprits one pass looks for before the bridge does its other work again.
_MOST_DRY_RUNS = 32


@dataclass(frozen=True, slots=True)
class Room:
    """The parts that the packer works with."""

    desk: Desk
    node: Node
    keys: Keys
    outbound: Outbound
    delivery: Delivery
    contracts: Contracts
    settings: ChainSettings
    handlers: tuple[Handler, ...] = ()


@dataclass(frozen=True, slots=True)
class _Batch:
    number: int
    plan: Plan
    leaves: list[bytes]
    calldata: bytes


class Packer:
    """Packs one batch at a time."""

    def __init__(self, room: Room) -> None:
        self._room, self._desk = room, room.desk
        self._queue = queue.Queue()
        self._parked, self._aside = Parking(), Aside(room.desk, room.handlers)
        self._again = Again(room.desk, room.handlers, self._aside)
        self._most = room.settings.most_operations
        self._since: datetime | None = None

    def step(self, in_flight: int) -> int:
        """Pack the next batch, if there is one and the window has room (R11).

        Args:
            in_flight: transactions that are in no block yet.

        Returns:
            how many operations were packed; they are stored with their signed transaction, not sent.

        Locks: the lease, the signer's nonce row, then the intents.
        """
        if in_flight >= self._room.settings.most_in_flight or self._still_lingers():
            return 0
        for _ in range(_MOST_DRY_RUNS):
            packed = self._attempt(in_flight)
            if packed is not None:
                self._aside.put_unreadable(self._queue.unreadable)
                return packed
        return 0

    def _attempt(self, in_flight: int) -> int | None:
        """As ``step``; None where a dry run found somebody to blame and another attempt is worthwhile."""
        with self._desk.read() as conn:
            waiting = self._queue.waiting(conn, 2 * self._room.settings.most_operations)
            if not waiting or self._lingers(waiting):
                return 0
            situation = self._situation(conn, waiting)
            number = queue.next_batch_number(conn)
        careful = any(item.former_batch is not None or item.again for item in waiting)
        if careful and in_flight:
            return 0
        plan = plan_batch(waiting, situation, self._limits(careful))
        self._settle_strays(plan, waiting)
        self._queue.look_further(has_room=not plan.full)
        if not plan.taken:
            return 0
        batch = self._signed_slices(number, plan, situation)
        if batch is None:
            return 0
        if careful and not self._passes(batch):
            return None
        return self._store(batch)

    def _lingers(self, waiting: Sequence[Waiting]) -> bool:
        """Whether a queue seen now is left to grow: a full batch costs hardly more than a small one."""
        small = 0 < len(waiting) < self._room.settings.most_operations
        begins = small and self._since is None and self._room.settings.linger_seconds > 0
        self._since = self._desk.wall() if begins else None
        return begins

    def _still_lingers(self) -> bool:
        linger = timedelta(seconds=self._room.settings.linger_seconds)
        return self._since is not None and self._desk.wall() - self._since < linger

    def _limits(self, careful: bool) -> Limits:
        settings = self._room.settings
        most = min(self._most, settings.most_operations) if careful else settings.most_operations
        return Limits(most, settings.gas_budget, settings.most_bytes, MOST_ROWS, settings.ahead_seconds)

    def _situation(self, conn: Connection, waiting: Sequence[Waiting]) -> Situation:
        refused = select(chain_batch.c.number).where(unsettled("reverted"))
        numbers = [row[0] for row in conn.execute(refused)]
        unresolved = {key for operation in queue.in_batches(conn, numbers) for key in touched(operation)}
        former = {item.former_batch for item in waiting if item.former_batch is not None}
        dead: set[int] = set()
        if former:
            buried = (chain_batch.c.state == "dead") & chain_batch.c.number.in_(former)
            dead = {row[0] for row in conn.execute(select(chain_batch.c.number).where(buried))}
        operations = [item.operation for item in waiting]
        found = originals.resolve(conn, operations)
        parked = self._parked.now(self._desk.wall())
        held = {each.op_id for each in operations if each.op_id in parked or each.merchant in parked}
        air, told = successions.air(conn, waiting), promises.of_rewards(conn, operations)
        around = (frozenset(dead), frozenset(unresolved), found, frozenset(held | told.open))
        return Situation(*around, air.moving, air.flying, air.stuck, told.never)

    def _settle_strays(self, plan: Plan, waiting: Sequence[Waiting]) -> None:
        for orphan in plan.orphans:
            self._aside.put(orphan.operation, promises.reason_of(orphan.operation))
        for item in waiting:
            if not item.intact:
                with self._desk.write() as conn:
                    detail = f"intent {item.intent_id}: its payload is not what was accepted"
                    raise_alarm(conn, self._desk.wall, "intent-altered", item.operation.op_id.hex(), detail)

    def _signed_slices(self, number: int, plan: Plan, situation: Situation) -> _Batch | None:
        slices = list(plan.slices.values())
        leaves = {s.merchant: tuple(o.leaf() for o in s.in_order()) for s in slices}
        signatures = self._room.keys.sign_slices(
            [SliceToSign(number, s.merchant, leaves[s.merchant]) for s in slices]
        )
        refused = [s.merchant for s, signature in zip(slices, signatures, strict=True) if signature is None]
        if refused:
            for merchant in refused:
                self._park(merchant, "merchant-key", f"merchant {merchant}'s operations key does not sign")
            return None
        for piece, signature in zip(slices, signatures, strict=True):
            piece.signature = signature or b""
        every = [move.leaf() for move in plan.moves] + [change.leaf() for change in plan.signers]
        every += [leaf for s in slices for leaf in leaves[s.merchant]]
        return _Batch(number, plan, every, _encoded(number, plan, slices, situation))

    def _park(self, what: bytes | int, code: str, detail: str) -> None:
        self._parked.add(what, self._desk.wall() + timedelta(seconds=_PARKED_SECONDS))
        subject = what.hex() if isinstance(what, bytes) else str(what)
        with self._desk.write() as conn:
            raise_alarm(conn, self._desk.wall, code, subject, detail)

    def _passes(self, batch: _Batch) -> bool:
        """Dry run on the head; on refusal the culprit is dealt with and the next step packs without it.

        Raises:
            ChainUnavailable: the node refuses and lacks a block that was read; nobody is blamed for that.
        """
        room = self._room
        with self._desk.read() as conn:
            read_to = cursor_of(conn)
        if room.settings.replay:
            room.delivery.date_next(accepted_last(batch.plan))
        ask = CallAt(
            room.outbound.sender(RELAYER), room.contracts.clearing_house, batch.calldata, MOST_GAS_PER_TX
        )
        answer = room.node.call(ask, read_to)
        if not isinstance(answer, NodeRefusal):
            self._most = min(2 * self._most, room.settings.most_operations)
            return True
        if not self._again.settle(batch.plan.ordered()):  # what the chain has already is nobody's fault
            self._deal_with(batch, refusal_of(answer.data))
        return False

    def _deal_with(self, batch: _Batch, refusal: Refusal) -> None:
        ordered = batch.plan.ordered()
        blame, subject = refusal.blame, refusal.subject
        if blame in (Blame.OPERATION, Blame.TOO_EARLY) and subject is not None and subject < len(ordered):
            culprit = ordered[subject]
            if blame is Blame.TOO_EARLY:
                self._park(culprit.op_id, "too-early", refusal.text())
            else:
                self._aside.put(culprit, refusal.text())
        elif blame is Blame.MERCHANT and subject is not None:
            self._park(subject, "merchant-slice", refusal.text())
        elif blame is Blame.ROW:
            self._park_row(batch.plan, refusal)
        elif blame is Blame.UNLISTED and len(ordered) > 1:
            # Halve until one is left: nobody is blamed by guess.
            self._most = len(ordered) // 2
        else:
            # One operation alone, or the whole contract: paused, not in force, no role. Wait and tell.
            for item in batch.plan.taken:
                self._parked.add(item.operation.op_id, self._desk.wall() + timedelta(seconds=_PARKED_SECONDS))
            with self._desk.write() as conn:
                raise_alarm(conn, self._desk.wall, "batch-refused", "", refusal.text())

    def _park_row(self, plan: Plan, refusal: Refusal) -> None:
        for item in plan.taken:
            if any(programme == refusal.subject for _, programme in touched(item.operation)):
                self._park(item.operation.op_id, "terms-unknown", refusal.text())

    def _store(self, batch: _Batch) -> int:
        """Batch, items, transaction and intents in one db transaction; nothing if anything moved
        meanwhile."""
        room, plan = self._room, batch.plan
        stamp = accepted_last(plan) if room.settings.replay else None
        # A batch that was refused may have lacked gas: it gets all there is.
        retried = any(item.former_batch is not None or item.again for item in plan.taken)
        gas = MOST_GAS_PER_TX if retried else min(plan.gas, MOST_GAS_PER_TX)
        draft = Draft(
            room.contracts.clearing_house, batch.calldata, gas, batch_number=batch.number, timestamp=stamp
        )
        signed = room.outbound.sign(RELAYER, room.outbound.next_nonce(RELAYER), draft)
        try:
            with self._desk.write() as conn:
                _insert_batch(conn, batch, self._desk.wall())
                moved = queue.move_into_batch(conn, batch.number, [item.intent_id for item in plan.taken])
                if moved != len(plan.taken):
                    raise NonceMoved
                room.outbound.store_next(conn, signed)
                clear_alarm(conn, "batch-refused", "")
                for item in filter(lambda item: item.again, plan.taken):
                    clear_alarm(conn, "operation-set-aside", item.operation.op_id.hex())
        except NonceMoved:
            return 0
        except IntegrityError:
            # One of them stands in a batch already, as after a restore; then it is that one.
            if not self._again.settle(plan.ordered()):
                raise
            return 0
        return len(plan.taken)


def _encoded(number: int, plan: Plan, slices: Sequence[SlicePlan], situation: Situation) -> bytes:
    if plan.moves:
        return move_batch(number, plan.moves)
    alone = batch_of_its_own(number, plan.taken[0].operation, slices)
    if alone is not None:
        return alone
    rows = {row: at for at, row in enumerate(sorted(plan.rows))}
    proven = {op_id: found for op_id, found in situation.originals.items() if isinstance(found, Original)}
    return Encoder(rows, proven).submit_batch(number, plan.signers, slices)


def _insert_batch(conn: Connection, batch: _Batch, now: datetime) -> None:
    row = {
        "number": batch.number,
        "state": "signed",
        "count": len(batch.leaves),
        "root": root_of(batch.leaves),
        "created_at": now,
    }
    sql_of(chain_batch, conn).insert(conn, [row])
    items = [
        {"batch": batch.number, "position": position, "op_id": operation.op_id, "leaf": leaf, "live": True}
        for position, (operation, leaf) in enumerate(zip(batch.plan.ordered(), batch.leaves, strict=True))
    ]
    sql_of(chain_batch_item, conn).insert(conn, items)
