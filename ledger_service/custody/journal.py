"""What custody must remember across a kill: its alliance, its contracts, the custodial permits of late.

A small SQLite file beside the keystore, fully synchronous. A permit is recorded before its
signature leaves, so the sums of a day can only be too high, never too low.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ledger_service.custody.errors import CustodialLimitReached, KeystoreUnusable, SigningRefused
from ledger_service.custody.requests import BindDomain, SignSpendPermit
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.paycode import LIFE_SECONDS
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS

_DAY_SECONDS = 86_400
_KEPT_DAYS = 9
_SCHEMA = """
CREATE TABLE IF NOT EXISTS bound (
  id INTEGER PRIMARY KEY CHECK (id = 1), chain_id INTEGER NOT NULL,
  clearing_house BLOB NOT NULL, registry BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS founding (id INTEGER PRIMARY KEY CHECK (id = 1), chain_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contract (address BLOB PRIMARY KEY, code_hash BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS next_house (code_hash BLOB PRIMARY KEY, address BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS former_house (address BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS permit (
  account BLOB NOT NULL, nonce TEXT NOT NULL, max_value_micros INTEGER NOT NULL, valid_until INTEGER NOT NULL,
  PRIMARY KEY (account, nonce)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS permit_valid_until ON permit (valid_until);
CREATE TABLE IF NOT EXISTS spent (
  account BLOB NOT NULL, day INTEGER NOT NULL, micros INTEGER NOT NULL, PRIMARY KEY (account, day)
) WITHOUT ROWID;
"""


class Journal:
    """The durable memory of custody; safe for any number of threads of one process."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._bound: BindDomain | None = None
        try:
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            path.chmod(0o600)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.executescript(_SCHEMA)
        except (sqlite3.DatabaseError, OSError) as error:
            raise KeystoreUnusable(f"{path}: {error}") from None

    def bound(self) -> BindDomain | None:
        """The alliance that custody signs for, once it was told."""
        if self._bound is None:
            with self._lock:
                row = self._file.execute("SELECT chain_id, clearing_house, registry FROM bound").fetchone()
            self._bound = None if row is None else BindDomain(*row)
        return self._bound

    def bind(self, domain: BindDomain) -> None:
        """Custody signs for this alliance; saying it again changes nothing.

        It may only be bound to another ClearingHouse of the same alliance whose creation was allowed by hand.

        Raises:
            SigningRefused: it is bound to another, or was founding one on another chain.
        """
        if self._succeeds(domain):
            return
        if self.bound() is None and self.founding_chain() not in (None, domain.chain_id):
            raise SigningRefused("another-chain")
        values = (domain.chain_id, domain.clearing_house, domain.registry)
        with self._lock:
            self._file.execute("INSERT INTO bound VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING", values)
        if self.bound() != domain:
            raise SigningRefused("bound-to-another-alliance")

    def allow_house(self, code_hash: bytes) -> None:
        """The operator's key may create this ClearingHouse or its mover once; custody may be bound to it."""
        with self._lock:
            self._file.execute("INSERT INTO next_house VALUES (?, NULL) ON CONFLICT DO NOTHING", (code_hash,))

    def house_created(self, code_hash: bytes, address: bytes) -> bool:
        """Whether this creation was allowed; it is remembered with its address, and another one is not."""
        free = "UPDATE next_house SET address = ?2 WHERE code_hash = ?1 AND (address IS NULL OR address = ?2)"
        with self._lock:
            return self._file.execute(free, (code_hash, address)).rowcount == 1

    def was_house(self, address: bytes) -> bool:
        """Whether custody was bound to this ClearingHouse before."""
        query = "SELECT 1 FROM former_house WHERE address = ?"
        with self._lock:
            return self._file.execute(query, (address,)).fetchone() is not None

    def _succeeds(self, domain: BindDomain) -> bool:
        before = self.bound()
        if before is None or replace(before, clearing_house=domain.clearing_house) != domain:
            return False
        mine = (domain.clearing_house,)
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            taken = self._file.execute("DELETE FROM next_house WHERE address = ?", mine).rowcount == 1
            if taken:
                former = (before.clearing_house,)
                self._file.execute("INSERT INTO former_house VALUES (?) ON CONFLICT DO NOTHING", former)
                self._file.execute("UPDATE bound SET clearing_house = ?", mine)
                # What was allowed besides, its accounts' mover, has served.
                self._file.execute("DELETE FROM next_house")
            self._file.execute("COMMIT")
        if taken:
            self._bound = domain
        return taken

    def unbind(self) -> None:
        """Custody forgets its alliance and waits to be told one, by the operator's own hand."""
        self._bound = None
        with self._lock:
            self._file.execute("DELETE FROM bound")
            self._file.execute("DELETE FROM founding")

    def founding_chain(self) -> int | None:
        """The chain on which an alliance is being founded; None before anything was signed for it."""
        with self._lock:
            row = self._file.execute("SELECT chain_id FROM founding").fetchone()
        return None if row is None else int(row[0])

    def begin_founding(self, chain_id: int) -> None:
        """An alliance is being founded on this chain, unless on another one already."""
        # Chain ids may have 256 bits, more than SQLite's integers hold.
        with self._lock:
            self._file.execute("INSERT INTO founding VALUES (1, ?) ON CONFLICT DO NOTHING", (str(chain_id),))

    def remember_contract(self, address: bytes, code_hash: bytes | None) -> None:
        """The operator's key may call what stands, or will stand, at this address.

        Args:
            address: of the contract, 20 bytes.
            code_hash: of the creation code that was signed for it; None for a contract made elsewhere.
        """
        with self._lock:
            self._file.execute("INSERT OR REPLACE INTO contract VALUES (?, ?)", (address, code_hash))

    def knows_contract(self, address: bytes) -> bool:
        """Whether ``remember_contract`` was told of it."""
        return self._contract(address) is not None

    def knows_creation(self, address: bytes, code_hash: bytes) -> bool:
        """Whether this creation of this contract was signed before."""
        return self._contract(address) == (code_hash,)

    def record(self, permits: Sequence[SignSpendPermit], day_limit_micros: int) -> list[DomainError | None]:
        """Every permit that may be signed is on record, durably, before its signature exists.

        Idempotency: permits of one nonce count once, at the greatest of their values, since the
        contract takes only one of them; so a checkout that is tried again is signed again.

        Returns:
            None for each permit that may be signed; else why not (over the day's limit).
        """
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                verdicts = [self._record(permit, day_limit_micros) for permit in permits]
                self._prune(max(p.valid_until for p in permits))
                self._file.execute("COMMIT")
            except sqlite3.DatabaseError:
                self._file.execute("ROLLBACK")
                raise
        return verdicts

    def close(self) -> None:
        """The file is closed."""
        with self._lock:
            self._file.close()

    def _contract(self, address: bytes) -> tuple[bytes | None] | None:
        query = "SELECT code_hash FROM contract WHERE address = ?"
        with self._lock:
            found: tuple[bytes | None] | None = self._file.execute(query, (address,)).fetchone()
        return found

    def _record(self, permit: SignSpendPermit, day_limit_micros: int) -> DomainError | None:
        # Nonces use all 64 bits, more than SQLite's signed integers hold.
        key = (permit.account, str(permit.nonce))
        known = self._file.execute(
            "SELECT max_value_micros, valid_until FROM permit WHERE account = ? AND nonce = ?", key
        ).fetchone()
        before, counted_on = (known[0], _days_of(known[1])) if known is not None else (0, [])
        days = _days_of(permit.valid_until)
        more = [max(permit.max_value_micros - (before if day in counted_on else 0), 0) for day in days]
        asked = [self._spent(permit.account, day) + micros for day, micros in zip(days, more, strict=True)]
        if max(asked) > day_limit_micros:
            return CustodialLimitReached("day", day_limit_micros, max(asked))
        row = (*key, max(permit.max_value_micros, before), permit.valid_until)
        self._file.execute("INSERT OR REPLACE INTO permit VALUES (?, ?, ?, ?)", row)
        self._file.executemany(
            "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET micros = excluded.micros",
            [(permit.account, day, micros) for day, micros in zip(days, asked, strict=True)],
        )
        return None

    def _spent(self, account: bytes, day: int) -> int:
        of_day = "SELECT micros FROM spent WHERE account = ? AND day = ?"
        row = self._file.execute(of_day, (account, day)).fetchone()
        return 0 if row is None else int(row[0])

    def _prune(self, newest: int) -> None:
        oldest = newest - _KEPT_DAYS * _DAY_SECONDS
        self._file.execute("DELETE FROM spent WHERE day < ?", (oldest // _DAY_SECONDS,))
        self._file.execute("DELETE FROM permit WHERE valid_until < ?", (oldest,))


def _days_of(valid_until: int) -> list[int]:
    # The contract counts the day of acceptance, which lies somewhere before the last valid second:
    # a permit around midnight counts for both days.
    first = (valid_until - LIFE_SECONDS - CLOCK_SKEW_SECONDS) // _DAY_SECONDS
    return sorted({first, valid_until // _DAY_SECONDS})
