"""Merchants, stores, terminals and their API keys on both databases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

import pytest
from sqlalchemy import Connection, select

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.merchants import queries
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.errors import (
    ApiKeyUnknown,
    MerchantKnown,
    MerchantUnknown,
    RoleUnfit,
    StoreKnown,
    StoreUnknown,
    TerminalUnknown,
)
from ledger_service.merchants.keyring import MOST_UNKNOWN, KeyRing
from ledger_service.merchants.models import api_key
from ledger_service.merchants.requests import (
    AddTerminal,
    AdmitMerchant,
    IssuedKey,
    IssueKey,
    MerchantKeys,
    OpenStore,
)
from ledger_service.merchants.rules import Principal, format_token
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
        return self.write(lambda conn: self.keys.issue(conn, request, self.clock.now()))

    def ring(self) -> KeyRing:
        """The ring of a further process."""
        return KeyRing(self.database.read, self.clock, self.clock.monotonic)


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    """A desk on each database."""
    made = Desk(database)
    yield made
    made.writer.close()


def test_merchants_stores_and_terminals_are_listed_as_they_were_given(desk: Desk) -> None:
    with desk.database.read() as conn:
        (one,) = queries.list_merchants(conn)
        assert queries.find_merchant(conn, GROCER) == one
        assert queries.find_merchant(conn, FUEL) is None
        (shop,) = queries.list_stores(conn, GROCER)
        assert queries.find_store(conn, STORE) == shop
        assert queries.list_stores(conn, FUEL) == []
        (till,) = queries.list_terminals(conn)
    assert (one.name, one.status, one.operations_key) == ("老王雜貨 Grocer", "active", b"\x02" * 20)
    assert (shop.name, shop.timezone, shop.merchant_status) == ("總店", "Asia/Taipei", "active")
    assert (till.terminal_id, till.store_gln, till.till_key) == (desk.till, STORE, b"\x09" * 20)


@pytest.mark.parametrize(
    "request_",
    [
        AdmitMerchant(GROCER + 1, "Wrong check digit", KEYS),
        AdmitMerchant(10**13, "Too long", KEYS),
        AdmitMerchant(FUEL, "", KEYS),
        AdmitMerchant(FUEL, "Fuel\0", KEYS),
        AdmitMerchant(FUEL, "Fuel", MerchantKeys(bytes(20), b"\x02" * 20, b"\x03" * 20)),
        AdmitMerchant(FUEL, "Fuel", MerchantKeys(b"\x01" * 19, b"\x02" * 20, b"\x03" * 20)),
    ],
)
def test_a_merchant_that_is_none_is_malformed(desk: Desk, request_: AdmitMerchant) -> None:
    with pytest.raises(MalformedField):
        desk.write(lambda conn: desk.merchants.admit(conn, request_, NOW))


def test_a_gln_is_admitted_once(desk: Desk) -> None:
    with pytest.raises(MerchantKnown):
        desk.write(lambda conn: desk.merchants.admit(conn, AdmitMerchant(GROCER, "Again", KEYS), NOW))


def test_stores_need_a_merchant_a_zone_and_a_gln_of_their_own(desk: Desk) -> None:
    for request, refusal in (
        (OpenStore(STORE, GROCER, "Again", "UTC"), StoreKnown),
        (OpenStore(SECOND_STORE, FUEL, "Nobody's", "UTC"), MerchantUnknown),
        (OpenStore(SECOND_STORE, GROCER, "Nowhere", "Moon/Base"), MalformedField),
        (OpenStore(SECOND_STORE, GROCER, "Escape", "../../etc/passwd"), MalformedField),
        (OpenStore(SECOND_STORE + 1, GROCER, "Digit", "UTC"), MalformedField),
    ):
        with pytest.raises(refusal):
            desk.write(lambda conn, request=request: desk.merchants.open_store(conn, request, NOW))
    with pytest.raises(StoreUnknown):
        desk.write(lambda conn: desk.merchants.close_store(conn, SECOND_STORE))


def test_terminals_stand_only_in_open_stores_of_their_merchant(desk: Desk) -> None:
    desk.write(lambda conn: desk.merchants.admit(conn, AdmitMerchant(FUEL, "Fuel", KEYS), NOW))
    with pytest.raises(StoreUnknown):
        desk.write(lambda conn: desk.merchants.add_terminal(conn, AddTerminal(FUEL, STORE, "T"), NOW))
    desk.write(lambda conn: desk.merchants.close_store(conn, STORE))
    with pytest.raises(StoreUnknown):
        desk.write(lambda conn: desk.merchants.add_terminal(conn, AddTerminal(GROCER, STORE, "T"), NOW))


def test_keys_and_tills_of_merchants_change(desk: Desk) -> None:
    fresh = MerchantKeys(b"\x04" * 20, b"\x05" * 20, b"\x06" * 20)
    desk.write(lambda conn: desk.merchants.rotate_keys(conn, GROCER, fresh))
    desk.write(lambda conn: desk.merchants.set_till_key(conn, desk.till, None))
    with desk.database.read() as conn:
        assert queries.list_merchants(conn)[0].settlement_key == b"\x06" * 20
        assert queries.list_terminals(conn)[0].till_key is None
    with pytest.raises(MerchantUnknown):
        desk.write(lambda conn: desk.merchants.rotate_keys(conn, FUEL, fresh))
    with pytest.raises(MalformedField):
        desk.write(lambda conn: desk.merchants.set_till_key(conn, desk.till, b"short"))
    with pytest.raises(TerminalUnknown):
        desk.write(lambda conn: desk.merchants.set_till_key(conn, "t0", None))


def test_a_cashiers_key_names_its_till_store_and_merchant(desk: Desk) -> None:
    issued = desk.issue("cashier", desk.till)
    who = desk.ring().identify(issued.token)
    assert who is not None
    assert (who.subject, who.role, who.merchant_id, who.store_gln) == (
        f"terminal:{desk.till}",
        "cashier",
        GROCER,
        STORE,
    )
    assert (who.till_key, who.suspended) == (b"\x09" * 20, False)
    assert "sell" in who.scopes
    with desk.database.read() as conn:
        (stored,) = conn.execute(select(api_key)).mappings()
    assert issued.token[-64:] not in repr(dict(stored))
    assert bytes.fromhex(issued.token[-64:]) not in stored.values()


@pytest.mark.parametrize(
    ("role", "subject", "refusal"),
    [
        ("cashier", "t0", TerminalUnknown),
        ("merchant", "9520001000027", MerchantUnknown),
        ("merchant", "12", MalformedField),
        ("emperor", "x", RoleUnfit),
        ("operator", "\0", MalformedField),
    ],
)
def test_no_key_is_issued_for_nobody(desk: Desk, role: str, subject: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        desk.issue(role, subject)


def test_wrong_unknown_and_garbled_tokens_are_nobody(desk: Desk) -> None:
    good = desk.issue("operator", "ops").token
    ring = desk.ring()
    assert ring.identify(good) is not None
    flipped = good[:-1] + ("0" if good[-1] != "0" else "1")
    for token in (flipped, format_token("0" * 16, bytes(32)), "", "Bearer", good.upper(), good + " "):
        assert ring.identify(token) is None


def test_a_revocation_counts_at_once_here_and_within_a_second_elsewhere(desk: Desk) -> None:
    issued = desk.issue("cashier", desk.till)
    here, elsewhere = desk.ring(), desk.ring()
    assert here.identify(issued.token) is not None
    assert elsewhere.identify(issued.token) is not None
    desk.write(lambda conn: desk.keys.revoke(conn, issued.key_id, NOW))
    here.refresh()
    assert here.identify(issued.token) is None
    assert elsewhere.identify(issued.token) is not None
    desk.clock.nanos += 950_000_000
    assert elsewhere.identify(issued.token) is None
    with pytest.raises(ApiKeyUnknown):
        desk.write(lambda conn: desk.keys.revoke(conn, issued.key_id, NOW))


def test_a_disabled_till_and_a_suspended_merchant_are_noticed_as_fast(desk: Desk) -> None:
    token = desk.issue("cashier", desk.till).token
    ring = desk.ring()
    assert ring.identify(token) is not None
    desk.write(lambda conn: desk.merchants.set_suspended(conn, GROCER, True))
    desk.clock.nanos += 950_000_000
    who = ring.identify(token)
    assert who is not None
    assert who.suspended
    desk.write(lambda conn: desk.merchants.disable_terminal(conn, desk.till))
    desk.clock.nanos += 950_000_000
    assert ring.identify(token) is None


def test_a_rotated_key_and_its_successor_overlap_under_one_subject(desk: Desk) -> None:
    old = desk.issue("cashier", desk.till, scopes=frozenset({"quote", "sell"}))
    new = desk.write(lambda conn: desk.keys.rotate(conn, old.key_id, timedelta(hours=1), NOW))
    ring = desk.ring()
    first, second = ring.identify(old.token), ring.identify(new.token)
    assert first is not None
    assert second is not None
    assert (first.subject, first.scopes) == (second.subject, second.scopes)
    assert second.scopes == {"quote", "sell"}
    desk.clock.instant += timedelta(hours=1)
    assert ring.identify(old.token) is None
    assert ring.identify(new.token) is not None
    with pytest.raises(ApiKeyUnknown):
        desk.write(lambda conn: desk.keys.rotate(conn, old.key_id, timedelta(0), desk.clock.now()))


def test_a_key_with_an_end_ends_and_rotation_does_not_prolong_the_old_one(desk: Desk) -> None:
    issued = desk.issue("auditor", "kpmg", expires_at=NOW + timedelta(minutes=5))
    desk.write(lambda conn: desk.keys.rotate(conn, issued.key_id, timedelta(days=1), NOW))
    ring = desk.ring()
    assert ring.identify(issued.token) is not None
    desk.clock.instant += timedelta(minutes=5)
    assert ring.identify(issued.token) is None


def test_all_keys_of_a_subject_are_revoked_together(desk: Desk) -> None:
    tokens = [desk.issue("member", "42").token for _ in range(3)]
    other = desk.issue("member", "43").token
    assert desk.write(lambda conn: desk.keys.revoke_subject(conn, "member", "42", NOW)) == 3
    ring = desk.ring()
    assert [ring.identify(token) for token in tokens] == [None] * 3
    assert ring.identify(other) is not None
    with desk.database.read() as conn:
        assert [k.status for k in queries.list_keys(conn, "member", "42")] == ["revoked"] * 3


def test_known_keys_are_found_without_a_query_and_guesses_fill_no_memory(desk: Desk) -> None:
    token = desk.issue("cashier", desk.till).token
    ring = desk.ring()
    reads = count()
    plain = desk.database.read

    def counted() -> object:
        next(reads)
        return plain()

    ring._read = counted  # type: ignore[assignment]  # to count
    for _ in range(1_000):
        assert ring.identify(token) is not None
    assert next(reads) == 2  # one poll, one load
    for i in range(MOST_UNKNOWN + 50):
        ring.identify(format_token(f"{i:016x}", bytes(32)))
    assert len(ring._entries) <= MOST_UNKNOWN + 1


def test_a_ring_answers_thousands_a_second_from_many_threads(desk: Desk) -> None:
    tokens = [desk.issue("cashier", desk.till).token for _ in range(4)]
    ring = KeyRing(desk.database.read, desk.clock, time.monotonic_ns)
    seen: list[Principal | None] = []

    def ask(token: str) -> None:
        seen.extend(ring.identify(token) for _ in range(2_500))

    begun = time.monotonic()
    threads = [threading.Thread(target=ask, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in seen
    assert time.monotonic() - begun < 5, "10,000 look-ups in more than 5 seconds"
