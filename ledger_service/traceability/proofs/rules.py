"""What an item's bundle is worth against what a chain says: genuine, altered, missing or void, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from ledger_service.kernel.epcis.event_hash import Hasher
from ledger_service.kernel.history_tree import hash_leaf, verify_consistency, verify_inclusion
from ledger_service.kernel.item_operations import item_leaf
from ledger_service.kernel.merkle import verify
from ledger_service.traceability.epcis.naming import normal_name
from ledger_service.traceability.epcis.things import KIND, things_of
from ledger_service.traceability.prizes.rules import (
    Beacon,
    Pool,
    is_drawing_block,
    is_share,
    is_shown,
    pool_leaf,
    pool_of,
    slot_of,
)
from ledger_service.traceability.proofs.bundle import Bundle, EventPart, LogPart, Place, PrizePart


class Standing(StrEnum):
    """What the whole comes to, the worst first."""

    ALTERED = "altered"
    MISSING = "missing"
    VOID = "void"
    GENUINE = "genuine"


CODES: Mapping[str, Standing] = {
    "bundle-unreadable": Standing.ALTERED,
    "other-item": Standing.ALTERED,
    "other-chain": Standing.ALTERED,
    "other-contracts": Standing.ALTERED,
    "batch-differs": Standing.ALTERED,
    "item-not-in-batch": Standing.ALTERED,
    "event-altered": Standing.ALTERED,
    "event-foreign": Standing.ALTERED,
    "event-twice": Standing.ALTERED,
    "log-forked": Standing.ALTERED,
    "log-inconsistent": Standing.ALTERED,
    "prize-pool-differs": Standing.ALTERED,
    "prize-block-differs": Standing.ALTERED,
    "prize-slot-differs": Standing.ALTERED,
    "prize-slots-differ": Standing.ALTERED,
    "prize-winners-differ": Standing.ALTERED,
    "prize-withheld": Standing.ALTERED,
    "no-bundle": Standing.MISSING,
    "bundle-newer": Standing.MISSING,
    "contracts-unnamed": Standing.MISSING,
    "contract-missing": Standing.MISSING,
    "batch-missing": Standing.MISSING,
    "checkpoint-missing": Standing.MISSING,
    "events-missing": Standing.MISSING,
    "prizes-not-open": Standing.MISSING,
    "prize-unissued": Standing.MISSING,
    "claim-differs": Standing.ALTERED,
    "claim-unissued": Standing.MISSING,
    "item-void": Standing.VOID,
    "item-replaced": Standing.VOID,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be; ``event`` is the number of the event that it is about."""

    code: str
    what: str
    event: int | None = None


@dataclass(frozen=True, slots=True)
class BatchWord:
    """What the registry says of a root and the item; ``count`` 0 where it does not know the root.

    ``of_lot`` says whether the root was anchored for the lot that is told: another lot may have another pool.
    """

    owner: int
    gtin: int
    count: int
    claimed: bool
    void: bool
    of_lot: bool


@dataclass(frozen=True, slots=True)
class DrawWord:
    """The block that has the batch's root, and the one that is said to have drawn: hash and time (seconds),
    and the time of the one before it; zero bytes where there is no such block."""

    anchored: int
    hash: bytes
    stamps: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ChainWord:
    """What the chain says of a bundle's subjects; a root is zero bytes where there is no such checkpoint."""

    chain_id: int
    place: Place
    has_code: bool
    batch: BatchWord
    checkpoint: bytes
    last: bytes
    draw: DrawWord | None = None


def standing_of(findings: Sequence[Finding]) -> Standing:
    """What these findings come to."""
    found = {CODES[finding.code] for finding in findings}
    return next(standing for standing in Standing if standing in found or standing is Standing.GENUINE)


def judge(bundle: Bundle, item: tuple[str, str], chain: ChainWord) -> list[Finding]:
    """Everything that is wrong with a bundle.

    Args:
        bundle: as somebody handed it over.
        item: GTIN and serial of the code that is asked about.
        chain: what the chain says, of the contracts that are trusted.
    """
    if (bundle.item.gtin, bundle.item.serial) != item:
        told = f"the bundle is of {bundle.item.gtin} {bundle.item.serial}"
        return [Finding("other-item", told)]
    if bundle.place.chain_id != chain.chain_id:
        return [Finding("other-chain", f"the bundle is of chain {bundle.place.chain_id}")]
    if bundle.place != chain.place:
        return [Finding("other-contracts", "the bundle names other contracts than were asked for")]
    if not chain.has_code:
        return [Finding("contract-missing", "no contract stands at an address that the bundle names")]
    prize = _of_prize(bundle, bundle.prize, chain.draw)
    return [*_of_item(bundle, chain), *_of_log(bundle.log, chain), *_of_events(bundle), *prize]


def _of_item(bundle: Bundle, chain: ChainWord) -> Iterator[Finding]:
    item, batch = bundle.item, chain.batch
    if batch.count == 0:
        yield Finding("batch-missing", f"the root 0x{item.root.hex()} was never anchored")
        return
    if (batch.owner, batch.gtin) != (item.owner, int(item.gtin)):
        yield Finding("batch-differs", f"the root was anchored by {batch.owner} for {batch.gtin:014d}")
    elif not batch.of_lot:
        yield Finding("batch-differs", f"the root was not anchored for lot {item.lot}")
    leaf = item_leaf(item.index, item.gtin, item.serial, item.salt)
    if item.index >= batch.count or not verify(leaf, item.proof, item.root):
        yield Finding("item-not-in-batch", f"index {item.index}, GTIN and serial do not lead to the root")
    elif batch.void:
        yield Finding("item-void", "the item came back")


def _of_log(log: LogPart | None, chain: ChainWord) -> Iterator[Finding]:
    if log is None:
        return
    here = (log.size, log.root, chain.checkpoint)
    for size, root, told in (here, (log.last_size, log.last_root, chain.last)):
        if told == bytes(32):
            yield Finding("checkpoint-missing", f"the chain has no checkpoint of size {size}")
        elif told != root:
            yield Finding("log-forked", f"the chain's checkpoint of size {size} is 0x{told.hex()}")
    if not verify_consistency((log.size, log.last_size), (log.root, log.last_root), log.consistency):
        yield Finding("log-inconsistent", f"size {log.size} is not shown to begin size {log.last_size}")


def _of_prize(bundle: Bundle, prize: PrizePart | None, draw: DrawWord | None) -> Iterator[Finding]:
    if prize is None:
        return
    item, leaf = bundle.item, pool_leaf(prize.pool, prize.slots_root)
    try:
        pool = pool_of(prize.pool)
    except ValueError as odd:
        yield Finding("prize-pool-differs", str(odd))
        return
    if item.proof[-1:] != (leaf,) or (pool.gtin, pool.lot) != (item.gtin, item.lot):
        yield Finding("prize-pool-differs", "the batch's root does not hold these prizes")
        return
    if prize.block is None:
        return
    yield from of_block(pool, prize.block, draw)
    if prize.slot is None:
        return
    drawn = slot_of(prize.block, item.index, pool.size)
    if prize.slot[0] != drawn or not is_shown(prize.slots_root, prize.slot, prize.proof):
        yield Finding("prize-slot-differs", f"the item drew slot {drawn}, which is not shown to be this one")


def of_block(pool: Pool, block: Beacon, draw: DrawWord | None) -> Iterator[Finding]:
    """Why a block did not draw the pool: it is another by now, it was not its turn, or a share is missing."""
    if draw is None or draw.hash != block.hash:
        yield Finding("prize-block-differs", f"the chain's block {block.number} has another hash")
    elif not is_drawing_block(pool, draw.anchored, block.number, draw.stamps):
        told = f"block {block.number} is not the first that could draw behind {draw.anchored}"
        yield Finding("prize-block-differs", told)
    elif not is_share(pool, block.share):
        yield Finding("prize-block-differs", "the brand's share is not the one that was committed to")


def _of_events(bundle: Bundle) -> Iterator[Finding]:
    log = bundle.log
    if log is None or bundle.waiting:
        told = f"{bundle.waiting} events are in no checkpoint" if bundle.waiting else "there is no checkpoint"
        yield Finding("events-missing", told)
    size, root = (0, b"") if log is None else (log.size, log.root)
    seen: set[int] = set()
    for event in bundle.events:
        if event.event_seq in seen:
            yield Finding("event-twice", f"event {event.event_seq} stands there twice", event.event_seq)
        seen.add(event.event_seq)
        if not verify_inclusion(hash_leaf(event.body), event.event_seq, size, event.proof, root):
            told = f"event {event.event_seq} is not what was logged: {altered_part(event.body)}"
            yield Finding("event-altered", told, event.event_seq)
    related = _related(bundle)
    for event in bundle.events:
        if event.event_seq not in related:
            yield Finding("event-foreign", f"event {event.event_seq} is not about the item", event.event_seq)


def altered_part(body: bytes) -> str:
    """Where an altered event differs from its own name: in what happened, or only in how it was recorded."""
    event = _event(body)
    if event is None:
        return "its body is no event"
    try:
        name = Hasher.of_context(event.get("@context", [])).identify(event)
    except (TypeError, ValueError, AttributeError, KeyError, RecursionError):
        return "its body is no event"
    if not str(event.get("eventID", "")).startswith("ni:///sha-256;"):
        return "content or record (its eventID is no hash)"
    if name != event["eventID"]:
        return "content (what, when, where, why or how)"
    return "record (record time, context, or its place in the log)"


def item_names(gtin: str, serial: str, lot: str) -> tuple[str, str]:
    """Under which names events tell of an item: its own, and that of its lot."""
    base = f"https://id.gs1.org/01/{gtin}"
    return normal_name(f"{base}/21/{serial}"), normal_name(f"{base}/10/{lot}")


def _related(bundle: Bundle) -> set[int]:
    """The events about the item, what it was in, what it was made of and what it became."""
    item = bundle.item
    known = set(item_names(item.gtin, item.serial, item.lot))
    waiting = {e.event_seq: _names(e) for e in bundle.events}
    found: set[int] = set()
    while True:
        fresh = {seq for seq, (names, _) in waiting.items() if seq not in found and names & known}
        if not fresh:
            return found
        found |= fresh
        known |= {name for seq in fresh for name in waiting[seq][1]}


def _names(part: EventPart) -> tuple[frozenset[str], frozenset[str]]:
    """The things that an event names, and those among them whose own events follow from it."""
    event = _event(part.body)
    try:
        things = [t for t in things_of(event or {}) if t.role < KIND]
        names = frozenset(thing.name for thing in things)
        if event is not None and event.get("type") == "TransformationEvent":
            return names, names
        parent = event.get("parentID") if event is not None else None
        return names, frozenset() if parent is None else frozenset((normal_name(parent),))
    except (KeyError, TypeError, ValueError, AttributeError):
        return frozenset(), frozenset()


def _event(body: bytes) -> Mapping[str, Any] | None:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None
