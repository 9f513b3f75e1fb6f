"""The outbox as the bridge moves it: queued, packed, mined, final, set aside; and back after a reorg."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, func, select, update

from ledger_service.chain.decode import MinedOperation
from ledger_service.chain.models import chain_applied, chain_batch, chain_batch_item
from ledger_service.kernel.intents import read_payload, readable_operation
from ledger_service.kernel.operations import Operation
from ledger_service.outbox.models import State, intent, standing


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued intent; ``former_batch`` is the dead batch that carried it before, if any.

    ``intact`` is False where the payload no longer is the operation whose leaf was accepted. ``again`` marks
    one that was refused and is tried once more.
    """

    intent_id: int
    operation: Operation
    former_batch: int | None
    intact: bool
    again: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A queued intent whose payload is no operation at all."""

    op_id: bytes
    kind: int


_WAITING = (
    intent.c.intent_id, intent.c.batch_number, intent.c.payload, intent.c.leaf, intent.c.reason,
    intent.c.op_id, intent.c.kind,
)  # fmt: skip
_QUEUED = standing(State.QUEUED)
_LATER = _QUEUED & (intent.c.later == 1)
_MOST_KEPT = 4_096
_FURTHEST = 64
# As many as both databases take in one statement.
_MOST_NAMED = 10_000


class Queue:
    """Reads the front of the queue; a payload changes with its leaf alone, so each is decoded once."""

    def __init__(self) -> None:
        self._decoded: dict[tuple[int, bytes], tuple[Operation, bool]] = {}
        self.unreadable: list[Unreadable] = []
        self._reach = 1
        self._cut = False

    def waiting(self, conn: Connection, most: int) -> list[Waiting]:
        """The first queued intents in their order: ``most``, or more after ``look_further``.

        What is marked ``later`` comes behind all other, but for that of members who have something waiting:
        it comes first, for theirs may need it.
        Those that cannot be read are left out and stand in ``unreadable``.
        """
        limit = most * self._reach
        queued = select(*_WAITING, intent.c.member_id).order_by(intent.c.intent_id)
        live = conn.execute(queued.where(_QUEUED & intent.c.later.is_(None)).limit(limit)).all()
        later = conn.execute(queued.where(_LATER).limit(max(limit - len(live), 1))).all()
        members = sorted({row.member_id for row in live} - {None}) if later else []
        needed: list[Any] = []
        for at in range(0, len(members), _MOST_NAMED):
            own = intent.c.member_id.in_(members[at : at + _MOST_NAMED])
            needed += conn.execute(queued.where(_LATER & own)).all()
        needed.sort(key=lambda row: int(row.intent_id))
        taken = {row.intent_id for row in needed}
        others = [row for row in later if row.intent_id not in taken]
        rows = [*needed, *live, *others[: limit - len(live)]]
        self._cut = len(rows) >= limit
        if len(rows) < most:
            self._reach = 1
        if len(self._decoded) > _MOST_KEPT + limit:
            self._decoded.clear()
        self.unreadable = []
        return [item for row in rows if (item := self._waiting(*row[:-1])) is not None]

    def look_further(self, has_room: bool) -> None:
        """Where what was read left room in a batch, from now on twice as much is read, if there is more.

        So the intents of one merchant without its key do not hide everybody else's behind them.
        """
        if has_room and self._cut:
            self._reach = min(2 * self._reach, _FURTHEST)

    def _waiting(
        self, intent_id: int, former: int | None, payload: str, leaf: bytes, *rest: Any
    ) -> Waiting | None:
        reason, op_id, kind = rest
        known = self._decoded.get((intent_id, leaf))
        if known is None:
            read = read_payload(payload)
            if read is None:
                self.unreadable.append(Unreadable(op_id, kind))
                return None
            known = self._decoded[intent_id, leaf] = (read[0], read[1] == leaf)
        return Waiting(intent_id, known[0], former, known[1], reason is not None)


def count_waiting(conn: Connection) -> int:
    """How many intents are queued."""
    counted = select(func.count()).select_from(intent).where(_QUEUED)
    return int(conn.execute(counted).scalar_one())


@dataclass(frozen=True, slots=True)
class Known:
    """An intent as a later operation cites it; ``operation`` is None where the payload is none."""

    operation: Operation | None
    state: str
    batch_number: int | None


def known(conn: Connection, op_ids: Sequence[bytes]) -> dict[bytes, Known]:
    """The intents with these op_ids."""
    if not op_ids:
        return {}
    query = select(intent.c.op_id, intent.c.payload, intent.c.state, intent.c.batch_number)
    rows = conn.execute(query.where(intent.c.op_id.in_(list(op_ids))))
    return {row[0]: Known(readable_operation(row[1]), row[2], row[3]) for row in rows}


def in_batches(conn: Connection, numbers: Sequence[int]) -> list[Operation]:
    """The operations that stand in these batches, as far as they can be read."""
    if not numbers:
        return []
    query = select(intent.c.payload).where(intent.c.batch_number.in_(list(numbers)))
    found = (readable_operation(row[0]) for row in conn.execute(query))
    return [operation for operation in found if operation is not None]


def next_batch_number(conn: Connection) -> int:
    """One more than any batch that was made here or seen on the chain."""
    own = conn.execute(select(func.coalesce(func.max(chain_batch.c.number), 0))).scalar_one()
    seen = conn.execute(select(func.coalesce(func.max(chain_applied.c.number), 0))).scalar_one()
    return int(max(own, seen)) + 1


def move_into_batch(conn: Connection, batch: int, intent_ids: Sequence[int]) -> int:
    """The queued intents are packed, at the positions that the batch's items give them.

    Returns:
        how many were still queued.
    """
    item = chain_batch_item
    place = select(item.c.position).where(
        (item.c.batch == batch) & (item.c.op_id == intent.c.op_id) & item.c.live
    )
    mine = intent.c.intent_id.in_(list(intent_ids)) & (intent.c.state == State.QUEUED.value)
    change = (
        update(intent)
        .where(mine)
        .values(state=State.PACKED.value, reason=None, batch_number=batch,
                batch_index=place.scalar_subquery())
    )
    return int(conn.execute(change).rowcount)


def move_batches(conn: Connection, numbers: Iterable[int], to: State) -> None:
    """Every intent that stands in these batches has the state ``to``."""
    listed = list(numbers)
    if listed:
        conn.execute(update(intent).where(intent.c.batch_number.in_(listed)).values(state=to.value))


def mined_batches(conn: Connection) -> list[int]:
    """The batches with intents that are mined and not final."""
    query = select(intent.c.batch_number).where(standing(State.MINED)).distinct()
    return [row[0] for row in conn.execute(query)]


def requeue(conn: Connection, number: int) -> None:
    """The intents of a dead batch are queued again; they still name it, so that D8 can be checked."""
    mine = (intent.c.batch_number == number) & (intent.c.state == State.PACKED.value)
    conn.execute(update(intent).where(mine).values(state=State.QUEUED.value, batch_index=None))


def adopt(conn: Connection, number: int, operations: Sequence[MinedOperation], state: State) -> int:
    """Intents that a batch carried stand in it, though it was not packed from them here or counts as dead.

    One that was made anew with other words, as after a restore, stays where it is: the packer finds it done.

    Returns:
        how many there are.
    """
    place = {o.op_id: (position, o.leaf) for position, o in enumerate(operations)}
    query = select(intent.c.op_id, intent.c.leaf).where(intent.c.op_id.in_(list(place)))
    found = [row.op_id for row in conn.execute(query) if row.leaf == place[row.op_id][1]]
    for op_id in found:
        change = update(intent).where(intent.c.op_id == op_id)
        where = {"batch_number": number, "batch_index": place[op_id][0]}
        conn.execute(change.values(state=state.value, reason=None, **where))
    return len(found)


def disown(conn: Connection, number: int) -> None:
    """Intents that were adopted into a dead batch are where they were, for the batch left the chain again.

    That is the batch in which they are live, or else the queue, still naming the dead one (D8).
    """
    item = chain_batch_item
    live = (item.c.op_id == intent.c.op_id) & item.c.live
    mine = intent.c.batch_number == number
    batch, position = (
        select(column).where(live).scalar_subquery() for column in (item.c.batch, item.c.position)
    )
    packed = update(intent).where(mine & exists().where(live))
    conn.execute(packed.values(state=State.PACKED.value, batch_number=batch, batch_index=position))
    conn.execute(update(intent).where(mine).values(state=State.QUEUED.value, batch_index=None))


def set_aside(conn: Connection, op_id: bytes, reason: str) -> bool:
    """The queued intent is set aside for good (D7).

    Returns:
        False where it was no longer queued.
    """
    mine = (intent.c.op_id == op_id) & (intent.c.state == State.QUEUED.value)
    change = update(intent).where(mine).values(state=State.SET_ASIDE.value, reason=reason)
    return int(conn.execute(change).rowcount) == 1
