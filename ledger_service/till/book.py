"""The durable queue: one SQLite file, write-ahead log, every commit forced to the disk before it counts."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ledger_service.till.clocks import Contact

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sale (
  seq INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('asking', 'queued', 'certain', 'refused', 'cancelling', 'cancelled')),
  body TEXT NOT NULL,
  sold_at INTEGER NOT NULL,
  steady INTEGER NOT NULL,
  boot TEXT NOT NULL,
  asked INTEGER NOT NULL,
  sealed INTEGER NOT NULL DEFAULT 0,
  permit TEXT UNIQUE,
  spend_micros INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0,
  serial INTEGER,
  answer TEXT
);
CREATE TABLE IF NOT EXISTS deed (
  seq INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  path TEXT NOT NULL,
  body TEXT NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('asking', 'done', 'refused')),
  answer TEXT
);
CREATE TABLE IF NOT EXISTS signer (account TEXT, signer TEXT, PRIMARY KEY (account, signer)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sale_open ON sale (state, seq) WHERE state IN ('asking', 'queued', 'cancelling');
"""
# A book of before, which knew refunds alone.
_OLD = "SELECT 1 FROM sqlite_master WHERE name = 'refund'"
_UPGRADE = """
INSERT INTO deed (key, path, body, at, state, answer)
  SELECT key, '/v1/sales/' || sale_id || '/refunds', body, at, state, answer FROM refund ORDER BY seq
"""


HOLDS = "/v1/authorisations"


class State(StrEnum):
    """Where a sale stands; an acknowledged one is queued, certain or refused."""

    ASKING = "asking"
    QUEUED = "queued"
    CERTAIN = "certain"
    REFUSED = "refused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Entry:
    """A sale as it is about to be written down; ``permit`` is the digest of its pay code, hex."""

    key: str
    body: dict[str, Any]
    sold_at: int
    steady: int
    boot: str
    permit: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that only the service can do: its key, the path that it is asked under, and the bytes."""

    key: str
    path: str
    body: str


class Book:
    """The till's sales; a method that writes has committed when it returns."""

    def __init__(self, path: Path) -> None:
        # Members' numbers and codes lie in it; the log beside it gets the mode of the file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._conn = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._conn.row_factory = sqlite3.Row
        self._conn.execute("PRAGMA journal_mode = WAL")
        self._conn.execute("PRAGMA synchronous = FULL")
        self._conn.executescript(_SCHEMA)
        if self._conn.execute(_OLD).fetchone():
            self._upgrade()

    def close(self) -> None:
        """The file is free."""
        self._conn.close()

    def _upgrade(self) -> None:
        # One process may wait for sales while a timer starts another: the second finds it done.
        with self._together():
            if self._conn.execute(_OLD).fetchone():
                self._conn.execute(_UPGRADE)
                self._conn.execute("DROP TABLE refund")

    def begin(self, entry: Entry, *, asked: bool) -> None:
        """The sale is written down before anybody is asked."""
        self._conn.execute(
            "INSERT INTO sale (key, state, body, sold_at, steady, boot, asked, permit)"
            " VALUES (?, 'asking', ?, ?, ?, ?, ?, ?)",
            (entry.key, json.dumps(entry.body), entry.sold_at, entry.steady, entry.boot, asked, entry.permit),
        )  # fmt: skip

    def find(self, key: str) -> sqlite3.Row | None:
        """The sale of a key."""
        found: sqlite3.Row | None = self._conn.execute("SELECT * FROM sale WHERE key = ?", (key,)).fetchone()
        return found

    def used(self, permit: str, code: str) -> bool:
        """Whether this till has taken the pay code before, for a sale or for a hold."""
        mine = (
            "SELECT 1 FROM sale WHERE permit = ? AND state NOT IN ('cancelled', 'refused') UNION ALL"
            " SELECT 1 FROM deed WHERE path = ? AND state <> 'refused' AND body ->> '$.member.pay_code' = ?"
        )
        return self._conn.execute(mine, (permit, HOLDS, code)).fetchone() is not None

    def queue(self, key: str, spend_micros: int, version: int) -> None:
        """The sale counts, and waits for the service."""
        self._conn.execute(
            "UPDATE sale SET state = 'queued', spend_micros = ?, version = ? WHERE key = ?",
            (spend_micros, version, key),
        )

    def settle(self, key: str, state: State, answer: dict[str, Any]) -> None:
        """What became of the sale; a pay code that was not taken after all is free again."""
        free = ", permit = NULL" if state in (State.REFUSED, State.CANCELLED) else ""
        self._conn.execute(
            f"UPDATE sale SET state = ?, answer = ?, serial = ?{free} WHERE key = ?",
            (state, json.dumps(answer), self.serial, key),
        )

    def note(self, key: str, answer: dict[str, Any]) -> None:
        """Why the sale still waits."""
        self._conn.execute("UPDATE sale SET answer = ? WHERE key = ?", (json.dumps(answer), key))

    def asks(self, key: str) -> None:
        """The service is about to be asked, and may book the sale whatever is heard of it."""
        self._conn.execute("UPDATE sale SET asked = 1 WHERE key = ?", (key,))

    def never_asked(self, key: str) -> None:
        """The service knows nothing of an earlier attempt with the key."""
        self._conn.execute("UPDATE sale SET asked = 0 WHERE key = ?", (key,))

    def seal(self, key: str, sold_at: int) -> None:
        """What is uploaded of the sale never changes again."""
        self._conn.execute("UPDATE sale SET sealed = 1, sold_at = ? WHERE key = ?", (sold_at, key))

    def open_sales(self, *states: State) -> list[sqlite3.Row]:
        """The sales in these states, oldest first."""
        marks = ", ".join("?" * len(states))
        return self._conn.execute(
            f"SELECT * FROM sale WHERE state IN ({marks}) ORDER BY seq", states
        ).fetchall()

    def find_deed(self, key: str) -> sqlite3.Row | None:
        """What the till has asked for under a key, beside sales."""
        found: sqlite3.Row | None = self._conn.execute("SELECT * FROM deed WHERE key = ?", (key,)).fetchone()
        return found

    def begin_deed(self, deed: Deed, at: int) -> None:
        """It is written down before anybody is asked."""
        self._conn.execute(
            "INSERT INTO deed (key, path, body, at, state) VALUES (?, ?, ?, ?, 'asking')",
            (deed.key, deed.path, deed.body, at),
        )

    def settle_deed(self, key: str, state: str, answer: dict[str, Any]) -> None:
        """What became of it."""
        self._conn.execute(
            "UPDATE deed SET state = ?, answer = ? WHERE key = ?", (state, json.dumps(answer), key)
        )

    def open_deeds(self) -> list[sqlite3.Row]:
        """Those of which nobody knows what became, oldest first."""
        return self._conn.execute("SELECT * FROM deed WHERE state = 'asking' ORDER BY seq").fetchall()

    def knows(self, account: bytes, signer: bytes) -> bool:
        """Whether the service has taken a code of this account that this key had signed, here and before."""
        mine = "SELECT 1 FROM signer WHERE account = ? AND signer = ?"
        return self._conn.execute(mine, (account.hex(), signer.hex())).fetchone() is not None

    def learn(self, account: bytes, signer: bytes) -> None:
        """The service has taken such a code."""
        self._conn.execute("INSERT OR IGNORE INTO signer VALUES (?, ?)", (account.hex(), signer.hex()))

    def unfinished(self, most: int) -> list[dict[str, Any]]:
        """Sales that wait with a reason, or were refused, the newest first: what people should look at."""
        rows = self._conn.execute(
            "SELECT key, state, sold_at, answer FROM sale WHERE answer IS NOT NULL"
            " AND state NOT IN ('certain', 'cancelled') ORDER BY seq DESC LIMIT ?",
            (most,),
        )
        return [
            {"key": row["key"], "state": row["state"], "code": json.loads(row["answer"]).get("code")}
            for row in rows
        ]

    def forget(self, before: int) -> None:
        """What was booked, or taken back, of sales before a second is no longer kept."""
        self._conn.execute(
            "DELETE FROM sale WHERE sold_at < ? AND state IN ('certain', 'cancelled')", (before,)
        )
        self._conn.execute("DELETE FROM deed WHERE at < ? AND state = 'done'", (before,))

    def counts(self) -> dict[str, int]:
        """How many sales stand in each state."""
        rows = self._conn.execute("SELECT state, count(*) FROM sale GROUP BY state")
        return {state.value: 0 for state in State} | {row[0]: row[1] for row in rows}

    def spent_in(self, first: int, end: int) -> int:
        """Micros taken offline between two seconds that the newest statement does not count yet."""
        found = self._conn.execute(
            "SELECT coalesce(sum(spend_micros), 0) FROM sale WHERE sold_at >= ? AND sold_at < ?"
            " AND state <> 'cancelled' AND (serial IS NULL OR serial = ?)",
            (first, end, self.serial),
        )
        return int(found.fetchone()[0])

    @property
    def serial(self) -> int:
        """How many statements were kept so far."""
        return int(self._meta("serial") or 0)

    @property
    def statement(self) -> dict[str, Any] | None:
        """The newest statement of the allowance."""
        text = self._meta("statement")
        return None if text is None else dict(json.loads(text))

    @property
    def contact(self) -> Contact | None:
        """The last contact with the service's clock."""
        text = self._meta("contact")
        return None if text is None else Contact(*json.loads(text))

    def rests(self, steady: int, boot: str) -> bool:
        """Whether the service is still to be left alone; see ``rest``."""
        until, of_boot = json.loads(self._meta("rest") or '[0, ""]')
        return bool(boot == of_boot and steady < until)

    def rest(self, until: int, boot: str) -> None:
        """The service did not answer: it is left alone until then, so that no cashier waits for it."""
        self._set("rest", json.dumps([until, boot]))

    def keep(self, statement: dict[str, Any], contact: Contact) -> None:
        """A statement was fetched after everything that was decided so far."""
        with self._together():
            self._set("statement", json.dumps(statement))
            self._set("contact", json.dumps([contact.service_at, contact.steady, contact.boot]))
            self._set("serial", str(self.serial + 1))
            self._set("rest", '[0, ""]')

    def _meta(self, name: str) -> str | None:
        row = self._conn.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _set(self, name: str, value: str) -> None:
        self._conn.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    @contextmanager
    def _together(self) -> Iterator[None]:
        self._conn.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._conn.execute("ROLLBACK")
            raise
        self._conn.execute("COMMIT")
