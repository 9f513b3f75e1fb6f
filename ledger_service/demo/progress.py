"""Where a replay stands: a small SQLite file beside the data, written whole at quiet instants.

A checkpoint is taken only while no request is in flight, in one db transaction. After ``kill -9`` the replay
goes back to the last one and sends the requests since then again, with the same idempotency keys and the
same bytes, so the service answers what it answered before.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from ledger_service.demo.visits import KeptSale

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS phone (household INTEGER PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refund (checkout TEXT PRIMARY KEY, due_seconds INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS till (merchant TEXT NOT NULL, store INTEGER NOT NULL, api_key TEXT NOT NULL,
    PRIMARY KEY (merchant, store));
"""


@dataclass(frozen=True, slots=True, order=True)
class DueRefund:
    """A refund that waits for its day."""

    due_seconds: int
    checkout: str
    household: int
    merchant: str
    store: int
    sale_id: str
    lines: tuple[tuple[int, int], ...]
    earned_until: int = 0


@dataclass
class Checkpoint:
    """What changed since the last checkpoint; ``position`` is the last basket that is done."""

    position: int
    barrier_seconds: int
    counts: Counter[str]
    phones: dict[int, list[Any]] = field(default_factory=dict)
    refunds_planned: list[DueRefund] = field(default_factory=list)
    refunds_done: list[str] = field(default_factory=list)
    kept: list[KeptSale] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)
    story: dict[str, Any] = field(default_factory=dict)


class Progress:
    """The file; holds API keys of demo tills, so only its owner may read it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def get(self, key: str, default: Any = None) -> Any:
        """A remembered fact, or the default."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else default

    def put(self, key: str, value: Any) -> None:
        """Remember a fact, durably."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def tills(self) -> dict[tuple[str, int], str]:
        """The API keys of the tills that exist."""
        rows = self._connection.execute("SELECT merchant, store, api_key FROM till")
        return {(merchant, store): key for merchant, store, key in rows}

    def add_till(self, merchant: str, store: int, api_key: str) -> None:
        """Remember a till's key, durably: the service shows it once."""
        self._connection.execute("INSERT OR REPLACE INTO till VALUES (?, ?, ?)", (merchant, store, api_key))

    def phones(self) -> dict[int, list[Any]]:
        """The phones' states at the last checkpoint."""
        return {
            h: json.loads(state)
            for h, state in self._connection.execute("SELECT household, state FROM phone")
        }

    def due_refunds(self) -> list[DueRefund]:
        """The refunds that wait, in the order in which they fall due."""
        rows = self._connection.execute("SELECT body FROM refund ORDER BY due_seconds, checkout").fetchall()
        return [_refund_of(json.loads(body)) for (body,) in rows]

    def kept_sales(self) -> list[KeptSale]:
        """What the cut-off tills had in their queues, in the order in which they come back."""
        rows = self._connection.execute("SELECT body FROM kept").fetchall()
        return sorted(
            (KeptSale(*json.loads(body)) for (body,) in rows), key=lambda one: (one.due_seconds, one.key)
        )

    def save(self, checkpoint: Checkpoint) -> None:
        """Make a checkpoint the one that a restart continues from: all of it or nothing."""
        cursor = self._connection
        cursor.execute("BEGIN IMMEDIATE")
        phones = [(household, json.dumps(state)) for household, state in checkpoint.phones.items()]
        cursor.executemany("INSERT OR REPLACE INTO phone VALUES (?, ?)", phones)
        planned = [(r.checkout, r.due_seconds, json.dumps(_body_of(r))) for r in checkpoint.refunds_planned]
        cursor.executemany("INSERT OR REPLACE INTO refund VALUES (?, ?, ?)", planned)
        cursor.executemany("DELETE FROM refund WHERE checkout = ?", [(c,) for c in checkpoint.refunds_done])
        kept = [(one.key, json.dumps(astuple(one))) for one in checkpoint.kept]
        cursor.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", kept)
        cursor.executemany("DELETE FROM kept WHERE key = ?", [(key,) for key in checkpoint.uploaded])
        self.put("story", checkpoint.story)
        self.put("position", checkpoint.position)
        self.put("barrier_seconds", checkpoint.barrier_seconds)
        self.put("counts", dict(checkpoint.counts))
        cursor.execute("COMMIT")


def _body_of(refund: DueRefund) -> list[Any]:
    return list(astuple(refund))


def _refund_of(body: list[Any]) -> DueRefund:
    refund = DueRefund(*body)
    return replace(refund, lines=tuple((line, quantity) for line, quantity in refund.lines))
