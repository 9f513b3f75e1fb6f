"""A members room over a real database: fixed secrets, custody by formula, real writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

from sqlalchemy import Connection, Table, func, select

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.permits import SignerGrant
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from ledger_service.members.requests import Enrolled, EnrolMember, NewDevice
from ledger_service.members.service import MembersService, MembersSettings
from ledger_service.merchants.api_keys import ApiKeys

A = TypeVar("A")
NOW = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
# A first signer counts from a clock's skew before it is enrolled.
FIRST_FROM = datetime(2026, 5, 1, 11, 58, tzinfo=UTC)
DOMAIN = Domain(31337, b"\xcc" * 20)
SETTINGS = MembersSettings("9520001", bytes(range(32)), bytes(range(32, 64)))
_numbers = count(1)


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW


class CountingIds:
    """Bytes that look random, never repeat and are the same in no two tests."""

    def random_bytes(self, size: int) -> bytes:
        return (keccak256(b"ids %d" % next(_numbers)) * 2)[:size]


class FormulaCustody:
    """A custodial key for every account, without a process."""

    def key_of(self, account: bytes) -> bytes:
        return keccak256(b"custodial" + account)

    def custodial_addresses(self, accounts: Sequence[bytes]) -> list[bytes]:
        return [address_of_key(self.key_of(account)) for account in accounts]


class Alliance:
    """The room, its database and a writer of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.custody = FormulaCustody()
        self.api_keys = ApiKeys(CountingIds())
        self.members = MembersService(SETTINGS, DOMAIN, self.custody, CountingIds(), self.api_keys)
        self.writer = Writer(database, FixedClock())

    def write(self, action: Callable[[Connection], A]) -> A:
        """Run in a durable unit of work."""
        return self.writer.run(action)

    def enrol(self, *requests: EnrolMember, at: datetime = NOW) -> list[Enrolled]:
        """Prepare and enrol."""
        prepared = self.members.prepare(requests, at)
        return self.write(lambda conn: self.members.enrol(conn, prepared, at))

    def rows(self, table: Table) -> list[dict[str, object]]:
        """Every row of a table by its primary key."""
        with self.database.read() as conn:
            return [dict(r) for r in conn.execute(select(table).order_by(*table.primary_key)).mappings()]

    def count(self, table: Table) -> int:
        """How many rows a table has."""
        with self.database.read() as conn:
            return conn.execute(select(func.count()).select_from(table)).scalar_one()

    def close(self) -> None:
        """The writer has ended."""
        self.writer.close()


def key(number: int) -> bytes:
    """The private key of a device in a test."""
    return number.to_bytes(32, "big")


def new_device(
    private: bytes, account: bytes = bytes(20), by: bytes | None = None, at: datetime = NOW
) -> NewDevice:
    """A device's request with its proof and, where ``by`` is a key, that key's grant."""
    valid_until = seconds_floor(at + timedelta(minutes=10))
    grant = SignerGrant(account, address_of_key(private), 0, valid_until)
    digest = DOMAIN.digest(grant.struct_hash())
    authorisation = b"" if by is None else sign_digest(by, digest)
    return NewDevice(address_of_key(private), valid_until, sign_digest(private, digest), authorisation)
