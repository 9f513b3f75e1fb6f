"""Pure rules of an archive: which entries may go, what they sum up to, and how an answer is written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ledger_service.ledger.rules import EntryRow, PostingRow, entry_bytes, entry_hash

# A permit may be mined for seven days, a till sells alone for some; a month is well behind all of that.
LEAST_DAYS = 31
CarriedKey = tuple[int, int, int, int, int]


class Kept(NamedTuple):
    """An entry with its postings as they stand in the database."""

    entry: EntryRow
    postings: tuple[PostingRow, ...]
    hash: bytes

    @property
    def intact(self) -> bool:
        """Whether it is still what its hash says."""
        return entry_hash(self.entry, self.postings) == self.hash

    @property
    def record(self) -> bytes:
        """Its canonical JSON: the SHA-256 of the line is the entry's hash."""
        return entry_bytes(self.entry, self.postings)


class Standing(NamedTuple):
    """Where an operation stands: its state, and whether its batch is in a period that is closed."""

    state: str
    settled: bool


def youngest_allowed(now: datetime) -> datetime:
    """What is not older than this stays."""
    return now - timedelta(days=LEAST_DAYS)


def leading(
    entries: Sequence[Kept], before: int, standings: Mapping[bytes, Standing], alive_since: int | None = None
) -> tuple[list[Kept], str]:
    """The entries at the beginning that may go, and why the next one stays (empty where all may go).

    Args:
        entries: in their order.
        before: micros; what was written later stays.
        standings: of the operations that have one, by op_id.
        alive_since: micros; what occurred later may keep points alive that lapse through inactivity.
    """
    gone: list[Kept] = []
    for one in entries:
        why = _why_it_stays(one, before, standings.get(one.entry.op_id))
        if not why and alive_since is not None and one.entry.occurred_at >= alive_since:
            why = "may keep points alive that lapse through inactivity"
        if why:
            return gone, f"entry {one.entry.sequence} {why}"
        gone.append(one)
    return gone, ""


def _why_it_stays(one: Kept, before: int, standing: Standing | None) -> str:
    if one.entry.recorded_at >= before:
        return "is younger"
    if standing is None or standing.state == "set_aside":
        return ""
    if standing.state != "final":
        return f"has an operation that is {standing.state}, not final"
    return "" if standing.settled else "has an operation of a settlement period that is open"


def sums_of(entries: Iterable[Kept], imported: frozenset[str]) -> Counter[CarriedKey]:
    """What the postings move by (source, destination, programme, epoch, 1 for an import's own entry).

    Args:
        entries: whose postings to add up.
        imported: the kinds of an import's own entries.
    """
    sums: Counter[CarriedKey] = Counter()
    for one in entries:
        own = int(one.entry.kind in imported)
        for posting in one.postings:
            sums[*posting[:4], own] += posting.amount
    return sums


def read_entry(record: bytes) -> Kept:
    """The entry of a record, its hash made anew.

    Raises:
        ValueError, KeyError, TypeError: the record is none.
    """
    told: dict[str, Any] = json.loads(record)
    body = json.dumps(told["body"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    row = EntryRow(told["sequence"], bytes.fromhex(told["op_id"]), told["kind"], told["occurred_at"],
                   told["recorded_at"], body)  # fmt: skip
    postings = tuple(PostingRow(*posting) for posting in told["postings"])
    return Kept(row, postings, entry_hash(row, postings))


def answer_record(row: Mapping[str, Any]) -> bytes:
    """An answer as a line of JSON: whose key, the hash of the body, and what was answered."""
    told = {
        "subject": row["subject"], "key": row["key"], "body_hash": row["body_hash"].hex(),
        "status": row["status"], "created_at": row["created_at"].isoformat(),
    }  # fmt: skip
    response: bytes = row["response"]
    try:
        told["response"] = response.decode()
    except UnicodeDecodeError:
        told["response_hex"] = response.hex()
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def sale_record(row: Mapping[str, Any], refunds: Sequence[Mapping[str, Any]]) -> bytes:
    """A sale's row with those of its refunds as a line of JSON; bytes as hex, instants as RFC 3339."""
    told = {**_told(row), "refunds": [_told(one) for one in refunds]}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else value
