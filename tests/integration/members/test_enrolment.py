"""Enrolling: one, five hundred, two at once with one phone."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger_service.db.engine import Database
from ledger_service.kernel.errors import DomainError, MalformedField
from ledger_service.kernel.gs1 import is_key
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import SignerChange
from ledger_service.kernel.permits import FLAG_CUSTODIAL
from ledger_service.ledger.models import account as ledger_account
from ledger_service.members import queries, rules
from ledger_service.members.errors import DeviceProofInvalid, IdentityTaken, NumbersExhausted
from ledger_service.members.identities import parse_identity
from ledger_service.members.models import device, member, member_identity
from ledger_service.members.requests import EnrolMember
from ledger_service.members.service import MembersService, MembersSettings
from ledger_service.outbox.models import intent
from tests.integration.members.alliance import (
    DOMAIN,
    FIRST_FROM,
    NOW,
    SETTINGS,
    Alliance,
    CountingIds,
    key,
    new_device,
)

PHONE = parse_identity("phone", "+86 138 0013 8000")
EMAIL = parse_identity("email", "wang@example.com")


def test_a_member_is_found_by_number_account_and_identity(alliance: Alliance) -> None:
    (one,) = alliance.enrol(EnrolMember("王小明", (PHONE, EMAIL)))
    assert is_key(one.member_number, 18)
    assert one.member_number.startswith(SETTINGS.gs1_prefix)
    with alliance.database.read() as conn:
        view = queries.find_by_number(conn, one.member_number)
        assert view is not None
        assert view.display_name == "王小明"
        assert view.created_at == NOW
        assert queries.find_by_id(conn, one.member_id) == view
        assert queries.find_by_account(conn, one.account) == view
        assert queries.find_by_identity(conn, alliance.members.vault, EMAIL) == view
        other = parse_identity("email", "li@example.com")
        assert queries.find_by_identity(conn, alliance.members.vault, other) is None
        assert queries.list_identities(conn, alliance.members.vault, one.member_id) == [EMAIL, PHONE]


def test_no_personal_value_stands_readable_beside_the_name(alliance: Alliance) -> None:
    alliance.enrol(EnrolMember(None, (PHONE, EMAIL)))
    stored = repr(alliance.rows(member_identity)) + repr(alliance.rows(member))
    assert "13800138000" not in stored
    assert "wang@" not in stored


@pytest.mark.parametrize(
    "name", ["陳大文", "王小明", "Zoë Ångström", "محمد علي", "👩‍👧 Müller", "O'Neill; DROP TABLE member"]
)
def test_names_of_any_script_come_back_as_they_were(alliance: Alliance, name: str) -> None:
    (one,) = alliance.enrol(EnrolMember(name))
    with alliance.database.read() as conn:
        view = queries.find_by_number(conn, one.member_number)
    assert view is not None
    assert view.display_name == name


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\ud800b", "x" * 201, "line\nbreak"])
def test_a_name_that_is_no_text_is_refused(alliance: Alliance, name: str) -> None:
    with pytest.raises(MalformedField):
        alliance.enrol(EnrolMember(name))
    assert alliance.count(member) == 0


def test_every_member_has_four_ledger_accounts(alliance: Alliance) -> None:
    one, two = alliance.enrol(EnrolMember(), EnrolMember())
    rows = alliance.rows(ledger_account)
    kinds = ["available", "held", "pending", "debt"]
    assert [(r["member_id"], r["kind"]) for r in rows] == [
        (m.member_id, k) for m in (one, two) for k in kinds
    ]
    with alliance.database.read() as conn:
        view = queries.find_by_id(conn, two.member_id)
    assert view is not None
    assert [r["account_id"] for r in rows[4:]] == [view.ledger_base + i for i in range(4)]


def test_a_custodial_member_gets_a_marked_signer_and_an_app_its_digits(alliance: Alliance) -> None:
    (one,) = alliance.enrol(EnrolMember("Li", custody="custodial"))
    (only,) = one.devices
    assert (only.lane, only.custodial, only.active_from) == (0, True, FIRST_FROM)
    assert only.digits is not None
    assert len(only.digits.number) == 8
    assert only.digits.secret.hex() not in repr(only)
    (row,) = alliance.rows(intent)
    change = operation_of(str(row["payload"]))
    assert isinstance(change, SignerChange)
    assert (change.account, change.signer, change.flags) == (one.account, only.signer, FLAG_CUSTODIAL)
    assert change.accepted_at == int(FIRST_FROM.timestamp())
    assert (row["member_id"], row["state"]) == (one.member_id, "queued")


def test_a_member_may_bring_its_first_device(alliance: Alliance) -> None:
    (one,) = alliance.enrol(EnrolMember("Li", device=new_device(key(5))))
    (only,) = one.devices
    assert (only.lane, only.custodial, only.digits) == (1, False, None)
    assert alliance.count(intent) == 1


def test_a_first_device_without_proof_is_refused_and_nobody_enrolled(alliance: Alliance) -> None:
    forged = replace(new_device(key(5)), proof=new_device(key(6)).proof)
    with pytest.raises(DeviceProofInvalid):
        alliance.enrol(EnrolMember("A"), EnrolMember("B", device=forged))
    with pytest.raises(DeviceProofInvalid):
        alliance.enrol(EnrolMember("B", device=new_device(key(5), at=NOW - timedelta(hours=1))))
    assert alliance.count(member) == 0


def test_a_second_member_with_the_same_phone_is_refused_and_leaves_nothing(alliance: Alliance) -> None:
    alliance.enrol(EnrolMember("A", (PHONE,)))
    with pytest.raises(IdentityTaken) as refusal:
        alliance.enrol(EnrolMember("B"), EnrolMember("C", (EMAIL, PHONE)))
    assert (refusal.value.kind, refusal.value.position) == ("phone", 1)
    assert [alliance.count(t) for t in (member, member_identity, ledger_account)] == [1, 1, 4]


def test_two_requests_with_one_identity_are_refused_before_anything_is_written(alliance: Alliance) -> None:
    with pytest.raises(IdentityTaken) as refusal:
        alliance.members.prepare([EnrolMember("A", (PHONE,)), EnrolMember("B", (PHONE,))], NOW)
    assert refusal.value.position == 1


@pytest.mark.parametrize(
    "request_",
    [
        EnrolMember("A", (PHONE, parse_identity("phone", "+12025550123"))),
        EnrolMember("A", custody="bank"),
        EnrolMember("A", custody="custodial", device=new_device(key(5))),
        EnrolMember("A", device=replace(new_device(key(5)), label="\0")),
    ],
)
def test_a_request_that_does_not_fit_is_malformed(alliance: Alliance, request_: EnrolMember) -> None:
    with pytest.raises(MalformedField):
        alliance.enrol(request_)


@pytest.mark.parametrize("count", [0, 1_001])
def test_none_and_more_than_a_thousand_at_once_are_refused(alliance: Alliance, count: int) -> None:
    with pytest.raises(MalformedField):
        alliance.members.prepare([EnrolMember()] * count, NOW)


def test_five_hundred_members_take_no_more_statements_than_one(alliance: Alliance) -> None:
    def crowd(first: int, size: int) -> list[EnrolMember]:
        return [
            EnrolMember(f"成員{i}", (parse_identity("social:demo", f"m{i}"),), custody="custodial")
            for i in range(first, first + size)
        ]

    used = []
    for requests in (crowd(0, 1), crowd(1, 500)):
        prepared = alliance.members.prepare(requests, NOW)
        with alliance.database.begin() as conn:
            before = alliance.database.statements.count
            made = alliance.members.enrol(conn, prepared, NOW)
            used.append(alliance.database.statements.count - before)
    assert used[1] <= used[0]  # the very first also makes the head row
    assert used[0] <= 12
    assert len({m.member_number for m in made}) == 500
    assert [alliance.count(t) for t in (member, device, intent, ledger_account)] == [501, 501, 501, 2_004]


def test_when_two_enrol_with_one_phone_at_once_one_wins_and_the_other_is_told(database: Database) -> None:
    rooms = [Alliance(database), Alliance(database)]
    starts = threading.Barrier(8)
    outcomes: list[object] = []

    def enrol(room: Alliance, number: int) -> None:
        starts.wait()
        try:
            outcomes.append(room.enrol(EnrolMember(f"M{number}", (PHONE,)))[0].member_id)
        except DomainError as refusal:
            outcomes.append(refusal)

    threads = [threading.Thread(target=enrol, args=(rooms[i % 2], i)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for room in rooms:
        room.close()
    winners = [o for o in outcomes if isinstance(o, int)]
    losers = [o for o in outcomes if isinstance(o, IdentityTaken)]
    assert (len(winners), len(losers)) == (1, 7)
    assert rooms[0].count(member) == rooms[0].count(member_identity) == 1
    assert rooms[0].count(ledger_account) == 4


def test_a_full_prefix_says_so(alliance: Alliance) -> None:
    tight = MembersSettings("952000112345", SETTINGS.identity_secret, SETTINGS.one_time_secret)
    room = MembersService(tight, DOMAIN, alliance.custody, CountingIds(), alliance.api_keys)
    assert len(rules.member_number_of(tight.gs1_prefix, 1)) == 18
    with alliance.database.begin() as conn:
        conn.execute(member.insert().values(
            member_id=99_999, status="active", custody="device", ledger_base=1, created_at=NOW,
        ))  # fmt: skip
    if not alliance.database.is_sqlite:
        with alliance.database.begin() as conn:
            conn.exec_driver_sql("SELECT setval(pg_get_serial_sequence('member', 'member_id'), 99999)")
    with pytest.raises(NumbersExhausted):
        alliance.write(lambda conn: room.enrol(conn, room.prepare([EnrolMember()], NOW), NOW))


@pytest.mark.parametrize("prefix", ["", "95200", "9520001123456", "95200O1", "９５２０００１"])
def test_a_prefix_that_is_none_is_refused_at_the_start(prefix: str) -> None:
    with pytest.raises(MalformedField):
        MembersSettings(prefix, bytes(32), bytes(32))
