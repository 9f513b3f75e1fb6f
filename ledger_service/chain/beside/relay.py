"""The relay's loop over its targets: settle what was sent, then pack, sign and store the next batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import update

from ledger_service.chain.beside import adopting, book
from ledger_service.chain.beside.following import Follow
from ledger_service.chain.beside.models import step_of
from ledger_service.chain.beside.planning import Around, BesidePlan, Bounds, plan_beside
from ledger_service.chain.beside.reading import Reader
from ledger_service.chain.beside.targets import SentOperation, SentSlice, Target, calldata_of
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.delivery import Delivery, LiveDelivery, ReplayDelivery
from ledger_service.chain.desk import Desk, clear_alarm, raise_alarm
from ledger_service.chain.errors import LyingNode, NodeRefusal
from ledger_service.chain.indexer import cursor_of
from ledger_service.chain.outbound import Draft, NonceMoved, Outbound
from ledger_service.chain.ports import RELAYER, Handler, Keys, SliceToSign
from ledger_service.chain.refusals import Blame, refusal_of
from ledger_service.chain.settings import MOST_GAS_PER_TX, ChainSettings
from ledger_service.kernel.beside import BesideOperation
from ledger_service.kernel.events import BesideJudged
from ledger_service.outbox.beside.models import beside_intent

_PARKED_SECONDS = 15.0
# The contract takes what was accepted up to 120 seconds from now; clocks differ.
_AHEAD_SECONDS = 60
ORPHANED = "OriginalRefused()"


@dataclass(frozen=True, slots=True)
class RelayRoom:
    """The parts that the relay works with."""

    desk: Desk
    node: Node
    keys: Keys
    outbound: Outbound
    delivery: Delivery
    settings: ChainSettings
    handlers: tuple[Handler, ...] = ()


def relay_room(
    desk: Desk, node: Node, keys: Keys, settings: ChainSettings, handlers: tuple[Handler, ...] = ()
) -> RelayRoom:
    """The room of a relay beside a bridge of the same desk, node, keys and settings."""
    delivery: Delivery = ReplayDelivery(node) if settings.replay else LiveDelivery(node)
    return RelayRoom(desk, node, keys, Outbound(desk, node, keys, settings), delivery, settings, handlers)


@dataclass(slots=True)
class _Waits:
    """Who must wait a while; forgotten at a restart, found again by the next dry run."""

    merchants: dict[int, datetime] = field(default_factory=dict)
    targets: dict[str, datetime] = field(default_factory=dict)


class Relay:
    """Sends the intents beside; a job of the leading bridge."""

    def __init__(self, room: RelayRoom, targets: Sequence[Target]) -> None:
        self._room, self._desk, self._targets = room, room.desk, tuple(targets)
        self._follow = Follow(room.desk, room.node, room.handlers)
        self._readers = {target.name: Reader(target) for target in targets}
        self._waits = _Waits()
        self._agreed: set[str] = set()

    def run(self) -> bool:
        """One pass over all targets.

        Returns:
            whether a batch was packed, so that another pass is worthwhile soon.

        Raises:
            ChainUnavailable, LeadershipLost: as the bridge's own work does.

        Locks: the lease, the signer's nonce row, then the intents.
        """
        return sum(self._one(target) for target in self._targets) > 0

    def _one(self, target: Target) -> bool:
        now = self._desk.wall()
        if self._waits.targets.get(target.name, now) > now:
            return False
        try:
            return self._follow.step(target) and self._agrees(target) and self._pack(target) > 0
        except LyingNode as failure:
            # What one contract says of itself must not keep the ClearingHouse from working.
            with self._desk.write() as conn:
                raise_alarm(conn, self._desk.wall, failure.code, target.name, str(failure))
            self._rest(target)
            return False

    def _agrees(self, target: Target) -> bool:
        """Whether the contract's last batch is one that this database knows; after a restore it is not.

        Asked once after a start, so that a restore is whole without waiting for the next coupon, and then
        before each work.
        """
        with self._desk.read() as conn:
            has_work = self._readers[target.name].has_work(conn)
            if not has_work and target.name in self._agreed:
                return True
            known = adopting.greatest_number(conn, target.name)
        last = self._last_batch(target)
        if last is None:
            return False
        if last <= known:
            self._agreed.add(target.name)
            return True
        with self._desk.write() as conn:
            if adopting.adopt(conn, target, self._desk.wall):
                clear_alarm(conn, "beside-batch-unknown", target.name)
                return False
            if not has_work:
                # The indexer may not have read so far yet; nothing would be sent past the batch anyway.
                return False
            detail = f"the contract's last batch is {last}, {known} is the last that is known here"
            raise_alarm(conn, self._desk.wall, "beside-batch-unknown", target.name, detail)
        self._rest(target)
        return False

    def _last_batch(self, target: Target) -> int | None:
        """None where no such contract answers at the address, which alarms."""
        sender = self._room.outbound.sender(RELAYER)
        asked = CallAt(sender, target.address, target.artifact.call_data("lastBatch"))
        answer = self._room.node.call(asked)
        if not isinstance(answer, NodeRefusal) and len(answer) == 32:
            return int.from_bytes(answer, "big")
        with self._desk.write() as conn:
            detail = f"no {target.contract} answers at 0x{target.address.hex()}"
            raise_alarm(conn, self._desk.wall, "beside-contract-silent", target.name, detail)
        self._rest(target)
        return None

    def _pack(self, target: Target) -> int:
        room, reader = self._room, self._readers[target.name]
        with self._desk.read() as conn:
            queue = reader.queued(conn, 2 * room.settings.most_operations)
            proven, refused = reader.originals(conn, [item.operation for item in queue])
            number = adopting.greatest_number(conn, target.name) + 1
        self._set_aside(target, reader.unreadable, "PayloadUnreadable()")
        altered = [item.operation.op_id for item in queue if not item.intact]
        self._alarm_altered(altered)
        if not queue:
            return 0
        until = self._until([item.operation.accepted_at for item in queue])
        around = Around(self._held(), until, proven, refused)
        settings = room.settings
        bounds = Bounds(settings.most_operations, settings.gas_budget, settings.most_bytes)
        plan = plan_beside(target, queue, around, bounds)
        self._set_aside(target, [(o.op_id, o.kind) for o in plan.orphans], ORPHANED)
        if self._put_where_they_live(target, plan.ordered()) or not plan.slices:
            return 0
        slices = self._signed(target, number, plan)
        if slices is None:
            return 0
        return self._send(target, number, plan, slices)

    def _until(self, accepted: Sequence[int]) -> int:
        ahead = self._room.settings.ahead_seconds
        if ahead is not None:
            return min(accepted) + ahead
        return int(self._desk.wall().timestamp()) + _AHEAD_SECONDS

    def _held(self) -> frozenset[int]:
        now = self._desk.wall()
        self._waits.merchants = {m: until for m, until in self._waits.merchants.items() if until > now}
        return frozenset(self._waits.merchants)

    def _signed(self, target: Target, number: int, plan: BesidePlan) -> list[SentSlice] | None:
        parts = {
            merchant: tuple(SentOperation(o.words(), plan.witnesses[o.op_id]) for o in plan.slices[merchant])
            for merchant in sorted(plan.slices)
        }
        asked = [
            SliceToSign(number, merchant, tuple(o.leaf for o in operations), target.address)
            for merchant, operations in parts.items()
        ]
        signatures = self._room.keys.sign_slices(asked)
        missing = [one.merchant for one, got in zip(asked, signatures, strict=True) if got is None]
        for merchant in missing:
            self._park(merchant, "merchant-key", f"merchant {merchant}'s operations key does not sign")
        if missing:
            return None
        return [
            SentSlice(merchant, signature or b"", operations)
            for (merchant, operations), signature in zip(parts.items(), signatures, strict=True)
        ]

    def _send(self, target: Target, number: int, plan: BesidePlan, slices: Sequence[SentSlice]) -> int:
        """Batch, items, transaction and intents in one db transaction, once a dry run on the head passed."""
        room, data = self._room, calldata_of(target, number, slices)
        stamp = max(o.accepted_at for o in plan.ordered()) if room.settings.replay else None
        if stamp is not None:
            room.delivery.date_next(stamp)
        asked = CallAt(room.outbound.sender(RELAYER), target.address, data, MOST_GAS_PER_TX)
        with self._desk.read() as conn:
            again = self._readers[target.name].was_buried(conn, list(plan.witnesses))
            read_to = cursor_of(conn)
        answer = room.node.call(asked, read_to)
        if isinstance(answer, NodeRefusal):
            self._blame(target, answer.data)
            return 0
        step = step_of(target.name, number)
        gas = MOST_GAS_PER_TX if again else min(plan.gas, MOST_GAS_PER_TX)
        draft = Draft(target.address, data, gas, step=step, timestamp=stamp)
        signed = room.outbound.sign(RELAYER, room.outbound.next_nonce(RELAYER), draft)
        operations = [operation for piece in slices for operation in piece.operations]
        try:
            with self._desk.write() as conn:
                moved = book.insert_batch(conn, target.name, number, operations, self._desk.wall())
                if moved != len(operations):
                    raise NonceMoved
                room.outbound.store_next(conn, signed)
                clear_alarm(conn, "beside-refused", target.name)
        except NonceMoved:
            return 0
        return len(operations)

    def _blame(self, target: Target, data: str | None) -> None:
        refusal = refusal_of(data)
        if refusal.blame is Blame.MERCHANT and refusal.subject is not None:
            self._park(refusal.subject, "merchant-slice", refusal.text())
            return
        with self._desk.write() as conn:
            raise_alarm(conn, self._desk.wall, "beside-refused", target.name, refusal.text())
        self._rest(target)

    def _rest(self, target: Target) -> None:
        self._waits.targets[target.name] = self._desk.wall() + timedelta(seconds=_PARKED_SECONDS)

    def _park(self, merchant: int, code: str, detail: str) -> None:
        self._waits.merchants[merchant] = self._desk.wall() + timedelta(seconds=_PARKED_SECONDS)
        with self._desk.write() as conn:
            raise_alarm(conn, self._desk.wall, code, str(merchant), detail)

    def _alarm_altered(self, op_ids: Sequence[bytes]) -> None:
        for op_id in op_ids:
            with self._desk.write() as conn:
                detail = "its payload is not what was accepted"
                raise_alarm(conn, self._desk.wall, "intent-altered", op_id.hex(), detail)

    def _set_aside(self, target: Target, those: Sequence[tuple[bytes, int]], reason: str) -> None:
        """They are never sent; their rooms hear of it as of a refusal (D7)."""
        for op_id, kind in those:
            mine = (beside_intent.c.op_id == op_id) & (beside_intent.c.state == "queued")
            change = update(beside_intent).where(mine).values(state="set_aside", reason=reason)
            with self._desk.write() as conn:
                if conn.execute(change).rowcount != 1:
                    continue
                raise_alarm(conn, self._desk.wall, "operation-set-aside", op_id.hex(), reason)
                for handler in self._room.handlers:
                    handler(conn, [BesideJudged(op_id, target.name, kind, reason)])

    def _put_where_they_live(self, target: Target, operations: Sequence[BesideOperation]) -> bool:
        """Those that a batch has already, as when a till repeats a sale after a restore, stand there now."""
        op_ids = [operation.op_id for operation in operations]
        with self._desk.read() as conn:
            if not self._readers[target.name].living(conn, op_ids):
                return False
        with self._desk.write() as conn:
            self._readers[target.name].put(conn, op_ids)
        return True
