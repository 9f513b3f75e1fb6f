"""Cases over HTTP: two persons, one case at a time, objections in time, custodial successors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from ledger_service.bootstrap.caring import CareClerk
from ledger_service.care import queries
from ledger_service.care.queries import find_case
from ledger_service.care.requests import CaseView
from ledger_service.chain.recovery import Announced
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.ledger.reconcile import differences
from ledger_service.points.models import member_programme
from tests.api.service import NOON, Shop, basket
from tests.api.test_account_moves import rich
from tests.api.test_administration import NEXT_PHONE, PHONE, new_device, with_phone
from tests.api.without_phone import card_of
from tests.integration.checkout.shop import StandingClock

EVIDENCE = "0x" + "e1" * 32


def case_of(shop: Shop, member: dict[str, Any], **more: Any) -> str:
    body = {"member": member["number"], "kind": "lost_phone", "evidence": EVIDENCE, **more}
    return str(shop.must("operator", "/v1/cases", body)["case"])


def stored(shop: Shop, case: str) -> CaseView:
    with shop.serving.foundations.database.read() as conn:
        found = find_case(conn, bytes.fromhex(case))
    assert found is not None
    return found


@pytest.fixture
def second(shop: Shop) -> str:
    return shop.further_operator("second").token


def notice(shop: Shop, case: str, days: int = 7) -> None:
    """What the clerk writes once the desk has it."""
    ends = NOON + timedelta(days=days)
    cases = shop.serving.care.cases
    shop.serving.writer.run(lambda conn: cases.announced(conn, bytes.fromhex(case), 1, ends, NOON))


def test_two_persons_agree_on_a_case(shop: Shop, second: str) -> None:
    member = with_phone(shop)
    case = case_of(shop, member, device=new_device(shop, NEXT_PHONE))
    alone = shop.post("operator", f"/v1/cases/{case}/approval")
    assert (alone.status_code, alone.json["code"]) == (403, "second-person-needed")
    approved = shop.must(second, f"/v1/cases/{case}/approval")
    assert (approved["state"], approved["account"]) == ("approved", member["account"])
    again = shop.post(second, f"/v1/cases/{case}/approval")
    assert (again.json["code"], again.json["params"]) == ("case-closed", {"state": "approved"})
    kinds = [event["kind"] for event in shop.get("auditor", f"/v1/cases/{case}").json["events"]]
    assert kinds == ["opened", "approved"]


def test_a_member_has_one_case_at_a_time(shop: Shop) -> None:
    member = with_phone(shop)
    case = case_of(shop, member)
    body = {"member": member["number"], "kind": "death", "evidence": EVIDENCE}
    again = shop.post("operator", "/v1/cases", body)
    assert (again.status_code, again.json["code"]) == (409, "case-under-way")
    assert shop.must("operator", f"/v1/cases/{case}/objection")["state"] == "stopped"
    assert shop.must("operator", "/v1/cases", body)["state"] == "open"


def test_a_retry_of_an_opening_gets_the_same_successor(shop: Shop) -> None:
    body = {"member": with_phone(shop)["number"], "kind": "recycled_number", "evidence": EVIDENCE}
    first = shop.must("operator", "/v1/cases", body, key="once")
    assert shop.post("operator", "/v1/cases", body, key="once").json == first


def test_the_new_key_proves_itself_and_is_none_of_the_members(shop: Shop) -> None:
    member = with_phone(shop)
    for key, account, code in (
        (PHONE, bytes(20), "signer-known"), (NEXT_PHONE, b"\x09" * 20, "device-proof-invalid"),
    ):  # fmt: skip
        body = {"member": member["number"], "kind": "death", "evidence": EVIDENCE,
                "device": new_device(shop, key, account)}  # fmt: skip
        assert shop.post("operator", "/v1/cases", body).json["code"] == code


def test_the_member_objects_until_the_notice_ends(shop: Shop, second: str) -> None:
    member, stranger = with_phone(shop), with_phone(shop, NEXT_PHONE)
    own, other = (shop.key_for("member", m["number"]) for m in (member, stranger))
    case = case_of(shop, member)
    shop.must(second, f"/v1/cases/{case}/approval")
    notice(shop, case)
    assert shop.post(other, f"/v1/cases/{case}/objection").json["code"] == "not-yours"
    assert shop.get(other, f"/v1/cases/{case}").json["code"] == "not-yours"
    shop.at = format_instant(NOON + timedelta(days=7))
    late = shop.post(own, f"/v1/cases/{case}/objection")
    assert (late.status_code, late.json["code"]) == (409, "case-closed")
    shop.at = format_instant(NOON + timedelta(days=7) - timedelta(seconds=1))
    assert shop.must(own, f"/v1/cases/{case}/objection")["state"] == "objected"
    assert shop.get("auditor", "/v1/cases/" + "0" * 32).json["code"] == "case-unknown"
    assert shop.post("operator", f"/v1/cases/{'0' * 32}/approval").json["code"] == "case-unknown"


def test_an_objection_between_approval_and_announcement_stands(shop: Shop, second: str) -> None:
    case = case_of(shop, with_phone(shop))
    shop.must(second, f"/v1/cases/{case}/approval")
    shop.must("operator", f"/v1/cases/{case}/objection")
    notice(shop, case)
    assert (stored(shop, case).state, stored(shop, case).number) == ("objected", 1)


def test_a_custodial_successor_pays_with_digits(shop: Shop, second: str) -> None:
    member = rich(shop)
    case = case_of(shop, member)
    shop.must(second, f"/v1/cases/{case}/approval")
    notice(shop, case)
    at = parse_instant(shop.at, "at")
    shop.serving.writer.run(lambda conn: shop.serving.care.cases.carry_out(conn, bytes.fromhex(case), at))
    shown = shop.get("operator", f"/v1/members/{member['number']}").json
    assert (shown["custody"], shown["account"]) == ("custodial", "0x" + stored(shop, case).successor.hex())
    own = shop.key_for("member", member["number"])
    assert len(shop.get(own, f"/v1/members/{member['number']}/code").json["digits"]) == 18
    once = shop.serving.writer.run(
        lambda conn: shop.serving.care.cases.carry_out(conn, bytes.fromhex(case), at)
    )
    assert (once, stored(shop, case).state) == (True, "executed")


def test_a_case_of_a_member_that_moved_or_was_erased_meanwhile_is_stopped(shop: Shop, second: str) -> None:
    member = with_phone(shop)
    case = case_of(shop, member)
    shop.must(second, f"/v1/cases/{case}/approval")
    notice(shop, case)
    shop.must("operator", f"/v1/members/{member['number']}/erase")
    cases = shop.serving.care.cases
    shop.serving.writer.run(lambda conn: cases.carry_out(conn, bytes.fromhex(case), NOON))
    assert stored(shop, case).state == "stopped"


@pytest.mark.parametrize(("days", "state"), [(23, "executed"), (24, "stopped")])
def test_a_case_that_waited_until_the_desk_may_refuse_it_is_stopped(
    shop: Shop, second: str, days: int, state: str
) -> None:
    """For a hold, or for want of a bridge: switched after its 30 days, the member would be stranded."""
    member = with_phone(shop)
    case = case_of(shop, member)
    shop.must(second, f"/v1/cases/{case}/approval")
    notice(shop, case)
    at = NOON + timedelta(days=7 + days)
    cases = shop.serving.care.cases
    assert shop.serving.writer.run(lambda conn: cases.carry_out(conn, bytes.fromhex(case), at))
    assert stored(shop, case).state == state


class Refusing:
    """A recovery desk where everything is as the cases say."""

    def __init__(self, successors: dict[bytes, bytes]) -> None:
        self.successors = successors

    def standing(self, account: bytes) -> Announced:
        return Announced(self.successors[account], 2, 1, False, 1)


def test_cases_that_must_wait_hinder_no_other(
    shop: Shop, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "CASES_AT_ONCE", 2)
    members = [with_phone(shop, bytes([7]) * 31 + bytes([n])) for n in range(5)]
    found = []
    for member in members:
        case = case_of(shop, member)
        shop.must(second, f"/v1/cases/{case}/approval")
        notice(shop, case)
        found.append(stored(shop, case))
    found.sort(key=lambda case: case.case_id)
    serving = shop.serving
    with serving.foundations.database.begin() as conn:
        for case in found[:4]:
            row = {"member_id": case.member_id, "programme_id": 1, "frozen": True, "frozen_reason": "refused"}
            conn.execute(insert(member_programme).values(row))
    office: Any = Refusing({case.account: case.successor for case in found})
    at = StandingClock(NOON + timedelta(days=8))
    clerk = CareClerk(office, serving.care.cases, serving.foundations.database, serving.writer, at, True)
    assert clerk.run()
    assert [stored(shop, case.case_id.hex()).state for case in found] == ["notice"] * 4 + ["executed"]


def merge_of(shop: Shop, closes: str, stays: str) -> str:
    body = {"member": closes, "into": stays, "evidence": EVIDENCE}
    return str(shop.must("operator", "/v1/merges", body)["case"])


def carried_out(shop: Shop, case: str, days: int = 8) -> bool:
    cases, at = shop.serving.care.cases, NOON + timedelta(days=days)
    return shop.serving.writer.run(lambda conn: cases.carry_out(conn, bytes.fromhex(case), at))


def test_who_stays_has_everything_of_who_closes(any_shop: Shop) -> None:
    shop = any_shop
    second = shop.further_operator("second").token
    phones = ("+14155550101", "+14155550102")
    closes, stays = (
        str(shop.must("grocer", "/v1/members", {"custody": "custodial", "identities": [
            {"kind": "phone", "value": phone}, *more]})["number"])
        for phone, more in zip(phones, ([{"kind": "email", "value": "mei@example.org"}], []), strict=True)
    )  # fmt: skip
    card = card_of(shop, closes)
    sold = shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": closes}))
    shop.must("grocer-till", "/v1/sales", basket(amount=50_000, member={"number": stays}))
    own = shop.key_for("member", closes)
    case = merge_of(shop, closes, stays)
    again = {"member": stays, "into": closes, "evidence": EVIDENCE}
    assert shop.post("operator", "/v1/merges", again).json["code"] == "case-under-way"
    shop.must(second, f"/v1/cases/{case}/approval")
    notice(shop, case)
    assert (carried_out(shop, case), carried_out(shop, case)) == (True, True)
    shop.at = format_instant(NOON + timedelta(days=8))
    assert shop.get(own, f"/v1/members/{closes}").json["code"] == "credentials-refused"
    for kind, value in (("email", "mei@example.org"), ("card", card), ("phone", phones[1])):
        found = shop.must("grocer", "/v1/members/identify", {"kind": kind, "value": value}, status=200)
        assert found["number"] == stays
    gone = shop.post("grocer", "/v1/members/identify", {"kind": "phone", "value": phones[0]})
    assert gone.json["code"] == "member-unknown"
    balance = shop.get("operator", f"/v1/members/{stays}/balance").json["balances"]
    assert sum(b["available"] for b in balance) == 1_500
    back = shop.must("grocer-till", f"/v1/sales/{sold['sale_id']}/refunds",
                     {"reference": "b", "lines": [{"line": "1", "quantity": 4}]})  # fmt: skip
    assert back["sale_id"] == sold["sale_id"]
    with shop.serving.foundations.database.snapshot() as conn:
        assert list(differences(conn)) == []


def test_a_merge_waits_for_a_sale_and_is_stopped_when_who_stays_has_gone(shop: Shop, second: str) -> None:
    closes, stays = rich(shop), with_phone(shop, NEXT_PHONE)
    case = merge_of(shop, closes["number"], stays["number"])
    shop.must(second, f"/v1/cases/{case}/approval")
    notice(shop, case)
    with shop.serving.foundations.database.begin() as conn:
        row = {"member_id": stored(shop, case).stays_id, "programme_id": 1, "frozen": True}
        conn.execute(insert(member_programme).values({**row, "frozen_reason": "refused"}))
    assert (carried_out(shop, case), stored(shop, case).state) == (False, "notice")
    shop.must("operator", f"/v1/members/{stays['number']}/erase")
    assert (carried_out(shop, case), stored(shop, case).state) == (True, "stopped")


def test_a_member_is_not_merged_with_itself_nor_into_a_frozen_one(shop: Shop) -> None:
    one, other = with_phone(shop), with_phone(shop, NEXT_PHONE)
    body = {"member": one["number"], "into": one["number"], "evidence": EVIDENCE}
    assert shop.post("operator", "/v1/merges", body).json["code"] == "merge-with-self"
    shop.must("operator", f"/v1/members/{other['number']}/freeze", {"frozen": True}, status=200)
    into = {**body, "into": other["number"]}
    assert shop.post("operator", "/v1/merges", into).json["code"] == "member-frozen"
    merge_of(shop, other["number"], one["number"])
