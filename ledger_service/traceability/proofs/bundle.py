"""The proof bundle of an item: its form as JSON, written by the service and read by whoever doubts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from ledger_service.traceability.prizes.rules import Beacon
from ledger_service.traceability.proofs.reading import BundleUnreadable, Reader, check_version

FORMAT = "alliance-item-proof"
VERSION = 1
MOST_BYTES = 32 * 1024 * 1024
MOST_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where the contracts stand."""

    chain_id: int
    item_registry: bytes
    transparency_log: bytes


@dataclass(frozen=True, slots=True)
class ItemPart:
    """The item and its way to the batch's root; ``owner`` is the GLN of whoever anchored it."""

    gtin: str
    serial: str
    lot: str
    index: int
    salt: bytes
    root: bytes
    owner: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class EventPart:
    """An event: its number in the log, its stored bytes, and its way to the checkpoint's root."""

    event_seq: int
    body: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LogPart:
    """The checkpoint that the events lead to, and how the last one that the chain had goes on from it."""

    size: int
    root: bytes
    last_size: int
    last_root: bytes
    consistency: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PrizePart:
    """The prize pool of the item's batch, the block that drew it, and what the item drew if it may be told.

    ``slot`` is number, prize (0 for none) and salt; None while nobody has claimed the item.
    """

    pool: bytes
    slots_root: bytes
    block: Beacon | None = None
    slot: tuple[int, int, bytes] | None = None
    proof: tuple[bytes, ...] = ()
    state: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON; ``pool`` is the text whose bytes were hashed."""
        slot = None
        if self.slot is not None:
            number, prize, salt = self.slot
            slot = {"slot": number, "prize": prize, "salt": _hex(salt), "proof": _path(self.proof)}
        return {"pool": self.pool.decode(), "slots_root": _hex(self.slots_root), "slot": slot,
                "block": block_document(self.block), "state": self.state}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClaimPart:
    """What the item's claim gave: by which operation, how many points, and how many of them an old debt of
    the member took, so that they were not issued."""

    operation: bytes
    points: int
    owed: int

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"operation": _hex(self.operation), "points": self.points, "owed": self.owed}


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that an auditor needs beside the chain; ``waiting`` events were in no checkpoint yet.

    ``prize`` is None where the batch has no prizes, ``claim`` where nobody has claimed the item.
    """

    place: Place
    item: ItemPart
    events: tuple[EventPart, ...]
    log: LogPart | None
    waiting: int = 0
    prize: PrizePart | None = None
    claim: ClaimPart | None = None

    def document(self) -> dict[str, Any]:
        """The bundle as JSON; an event's body is the text whose bytes were hashed."""
        place, item = self.place, self.item
        return {
            "format": FORMAT,
            "version": VERSION,
            "chain": {
                "chain_id": place.chain_id, "item_registry": _hex(place.item_registry),
                "transparency_log": _hex(place.transparency_log),
            },
            "item": {"gtin": item.gtin, "serial": item.serial, "lot": item.lot, "index": item.index},
            "batch": {
                "root": _hex(item.root), "owner": item.owner, "salt": _hex(item.salt),
                "proof": _path(item.proof),
            },
            "events": [
                {"event_seq": e.event_seq, "body": e.body.decode(), "proof": _path(e.proof)}
                for e in self.events
            ],
            "checkpoint": None if self.log is None else {
                "size": self.log.size, "root": _hex(self.log.root),
                "last": {
                    "size": self.log.last_size, "root": _hex(self.log.last_root),
                    "consistency": _path(self.log.consistency),
                },
            },
            "waiting": self.waiting,
            "prize": None if self.prize is None else self.prize.document(),
            "claim": None if self.claim is None else self.claim.document(),
        }  # fmt: skip


def read_bundle(raw: bytes) -> Bundle:
    """A bundle that somebody handed over.

    Raises:
        BundleUnreadable: it is none of this version.
        BundleNewer: it is of a later one.
    """
    if len(raw) > MOST_BYTES:
        raise BundleUnreadable(f"larger than {MOST_BYTES} bytes")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise BundleUnreadable("not JSON") from None
    top = Reader(document, "bundle")
    check_version(top, FORMAT, VERSION)
    chain, item, batch = top.inner("chain"), top.inner("item"), top.inner("batch")
    place = Place(chain.number("chain_id"), chain.raw("item_registry", 20), chain.raw("transparency_log", 20))
    part = ItemPart(
        item.text("gtin", 14), item.text("serial", 20), item.text("lot", 20), item.number("index"),
        batch.raw("salt", 32), batch.raw("root", 32), batch.number("owner"), batch.path("proof"),
    )  # fmt: skip
    events = tuple(_event(one) for one in top.many("events", MOST_EVENTS))
    return Bundle(place, part, events, _log(top), top.number("waiting"), _prize(top), _claim(top))


def _event(one: Reader) -> EventPart:
    return EventPart(one.number("event_seq"), one.text("body", MOST_BYTES).encode(), one.path("proof"))


def _log(top: Reader) -> LogPart | None:
    if top.get("checkpoint") is None:
        return None
    made = top.inner("checkpoint")
    last = made.inner("last")
    return LogPart(
        made.number("size"), made.raw("root", 32), last.number("size"), last.raw("root", 32),
        last.path("consistency"),
    )  # fmt: skip


def _prize(top: Reader) -> PrizePart | None:
    # Bundles from before there were prizes have no such part.
    if top.get("prize") is None:
        return None
    told = top.inner("prize")
    pool, root = told.text("pool", MOST_BYTES).encode(), told.raw("slots_root", 32)
    part = PrizePart(pool, root, read_block(told), state=told.text("state", 8))
    if told.get("slot") is None:
        return part
    opened = told.inner("slot")
    slot = opened.number("slot"), opened.number("prize"), opened.raw("salt", 32)
    return replace(part, slot=slot, proof=opened.path("proof"))


def _claim(top: Reader) -> ClaimPart | None:
    # Bundles from before points were told have no such part.
    if top.get("claim") is None:
        return None
    told = top.inner("claim")
    return ClaimPart(told.raw("operation", 16), told.number("points"), told.number("owed"))


def read_block(told: Reader) -> Beacon | None:
    """The block that drew a pool; None where there is none yet.

    Raises:
        BundleUnreadable: it is none.
    """
    if told.get("block") is None:
        return None
    block = told.inner("block")
    share = b"" if block.get("share") is None else block.raw("share", 32)
    return Beacon(block.number("number"), block.raw("hash", 32), share)


def block_document(block: Beacon | None) -> dict[str, Any] | None:
    """A drawing block as JSON, with the brand's share where it is open."""
    if block is None:
        return None
    share = _hex(block.share) if block.share else None
    return {"number": block.number, "hash": _hex(block.hash), "share": share}


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def _path(proof: Sequence[bytes]) -> list[str]:
    return [_hex(node) for node in proof]
