"""Freezing, and erasure that leaves nothing personal and everything provable."""

from __future__ import annotations

import pytest

from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.permits import FLAG_REVOKE
from ledger_service.ledger.models import account as ledger_account
from ledger_service.members import queries
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.identities import parse_identity
from ledger_service.members.models import device, member, member_identity
from ledger_service.members.requests import EnrolMember
from ledger_service.merchants.keyring import KeyRing
from ledger_service.merchants.models import api_key
from ledger_service.merchants.requests import IssueKey
from ledger_service.outbox.models import intent
from tests.integration.members.alliance import NOW, Alliance, FixedClock, key, new_device

PHONE = parse_identity("phone", "+86 138 0013 8000")


def test_a_member_is_frozen_and_freed(alliance: Alliance) -> None:
    (one,) = alliance.enrol(EnrolMember("Li"))
    for frozen, status in ((True, "frozen"), (False, "active")):
        alliance.write(
            lambda conn, frozen=frozen: alliance.members.set_frozen(conn, one.member_number, frozen, NOW)
        )
        assert alliance.rows(member)[0]["status"] == status
    with pytest.raises(MemberUnknown):
        alliance.write(lambda conn: alliance.members.set_frozen(conn, "0" * 18, True, NOW))


def test_erasure_destroys_all_that_is_personal_and_keeps_what_is_booked(alliance: Alliance) -> None:
    first = EnrolMember("王小明", (PHONE,), device=new_device(key(1)))
    one, other = alliance.enrol(first, EnrolMember("李四", device=new_device(key(2))))
    before = alliance.rows(ledger_account), alliance.rows(intent)
    assert alliance.write(lambda conn: alliance.members.erase(conn, one.member_number, NOW)) == one.member_id
    gone, kept = alliance.rows(member)
    personal = ("salt", "display_name", "member_number")
    assert [gone[name] for name in personal] == [None, None, None]
    assert (gone["status"], gone["erased_at"], gone["account"]) == ("erased", NOW, one.account)
    assert kept["display_name"] == "李四"
    assert alliance.count(member_identity) == 0
    assert alliance.rows(ledger_account) == before[0]
    assert alliance.rows(intent)[: len(before[1])] == before[1]
    revoked = operation_of(str(alliance.rows(intent)[-1]["payload"]))
    assert getattr(revoked, "flags", None) == FLAG_REVOKE
    assert [row["status"] for row in alliance.rows(device)] == ["revoked", "active"]
    assert kept["account"] == other.account


def test_after_erasure_the_number_is_unknown_and_the_phone_free(alliance: Alliance) -> None:
    (one,) = alliance.enrol(EnrolMember("Li", (PHONE,)))
    alliance.write(lambda conn: alliance.members.erase(conn, one.member_number, NOW))
    with pytest.raises(MemberUnknown):
        alliance.write(lambda conn: alliance.members.erase(conn, one.member_number, NOW))
    (again,) = alliance.enrol(EnrolMember("Li", (PHONE,)))
    assert again.member_number != one.member_number
    assert again.account != one.account
    with alliance.database.read() as conn:
        assert queries.find_by_number(conn, one.member_number) is None


def test_with_the_member_go_its_api_keys_and_what_they_were_called(alliance: Alliance) -> None:
    one, other = alliance.enrol(EnrolMember("Li"), EnrolMember("Wu"))

    def issued(member_id: int, label: str) -> str:
        request = IssueKey("member", str(member_id), label=label)
        return alliance.write(lambda conn: alliance.api_keys.issue(conn, None, request, NOW)).token

    gone, kept = issued(one.member_id, "Li's phone"), issued(other.member_id, "Wu's phone")
    alliance.write(lambda conn: alliance.members.erase(conn, one.member_number, NOW))
    ring = KeyRing(alliance.database.read, FixedClock(), lambda: 0)
    assert ring.identify(gone) is None
    assert ring.identify(kept) is not None
    assert {row["label"] for row in alliance.rows(api_key)} == {None, "Wu's phone"}
