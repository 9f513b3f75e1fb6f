"""A batch's root: made in steps that a kill cannot change, anchored by the merchant whose product it is."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, exists, func, insert, select

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.item_operations import CODEC, TARGET, AnchorItems, item_leaf, text_word
from ledger_service.kernel.merkle import proof_of, root_of
from ledger_service.outbox.beside.queries import standings
from ledger_service.outbox.beside.service import enqueue_now
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.models import trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.prizes import slots
from ledger_service.traceability.prizes.rules import pool_leaf, root_with_pool, secret_of
from ledger_service.traceability.proofs.models import trace_root, trace_root_part

PART_BITS = 10
PART_ITEMS = 1 << PART_BITS
# Each step holds the one write lock of SQLite: a sale or scan behind it waits for so many leaves.
STEP_PARTS = 2
_B, _I, _P, _R = trace_batch.c, trace_item.c, trace_root_part.c, trace_root.c


@dataclass(frozen=True, slots=True)
class Anchored:
    """A batch's root and where its operation stands in the outbox."""

    root: bytes
    count: int
    state: str
    reason: str | None

    @property
    def on_chain(self) -> bool:
        """Whether the contract has taken it."""
        return self.state in ("mined", "final") and self.reason is None


@dataclass(frozen=True)
class Commitments:
    """Commands on roots; ``master`` is the service's secret behind all codes."""

    master: bytes = field(repr=False)

    def step(self, conn: Connection, batch_no: int, at: datetime) -> bool:
        """Some more parts of the batch's tree stand, at last its root and the operation that anchors it.

        Returns:
            whether there is more to do.

        Raises:
            MalformedField: no such batch, or not all of its items are made.

        Idempotency: repeat until False. Locks: the batch's row.
        """
        found = conn.execute(select(trace_batch).where(_B.batch_no == batch_no).with_for_update())
        batch = found.mappings().one_or_none()
        if batch is None or batch["made"] < batch["size"]:
            raise MalformedField("batch", "is unknown, or not all of its items are made")
        if anchored(conn, batch_no) is not None:
            return False
        most = -(-batch["size"] // PART_ITEMS)
        done = conn.execute(select(func.count()).where(_P.batch_no == batch_no)).scalar_one()
        parts = range(done, min(done + STEP_PARTS, most))
        rows = [
            {"batch_no": batch_no, "part": part, "root": root_of(self.leaves(conn, batch, part))}
            for part in parts
        ]
        if rows:
            sql_of(trace_root_part, conn).insert(conn, rows)
            slots.add_parts(conn, self._key(batch), batch, parts, PART_ITEMS)
        if parts.stop < most:
            return True
        self._anchor(conn, batch, at)
        return False

    def leaves(self, conn: Connection, batch: RowMapping, part: int) -> list[bytes]:
        """The leaves of a part of the batch, from the rows of its items."""
        key = self._key(batch)
        first = batch["batch_no"] << INDEX_BITS
        mine = (_I.item_id >= first + part * PART_ITEMS) & (_I.item_id < first + (part + 1) * PART_ITEMS)
        wanted = select(_I.item_id, _I.gtin, _I.serial).where(mine & (_I.item_id < first + batch["size"]))
        return [
            item_leaf(item_id - first, gtin, serial, salt_of(key, item_id - first))
            for item_id, gtin, serial in conn.execute(wanted.order_by(_I.item_id))
        ]

    def proof(self, conn: Connection, batch: RowMapping, index: int) -> tuple[bytes, list[bytes]]:
        """An item's salt, and the way from its leaf to the batch's root."""
        part, place = divmod(index, PART_ITEMS)
        within = proof_of(self.leaves(conn, batch, part), place)
        above = proof_of(parts_of(conn, batch["batch_no"]), part)
        pool = slots.body_and_root(conn, batch["batch_no"])
        beside = [] if pool is None else [pool_leaf(*pool)]
        return salt_of(self._key(batch), index), [*within, *above, *beside]

    def slot_proof(self, conn: Connection, batch: RowMapping, slot: int) -> slots.Opened:
        """A slot of the batch's prize pool, opened, and the way from its leaf to the slots' root."""
        return slots.opened(conn, self._key(batch), batch, slot, PART_ITEMS)

    def prize_secret(self, batch: RowMapping) -> bytes:
        """What opens the batch's whole pool: for nobody before its end."""
        return secret_of(self._key(batch))

    def _key(self, batch: RowMapping) -> bytes:
        return codes.batch_key(self.master, batch["seed"])

    def _anchor(self, conn: Connection, batch: RowMapping, at: datetime) -> None:
        number, gtin = batch["batch_no"], batch["gtin"]
        root, op_id = root_of(parts_of(conn, number)), derive_id("item-root", number)
        pool = slots.seal(conn, number)
        if pool is not None:
            root = root_with_pool(root, pool)
        owner = select(trace_product.c.merchant_id).where(trace_product.c.gtin == gtin)
        operation = AnchorItems(
            op_id, conn.execute(owner).scalar_one(), seconds_floor(at), root, batch["size"], int(gtin),
            text_word(batch["lot"]),
        )  # fmt: skip
        enqueue_now(conn, TARGET, CODEC, [operation], at)
        row = {"batch_no": number, "root": root, "count": batch["size"], "op_id": op_id, "made_at": at}
        conn.execute(insert(trace_root).values(row))


def salt_of(key: bytes, index: int) -> bytes:
    """The 32 bytes that keep an item's leaf from being guessed; ``key`` as ``codes.batch_key`` has it."""
    return hmac.digest(key, b"salt" + index.to_bytes(8, "big"), "sha256")


def parts_of(conn: Connection, batch_no: int) -> Sequence[bytes]:
    """The roots of a batch's parts in their order: together a row of its tree."""
    rows = conn.execute(select(_P.root).where(_P.batch_no == batch_no).order_by(_P.part))
    return [bytes(root) for (root,) in rows]


def anchored(conn: Connection, batch_no: int) -> Anchored | None:
    """The batch's root and where it stands; None where it has none yet."""
    row = conn.execute(select(_R.root, _R.count, _R.op_id).where(_R.batch_no == batch_no)).one_or_none()
    if row is None:
        return None
    told = standings(conn, [row.op_id]).get(row.op_id)
    state, reason = ("lost", None) if told is None else (told.state, told.reason)
    return Anchored(bytes(row.root), int(row[1]), state, reason)


def require_anchored(conn: Connection, batch_no: int) -> None:
    """Nothing, where the chain has the batch's root: only then may its codes leave the house.

    Raises:
        MalformedField: it has not; who prints first could make another root of what it printed.
    """
    found = anchored(conn, batch_no)
    if found is None or not found.on_chain:
        raise MalformedField("batch", "is not anchored on the chain yet: `alliance items anchor`, then wait")


def next_unanchored(conn: Connection) -> int | None:
    """A batch whose items all are made and whose root is not; None where there is none."""
    rooted = exists().where(_R.batch_no == _B.batch_no)
    wanted: Any = select(_B.batch_no).where((_B.made == _B.size) & ~rooted).order_by(_B.batch_no).limit(1)
    return conn.execute(wanted).scalar_one_or_none()
