"""Cases over HTTP: two persons, one case at a time, objections in time, custodial successors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger_service.care.queries import find_case
from ledger_service.care.requests import CaseView
from ledger_service.kernel.clock import format_instant, parse_instant
from tests.api.service import NOON, Shop
from tests.api.test_account_moves import rich
from tests.api.test_administration import NEXT_PHONE, PHONE, new_device, with_phone

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
