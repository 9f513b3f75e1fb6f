"""The merchants room over a real database: one grocer, its store and a till."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

from sqlalchemy import Connection

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.keyring import KeyRing
from ledger_service.merchants.requests import (
    AddTerminal,
    AdmitMerchant,
    IssuedKey,
    IssueKey,
    MerchantKeys,
    OpenStore,
    RotateKey,
)
from ledger_service.merchants.service import MerchantsService

A = TypeVar("A")
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GROCER, FUEL, STORE, SECOND_STORE = 9520001000010, 9520001000027, 9520001000119, 9520001000126
KEYS = MerchantKeys(b"\x01" * 20, b"\x02" * 20, b"\x03" * 20)
_numbers = count(1)


class MovableClock:
    """A clock and a stopwatch that move when told."""

    def __init__(self) -> None:
        self.instant = NOW
        self.nanos = 0

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> int:
        return self.nanos


class CountingIds:
    """Bytes that look random and never repeat."""

    def random_bytes(self, size: int) -> bytes:
        return (keccak256(b"merchant ids %d" % next(_numbers)) * 2)[:size]


class Desk:
    """The room over a database with one grocer, its store and a till."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = MovableClock()
        self.merchants = MerchantsService(CountingIds())
        self.keys = ApiKeys(CountingIds())
        self.writer = Writer(database, self.clock)
        self.write(
            lambda conn: self.merchants.admit(conn, AdmitMerchant(GROCER, "老王雜貨 Grocer", KEYS), NOW)
        )
        self.write(
            lambda conn: self.merchants.open_store(conn, OpenStore(STORE, GROCER, "總店", "Asia/Taipei"), NOW)
        )
        till = AddTerminal(GROCER, STORE, "Till 1", b"\x09" * 20)
        self.till = self.write(lambda conn: self.merchants.add_terminal(conn, till, NOW))

    def write(self, action: Callable[[Connection], A]) -> A:
        """Run in a durable unit of work."""
        return self.writer.run(action)

    def issue(self, role: str, subject: str, **more: object) -> IssuedKey:
        """Issue a key in a unit of work."""
        request = IssueKey(role, subject, **more)  # type: ignore[arg-type]  # a test's shorthand
        return self.write(lambda conn: self.keys.issue(conn, None, request, self.clock.now()))

    def rotate(self, key: IssuedKey, overlap: timedelta) -> IssuedKey:
        """Rotate a key by the hand at the machine, in a unit of work."""
        request = RotateKey(key.key_id, overlap)
        return self.write(lambda conn: self.keys.rotate(conn, None, request, self.clock.now()))

    def ring(self) -> KeyRing:
        """The ring of a further process."""
        return KeyRing(self.database.read, self.clock, self.clock.monotonic)
