"""What the relay writes of batches and intents: signed, mined, final, dead; and back after a reorg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from ledger_service.chain.beside.models import chain_beside_batch, chain_beside_item, step_of
from ledger_service.chain.beside.targets import SentOperation
from ledger_service.chain.models import chain_tx
from ledger_service.chain.standing import open_tx
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.events import BesideReorged
from ledger_service.outbox.beside.models import beside_intent

_b, _n, _i = chain_beside_batch.c, chain_beside_item.c, beside_intent.c


def insert_batch(
    conn: Connection, target: str, number: int, operations: Sequence[SentOperation], now: Any
) -> int:
    """The batch is signed, its operations live in it and in no other, and their intents are packed.

    Returns:
        how many intents were queued.
    """
    batch = {
        "target": target, "number": number, "state": "signed", "count": len(operations), "root": None,
        "block_number": None, "created_at": now,
    }  # fmt: skip
    sql_of(chain_beside_batch, conn).insert(conn, [batch])
    items = [
        {"target": target, "batch": number, "position": position, "op_id": operation.op_id,
         "leaf": operation.leaf, "reason": None, "live": True}
        for position, operation in enumerate(operations)
    ]  # fmt: skip
    sql_of(chain_beside_item, conn).insert(conn, items)
    mine = _i.op_id.in_([operation.op_id for operation in operations]) & (_i.state == "queued")
    return int(conn.execute(update(beside_intent).where(mine).values(state="packed")).rowcount)


def items_of(conn: Connection, target: str, number: int) -> Sequence[Row[Any]]:
    """The items of a batch in order."""
    mine = (_n.target == target) & (_n.batch == number)
    return conn.execute(select(chain_beside_item).where(mine).order_by(_n.position)).all()


def judge(conn: Connection, batch: Row[Any], root: bytes, block: int, reasons: Mapping[int, bytes]) -> None:
    """A block has the batch: each of its operations is applied, or refused for its reason."""
    same = (_b.target == batch.target) & (_b.number == batch.number)
    conn.execute(update(chain_beside_batch).where(same).values(state="mined", root=root, block_number=block))
    mine = (_n.target == batch.target) & (_n.batch == batch.number)
    conn.execute(update(chain_beside_item).where(mine).values(reason=None))
    for position, reason in reasons.items():
        refused = mine & (_n.position == position)
        conn.execute(update(chain_beside_item).where(refused).values(reason=reason))


def move(conn: Connection, target: str, number: int, **values: Any) -> None:
    """The intents that live in this batch have these values."""
    lives = _live_in(target, number)
    conn.execute(update(beside_intent).where(_i.op_id.in_(lives)).values(**values))


def set_state(conn: Connection, target: str, number: int, state: str, block: int | None) -> None:
    """The batch has this state and stands in this block, or in none."""
    same = (_b.target == target) & (_b.number == number)
    conn.execute(update(chain_beside_batch).where(same).values(state=state, block_number=block))


def bury(conn: Connection, target: str, number: int) -> None:
    """The batch is dead for good: its operations are queued again, its transactions are no longer sent."""
    move(conn, target, number, state="queued", reason=None)
    set_state(conn, target, number, "dead", None)
    mine = (_n.target == target) & (_n.batch == number)
    conn.execute(update(chain_beside_item).where(mine).values(live=False))
    waiting = (chain_tx.c.step == step_of(target, number)) & chain_tx.c.state.in_(("signed", "broadcast"))
    conn.execute(update(chain_tx).where(waiting).values(state="dropped"))


def rewind(conn: Connection, to_number: int) -> list[BesideReorged]:
    """What stood above block ``to_number`` is signed and in no block: live batches are sent again as they
    are.

    A dead batch stays dead: its transaction is never sent again.

    Args:
        conn: the leader's db transaction, in which the transactions were taken back.
        to_number: the height that stays.
    """
    events: list[BesideReorged] = []
    above = select(chain_beside_batch).where((_b.block_number > to_number) & (_b.state != "dead"))
    for batch in conn.execute(above).all():
        events += [
            BesideReorged(item.op_id, batch.target) for item in items_of(conn, batch.target, batch.number)
        ]
        move(conn, batch.target, batch.number, state="packed", reason=None)
        set_state(conn, batch.target, batch.number, "signed", None)
    _drop_the_dead(conn)
    return events


def _drop_the_dead(conn: Connection) -> None:
    """Of dead batches that a deep reorg has brought back among what is to be sent."""
    opened = open_tx("signed", "broadcast") & chain_tx.c.step.like("beside:%")
    for row in conn.execute(select(chain_tx.c.tx_hash, chain_tx.c.step).where(opened)).all():
        _, target, number = row.step.split(":")
        same = (_b.target == target) & (_b.number == int(number)) & (_b.state == "dead")
        if conn.execute(select(_b.number).where(same)).first() is not None:
            mine = chain_tx.c.tx_hash == row.tx_hash
            conn.execute(update(chain_tx).where(mine).values(state="dropped"))


def _live_in(target: str, number: int) -> Select[Any]:
    return select(_n.op_id).where((_n.target == target) & (_n.batch == number) & _n.live)
