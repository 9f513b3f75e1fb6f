"""Holds every stored event against the log and its checkpoints, and names what of which event differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, select

from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.history_tree import Frontier, hash_leaf
from ledger_service.traceability.epcis.models import epcis_event, epcis_event_epc
from ledger_service.traceability.epcis.prepared import Prepared, hash_id, prepare
from ledger_service.traceability.log.models import log_word
from ledger_service.traceability.log.queries import TileReader, checkpoints_after, log_size
from ledger_service.traceability.log.rules import TILE_HASHES, split

# An event may have two MiB, and a step is in memory as a whole.
STEP_EVENTS = 64
MOST_FINDINGS = 100
_MOST_CHECKPOINTS = 1_000
_E, _T = epcis_event.c, epcis_event_epc.c
# What of an event each column tells, in the words of EPCIS.
_PARTS = {
    "event_time": "when", "record_time": "record", "biz_step": "why", "disposition": "why",
    "read_point": "where", "biz_location": "where", "kind": "what", "action": "what",
    "transformation_id": "what", "hash": "content", "hash_version": "content", "declares": "content",
    "given_id": "record",
}  # fmt: skip
_NAMED = {"what", "when", "where", "why"}


@dataclass(frozen=True, slots=True)
class LogFinding:
    """One difference.

    ``event`` is its number, or None where a checkpoint differs and no single event is to blame; ``parts``
    names what of it: what, when, where, why, content (anything else of what happened), record (record time,
    eventID, context), leaf (the log's own row), word (what another room told).
    """

    event: int | None
    event_id: str
    parts: tuple[str, ...]
    what: str


@dataclass(slots=True)
class LogAudit:
    """What was held against what; at most ``MOST_FINDINGS`` findings."""

    events: int = 0
    checkpoints: int = 0
    findings: list[LogFinding] = field(default_factory=list)


def audit_log(conn: Connection, published: Mapping[int, bytes] | None = None) -> LogAudit:
    """Every event in the log, its leaf, and every checkpoint, recomputed from the events alone.

    Args:
        conn: a snapshot.
        published: roots by size as the chain has them; None to hold the database against itself alone.
    """
    told, frontier, tiles = LogAudit(), Frontier(), TileReader(conn)
    size, waiting = log_size(conn), _expected(conn, published)
    while frontier.size < size and len(told.findings) < MOST_FINDINGS:
        first = frontier.size
        rows = _rows(conn, first, min(first + STEP_EVENTS, size))
        things, words = _things(conn, list(rows)), _words(conn, first, min(first + STEP_EVENTS, size))
        tiles.kept.clear()
        for seq in range(first, min(first + STEP_EVENTS, size)):
            row, leaf = rows.get(seq), _leaf(tiles, seq)
            if row is None:
                finding, node = _judge_word(seq, words.get(seq), leaf)
            else:
                finding, node = _judge(row, leaf, things.get(seq, set())), hash_leaf(bytes(row.body))
            if finding is not None:
                told.findings.append(finding)
            frontier.append(node)
            _check(told, frontier, waiting)
    told.events = frontier.size
    _left(told, waiting, frontier.size)
    del told.findings[MOST_FINDINGS:]
    return told


def _expected(conn: Connection, published: Mapping[int, bytes] | None) -> dict[int, set[tuple[str, bytes]]]:
    """By size, the roots that were committed to, and by whom."""
    expected: dict[int, set[tuple[str, bytes]]] = {}
    after = 0
    while some := checkpoints_after(conn, after, _MOST_CHECKPOINTS):
        for one in some:
            expected.setdefault(one.size, set()).add(("the database", one.root))
        after = some[-1].size
    for size, root in (published or {}).items():
        expected.setdefault(size, set()).add(("the chain", root))
    return expected


def _check(told: LogAudit, frontier: Frontier, waiting: dict[int, set[tuple[str, bytes]]]) -> None:
    expected = waiting.pop(frontier.size, None)
    if expected is None:
        return
    told.checkpoints += 1
    root = frontier.root()
    for whose, wanted in sorted(expected):
        if wanted != root:
            what = f"events 0 to {frontier.size - 1} do not give the checkpoint that {whose} has"
            told.findings.append(LogFinding(None, "", ("checkpoint",), what))


def _left(told: LogAudit, waiting: Mapping[int, Any], size: int) -> None:
    for beyond in sorted(waiting):
        if beyond > size and len(told.findings) < MOST_FINDINGS:
            what = f"there is a checkpoint of size {beyond}, and only {size} events are in the log"
            told.findings.append(LogFinding(None, "", ("checkpoint",), what))


def _judge_word(seq: int, body: bytes | None, leaf: bytes) -> tuple[LogFinding | None, bytes]:
    """What is wrong with a leaf that is no event's, and what stands there."""
    if body is None:
        return LogFinding(seq, "", ("event",), "the event is gone"), leaf
    node = hash_leaf(body)
    if node == leaf:
        return None, node
    return LogFinding(seq, "", ("word",), "the word is not what was logged"), node


def _judge(row: Any, leaf: bytes, things: set[tuple[bytes, int]]) -> LogFinding | None:
    body, event_id = bytes(row.body), row.given_id or hash_id(bytes(row.hash))
    sound = hash_leaf(body) == leaf
    ready = _prepared(body)
    parts = {"content"} if ready is None else _differing(row, ready, things)
    if sound and not parts:
        return None
    if sound:
        what = "what is kept beside the event differs"
        return LogFinding(row.event_seq, event_id, tuple(sorted(parts)), what)
    if not parts:
        parts = {"leaf"} if ready is not None and ready.body(row.record_time) == body else {"record"}
    return LogFinding(row.event_seq, event_id, tuple(sorted(parts)), "the event is not what was logged")


def _differing(row: Any, ready: Prepared, things: set[tuple[bytes, int]]) -> set[str]:
    """The parts in which the stored columns and the index tell something else than the body."""
    kept = row._mapping
    parts = {_PARTS[name] for name, value in ready.columns().items() if kept[name] != value}
    if {(thing.key, thing.role) for thing in ready.index} != things:
        parts.add("what")
    if ready.event.get("recordTime") != format_instant(row.record_time):
        parts.add("record")
    # The hash differs with whatever differs: it says more only where no column does.
    return parts & _NAMED or parts & {"content"} or parts


def _prepared(body: bytes) -> Prepared | None:
    try:
        return prepare(orjson.loads(body), "event")
    except (MalformedField, orjson.JSONDecodeError, TypeError, KeyError, AttributeError):
        return None


def _rows(conn: Connection, first: int, end: int) -> dict[int, Any]:
    wanted = select(epcis_event).where((_E.event_seq >= first) & (_E.event_seq < end))
    return {row.event_seq: row for row in conn.execute(wanted)}


def _words(conn: Connection, first: int, end: int) -> dict[int, bytes]:
    w = log_word.c
    wanted = select(w.seq, w.body).where((w.seq >= first) & (w.seq < end))
    return {row.seq: bytes(row.body) for row in conn.execute(wanted)}


def _things(conn: Connection, numbers: Sequence[int]) -> dict[int, set[tuple[bytes, int]]]:
    """The index's names and roles by event, of events that are there."""
    found: dict[int, set[tuple[bytes, int]]] = {}
    for key, seq, role in _index(conn, numbers):
        found.setdefault(seq, set()).add((bytes(key), role))
    return found


def _index(conn: Connection, numbers: Sequence[int]) -> Iterator[Any]:
    if numbers:
        between = (_T.event_seq >= min(numbers)) & (_T.event_seq <= max(numbers))
        yield from conn.execute(select(_T.epc_key, _T.event_seq, _T.role).where(between))


def _leaf(tiles: TileReader, seq: int) -> bytes:
    place, offset = divmod(seq, TILE_HASHES)
    leaves = split(tiles(0, place))
    return leaves[offset] if offset < len(leaves) else b""
