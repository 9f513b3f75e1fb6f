"""The bundle of a prize pool: its terms and its root, the block that drew, and at the end everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ledger_service.traceability.prizes.rules import MOST_PRIZES, Beacon
from ledger_service.traceability.proofs.bundle import (
    MOST_BYTES,
    block_document,
    read_block,
)
from ledger_service.traceability.proofs.reading import BundleUnreadable, Reader, check_version

FORMAT = "alliance-prizes"
VERSION = 1
# What became of an item that wins: unclaimed, or claimed too late; else a state of ``trace_prize``.
UNCLAIMED, LATE = "unclaimed", "late"


@dataclass(frozen=True, slots=True)
class Winner:
    """An item that wins: index and serial, which prize, and what became of it.

    ``points`` are those that were given for it, by ``operation``; None where it was not given. Of them
    ``owed`` went against an old debt of the winner and were not issued.
    """

    index: int
    serial: str
    prize: int
    state: str
    points: int | None = None
    operation: bytes | None = None
    owed: int = 0


@dataclass(frozen=True, slots=True)
class PoolBundle:
    """``owner``: the GLN of whoever anchored it; ``secret`` and ``winners``: None until the pool is open."""

    chain_id: int
    item_registry: bytes
    owner: int
    root: bytes
    items_root: bytes
    pool: bytes
    slots_root: bytes
    block: Beacon | None
    secret: bytes | None = None
    winners: tuple[Winner, ...] | None = None

    def document(self) -> dict[str, Any]:
        """As JSON; ``pool`` is the text whose bytes were hashed."""
        return {
            "format": FORMAT, "version": VERSION,
            "chain": {"chain_id": self.chain_id, "item_registry": _hex(self.item_registry)},
            "batch": {"owner": self.owner, "root": _hex(self.root), "items_root": _hex(self.items_root)},
            "pool": self.pool.decode(), "slots_root": _hex(self.slots_root),
            "block": block_document(self.block),
            "secret": None if self.secret is None else _hex(self.secret),
            "winners": _winners(self.winners),
        }  # fmt: skip


def read_pool_bundle(raw: bytes) -> PoolBundle:
    """A pool's bundle that somebody handed over.

    Raises:
        BundleUnreadable: it is none of this version.
        BundleNewer: it is of a later one.
    """
    if len(raw) > MOST_BYTES:
        raise BundleUnreadable(f"larger than {MOST_BYTES} bytes")
    try:
        top = Reader(orjson.loads(raw), "bundle")
    except orjson.JSONDecodeError:
        raise BundleUnreadable("not JSON") from None
    check_version(top, FORMAT, VERSION)
    chain, batch = top.inner("chain"), top.inner("batch")
    secret = None if top.get("secret") is None else top.raw("secret", 32)
    winners = None
    if secret is not None:
        winners = tuple(_winner(one) for one in top.many("winners", MOST_PRIZES))
    return PoolBundle(
        chain.number("chain_id"), chain.raw("item_registry", 20), batch.number("owner"),
        batch.raw("root", 32), batch.raw("items_root", 32), top.text("pool", MOST_BYTES).encode(),
        top.raw("slots_root", 32), read_block(top), secret, winners,
    )  # fmt: skip


def _winner(one: Reader) -> Winner:
    issued = one.get("operation") is not None
    return Winner(
        one.number("index"), one.text("serial", 20), one.number("prize"), one.text("state", 12),
        one.number("points") if issued else None, one.raw("operation", 16) if issued else None,
        # Bundles from before it was told have no such word.
        one.number("owed") if one.get("owed") is not None else 0,
    )  # fmt: skip


def _winners(winners: Sequence[Winner] | None) -> list[dict[str, Any]] | None:
    if winners is None:
        return None
    return [
        {"index": one.index, "serial": one.serial, "prize": one.prize, "state": one.state,
         "points": one.points, "operation": None if one.operation is None else _hex(one.operation),
         "owed": one.owed}
        for one in winners
    ]  # fmt: skip


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
