"""Takes over what our own keys did on the chain without this database's knowledge, as after a restore.

A backup is older than the chain. Every transaction of our keys that the journal lacks is rebuilt from
the node's answer, believed only where its bytes give its hash, and stored as if it had been signed here:
journal, nonce, batch and items. From then on it is one of ours: sent again after a reorg, never packed
a second time before it is provably dead (D8), replayed with the journal (R13).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, update

from ledger_service.chain import queue
from ledger_service.chain.answers import Block
from ledger_service.chain.client import Node
from ledger_service.chain.decode import BatchApplied, MinedOperation
from ledger_service.chain.desk import raise_alarm
from ledger_service.chain.mirror import BlockFacts
from ledger_service.chain.models import (
    chain_batch,
    chain_batch_item,
    chain_journal,
    chain_signer,
    chain_tx,
)
from ledger_service.chain.ports import Wall
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.chain_tx import Fee, Unsigned, hash_of
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.secp256k1 import recover_address
from ledger_service.outbox.models import State


@dataclass(frozen=True, slots=True)
class Found:
    """A transaction of one of our keys that the journal lacks."""

    tx_hash: bytes
    raw: bytes
    signer: bytes
    body: Unsigned


def find(node: Node, signers: Iterable[bytes], unknown: Sequence[bytes]) -> dict[bytes, Found]:
    """Which of these mined transactions our keys signed, by hash; strangers' are left out.

    Args:
        node: whom to ask.
        signers: addresses of our sending keys; without any, nothing is asked.
        unknown: hashes that the journal does not have.
    """
    ours = frozenset(signers)
    if not ours or not unknown:
        return {}
    made = (_rebuilt(raw) for raw in node.transactions(unknown) if raw is not None)
    return {one.tx_hash: one for one in made if one is not None and one.signer in ours}


def _rebuilt(raw: dict[str, Any]) -> Found | None:
    try:
        fee = Fee(int(raw["maxFeePerGas"], 16), int(raw["maxPriorityFeePerGas"], 16))
        to = bytes.fromhex(raw["to"][2:]) if raw["to"] else None
        data = bytes.fromhex(raw["input"][2:])
        body = Unsigned(int(raw["chainId"], 16), int(raw["nonce"], 16), fee, int(raw["gas"], 16), to, data)
        odd = int(raw.get("yParity") or raw["v"], 16)
        r, s = (int(raw[name], 16).to_bytes(32, "big") for name in ("r", "s"))
        tx_hash = bytes.fromhex(raw["hash"][2:])
        signature = r + s + bytes([27 + odd])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None  # of another type than we ever send
    signer = recover_address(body.digest(), signature)
    signed = body.signed(signature) if signer is not None else b""
    if signer is None or hash_of(signed) != tx_hash:
        return None
    return Found(tx_hash, signed, signer, body)


def store(conn: Connection, read: Sequence[BlockFacts], found: dict[bytes, Found], wall: Wall) -> None:
    """What was found in these blocks is journaled, with its nonce and its batch, before it is recorded.

    Locks: rows of what was sent, which only the leader writes.
    """
    for facts in read:
        for tx_hash in facts.block.transactions:
            if tx_hash in found:
                _store_one(conn, facts, found[tx_hash], wall)


def _store_one(conn: Connection, facts: BlockFacts, one: Found, wall: Wall) -> None:
    batch = next((b for b in facts.batches if facts.carriers.get(b[0].number) == one.tx_hash), None)
    number = None
    if batch is not None and _takes_batch(conn, facts.block, *batch):
        number = batch[0].number
    same = (chain_tx.c.signer == one.signer) & (chain_tx.c.nonce == one.body.nonce)
    before = select(func.max(chain_tx.c.attempt), func.min(chain_tx.c.slot)).where(same)
    attempt, slot = conn.execute(before).one()
    conn.execute(update(chain_tx).where(same & (chain_tx.c.state != "dropped")).values(state="replaced"))
    entry = {"tx_hash": one.tx_hash, "raw_tx": one.raw}
    position = conn.execute(chain_journal.insert().values(**entry).returning(chain_journal.c.position))
    row = {
        "tx_hash": one.tx_hash, "signer": one.signer, "nonce": one.body.nonce,
        "attempt": 0 if attempt is None else attempt + 1,
        "slot": slot if slot is not None else position.scalar_one(),
        "state": "broadcast", "batch_number": number, "step": None, "gas": one.body.gas,
        "max_fee": one.body.fee.max_fee, "priority_fee": one.body.fee.priority_fee, "timestamp": None,
        "block_number": None, "gas_used": None, "failure": None, "signed_at": wall(), "sent_at": wall(),
    }  # fmt: skip
    sql_of(chain_tx, conn).insert(conn, [row])
    take_nonce(conn, one.signer, one.body.nonce + 1)
    detail = f"nonce {one.body.nonce} in block {facts.block.number}: signed by this key, not stored here"
    raise_alarm(conn, wall, "transaction-adopted", one.signer.hex(), detail)


def take_nonce(conn: Connection, signer: bytes, following: int) -> None:
    """The signer's next nonce is ``following`` at least."""
    row = {"address": signer, "next_nonce": following, "founding": None}
    sql_of(chain_signer, conn).insert(conn, [row], or_ignore=True)
    lower = (chain_signer.c.address == signer) & (chain_signer.c.next_nonce < following)
    conn.execute(update(chain_signer).where(lower).values(next_nonce=following))


def lacks(conn: Connection, node: Node, signers: Iterable[bytes], at: str) -> list[tuple[bytes, int]]:
    """(signer, count) of our keys of which the node counts more transactions than were ever stored here.

    Args:
        conn: for reading.
        node: whom to ask.
        signers: addresses of our sending keys.
        at: ``latest`` counts what is mined, ``pending`` also what waits.
    """
    stored = {row.address: row.next_nonce for row in conn.execute(select(chain_signer))}
    counts = ((signer, node.nonce(signer, at)) for signer in signers)
    return [(signer, count) for signer, count in counts if count > stored.get(signer, 0)]


def _takes_batch(
    conn: Connection, block: Block, applied: BatchApplied, operations: Sequence[MinedOperation]
) -> bool:
    root = conn.execute(select(chain_batch.c.root).where(chain_batch.c.number == applied.number)).scalar()
    if root is None:
        take_batch(conn, block, applied, operations)
    return root in (None, applied.root)


def take_batch(
    conn: Connection, block: Block, applied: BatchApplied, operations: Sequence[MinedOperation]
) -> None:
    """A batch that is on the chain and that this database does not know is one of ours, signed.

    Where one of its operations is live in another batch of ours, that other batch must not be mined any
    more: its transaction makes way for a no-op, and the batch dies at finality depth (D8).
    """
    row = {
        "number": applied.number, "state": "signed", "count": applied.count, "root": applied.root,
        "created_at": instant_of_seconds(block.timestamp),
    }  # fmt: skip
    sql_of(chain_batch, conn).insert(conn, [row])
    op_ids = [operation.op_id for operation in operations]
    elsewhere = chain_batch_item.c.op_id.in_(op_ids) & chain_batch_item.c.live
    others = set(conn.execute(select(chain_batch_item.c.batch).where(elsewhere)).scalars())
    conn.execute(update(chain_batch_item).where(elsewhere).values(live=False))
    waiting = chain_tx.c.batch_number.in_(others) & chain_tx.c.state.in_(("signed", "broadcast"))
    conn.execute(update(chain_tx).where(waiting).values(state="dropped"))
    items = [
        {"batch": applied.number, "position": o.position, "op_id": o.op_id, "leaf": o.leaf, "live": True}
        for o in operations
    ]
    sql_of(chain_batch_item, conn).insert(conn, items)
    queue.adopt(conn, applied.number, operations, State.PACKED)
