"""API keys: issued, rotated, revoked, and found again by thousands a second."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select

from ledger_service.kernel.errors import MalformedField
from ledger_service.merchants import queries
from ledger_service.merchants.errors import (
    AnotherOperator,
    ApiKeyUnknown,
    MerchantUnknown,
    RoleUnfit,
    TerminalUnknown,
)
from ledger_service.merchants.keyring import MOST_UNKNOWN, KeyRing
from ledger_service.merchants.models import api_key
from ledger_service.merchants.requests import IssueKey, RotateKey
from ledger_service.merchants.rules import Principal, format_token
from tests.integration.merchants.desk import GROCER, NOW, STORE, Desk


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


def test_an_operator_comes_by_no_key_of_another_and_leaves_no_trace_of_trying(desk: Desk) -> None:
    mine, theirs = desk.issue("operator", "ops"), desk.issue("operator", "second")
    who = desk.ring().identify(mine.token)
    taken = RotateKey(theirs.key_id, timedelta(0))
    for name in ("second", "third", "Ops"):
        with pytest.raises(AnotherOperator):
            desk.write(lambda conn, name=name: desk.keys.issue(conn, who, IssueKey("operator", name), NOW))
    with pytest.raises(AnotherOperator):
        desk.write(lambda conn: desk.keys.rotate(conn, who, taken, NOW))
    assert desk.ring().identify(theirs.token) is not None
    with desk.database.read() as conn:
        assert len(conn.execute(select(api_key)).all()) == 2


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
    new = desk.rotate(old, timedelta(hours=1))
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
        desk.rotate(old, timedelta(0))


def test_a_key_with_an_end_ends_and_rotation_prolongs_neither_it_nor_its_successor(desk: Desk) -> None:
    issued = desk.issue("auditor", "kpmg", expires_at=NOW + timedelta(minutes=5))
    fresh = desk.rotate(issued, timedelta(days=1))
    assert fresh.expires_at == NOW + timedelta(minutes=5)
    ring = desk.ring()
    assert ring.identify(issued.token) is not None
    assert ring.identify(fresh.token) is not None
    desk.clock.instant += timedelta(minutes=5)
    assert ring.identify(issued.token) is None
    assert ring.identify(fresh.token) is None


def test_a_key_that_only_overlaps_rotates_to_nothing_that_outlives_the_overlap(desk: Desk) -> None:
    stolen = desk.issue("cashier", desk.till)
    desk.rotate(stolen, timedelta(hours=1))
    assert desk.rotate(stolen, timedelta(0)).expires_at == NOW + timedelta(hours=1)


def test_all_keys_of_a_subject_are_revoked_together(desk: Desk) -> None:
    tokens = [desk.issue("member", "42").token for _ in range(3)]
    other = desk.issue("member", "43").token
    assert desk.write(lambda conn: desk.keys.revoke_subject(conn, "member", "42", NOW)) == 3
    ring = desk.ring()
    assert [ring.identify(token) for token in tokens] == [None] * 3
    assert ring.identify(other) is not None
    with desk.database.read() as conn:
        assert [k.status for k in queries.keys_after(conn, ("member", "42"), None, 9)] == ["revoked"] * 3


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
