"""Holds what the ledger says of coupons, items and campaigns against their contracts: which are used, claimed
or void, what is promised, every batch's root, the last number.

Every question is asked as of the block that the mirror's cursor names, as ``node_check`` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.chain.beside.models import chain_beside_batch
from ledger_service.chain.beside.promised import Figures, Promised
from ledger_service.chain.beside.targets import Target
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import NodeRefusal
from ledger_service.chain.indexer import cursor_of
from ledger_service.chain.node_check import ChainMoves
from ledger_service.chain.reconciler import Difference
from ledger_service.db.engine import Database
from ledger_service.kernel.beside import leaf_of
from ledger_service.kernel.campaign_operations import OpenCampaign, PromiseReward, ReturnReward
from ledger_service.kernel.coupon_operations import Consume, Reverse, gcn_and_serial
from ledger_service.kernel.item_operations import ClaimItem, VoidItem
from ledger_service.outbox.beside.models import beside_intent

_ROWS_AT_ONCE = 2_000
_CHUNK = 500
_LOW = (1 << 64) - 1
_WHOLE = (1 << 256) - 1


@dataclass(slots=True)
class _Uses:
    """How often each coupon is used by what was applied, what is still open, and forged intents.

    ``marks`` and ``unsure`` are bits of items by root and word: those that are set, and those that may be.
    ``promised`` is what campaigns and rewards come to.
    """

    used: dict[int, int] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    marks: dict[tuple[bytes, int], int] = field(default_factory=dict)
    unsure: dict[tuple[bytes, int], int] = field(default_factory=dict)
    promised: Promised = field(default_factory=Promised)
    forged: list[bytes] = field(default_factory=list)


def check_beside(database: Database, node: Node, target: Target) -> list[Difference]:
    """Compare what the ledger has of a contract with the contract, as of the mirror's last block.

    Raises:
        ChainMoves: the node does not tell of that block any more; ask again.
        ChainUnavailable: the node does not answer.
    """
    with database.snapshot() as conn:
        block = cursor_of(conn)
        if block is None:
            return []
        uses = _uses(conn, target)
        uses.promised.read(conn)
        batches = _batches(conn, target)
    found = [
        Difference("beside-leaf", op_id.hex(), "as accepted", "another payload") for op_id in uses.forged
    ]
    asked = list(_questions(uses, batches))
    for start in range(0, len(asked), _CHUNK):
        found += _ask(node, target, asked[start : start + _CHUNK], block.number)
    now = node.blocks([block.number])[0]
    if now is None or now.hash != block.hash:
        raise ChainMoves(f"the node has left block {block.number}")
    return found


def _uses(conn: Connection, target: Target) -> _Uses:
    uses, i = _Uses(), beside_intent.c
    query = select(i.op_id, i.payload, i.leaf, i.state, i.reason).where(i.target == target.name)
    for row in conn.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        operation = target.codec.read(row.payload)
        if operation is None or leaf_of(operation) != row.leaf:
            uses.forged.append(row.op_id)
        elif isinstance(operation, (ClaimItem, VoidItem)):
            _note_mark(uses, operation, row)
        elif isinstance(operation, (OpenCampaign, PromiseReward, ReturnReward)):
            uses.promised.note(operation, row.state, row.reason)
        elif isinstance(operation, (Consume, Reverse)):
            if row.state == "packed":
                uses.open.add(operation.coupon)
            elif row.state in ("mined", "final") and row.reason is None:
                step = 1 if isinstance(operation, Consume) else -1
                uses.used[operation.coupon] = uses.used.get(operation.coupon, 0) + step
    return uses


def _note_mark(uses: _Uses, operation: ClaimItem | VoidItem, row: Any) -> None:
    applied = row.state in ("mined", "final") and row.reason is None
    if not applied and row.state != "packed":
        return
    word = (operation.root, operation.index >> 7)
    bit = (2 if isinstance(operation, VoidItem) else 1) << ((operation.index & 127) << 1)
    into = uses.marks if applied else uses.unsure
    into[word] = into.get(word, 0) | bit


def _batches(conn: Connection, target: Target) -> dict[int, bytes | None]:
    """The roots of live batches by number; None while the contract's judgement is not known here."""
    b = chain_beside_batch.c
    live = (b.target == target.name) & (b.state != "dead")
    rows = conn.execute(select(b.number, b.root, b.state).where(live))
    return {row.number: row.root if row.state in ("mined", "final") else None for row in rows}


@dataclass(frozen=True, slots=True)
class _Question:
    """What a view must answer, in the bits of the mask."""

    function: str
    arguments: tuple[int | bytes, ...]
    expected: int
    subject: str
    mask: int = _WHOLE

    def differing(self, answer: bytes) -> Iterator[tuple[str, str, str]]:
        """Subject, what is expected and what is told, where the answer is another one."""
        actual = int.from_bytes(answer[:32], "big") & self.mask
        if actual != self.expected:
            yield self.subject, hex(self.expected), hex(actual)


def _questions(uses: _Uses, batches: dict[int, bytes | None]) -> Iterator[_Question | Figures]:
    if None not in batches.values():
        yield _Question("lastBatch", (), max(batches, default=0), "last batch")
    for number, root in sorted(batches.items()):
        if root is not None:
            yield _Question("rootOf", (number,), int.from_bytes(root, "big"), f"root of batch {number}")
    words: dict[tuple[int, int], list[int]] = {}
    for coupon in {*uses.used, *uses.open}:
        words.setdefault((coupon >> 64, (coupon & _LOW) >> 8), []).append(coupon)
    for (gcn, place), coupons in sorted(words.items()):
        expected = sum((uses.used.get(coupon, 0) == 1) << (coupon & 255) for coupon in coupons)
        mask = _WHOLE - sum(1 << (coupon & 255) for coupon in coupons if coupon in uses.open)
        first = gcn_and_serial(gcn << 64 | min(coupons) & _LOW)[1]
        subject = f"used coupons of type {gcn} about serial {first}"
        yield _Question("consumedWord", (gcn, place), expected & mask, subject, mask)
    for root, place in sorted({*uses.marks, *uses.unsure}):
        mask = _WHOLE & ~uses.unsure.get((root, place), 0)
        expected = uses.marks.get((root, place), 0) & mask
        subject = f"items {place << 7} to {(place << 7) + 127} of batch 0x{root.hex()}"
        yield _Question("marksOf", (root, place), expected, subject, mask)
    yield from uses.promised.questions()


def _ask(
    node: Node, target: Target, asked: list[_Question | Figures], block: int
) -> Iterator[Difference]:
    calls = [
        CallAt(bytes(20), target.address, target.artifact.call_data(q.function, *q.arguments), at=hex(block))
        for q in asked
    ]
    for question, answer in zip(asked, node.calls(calls), strict=True):
        if isinstance(answer, NodeRefusal):
            raise ChainMoves(f"the node does not tell {question.subject} at block {block}: {answer.message}")
        for told in question.differing(answer):
            yield Difference(f"{target.name}-{question.function}", *told)
