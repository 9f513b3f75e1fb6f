"""A member hears of a case over every way that leads to it, finds it without its id, and stops it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ledger_service.kernel.clock import format_instant
from ledger_service.members.ports import Message
from tests.api.service import NOON, Shop
from tests.api.test_cases import case_of, merge_of, notice, second
from tests.api.without_phone import bring, delivered, later

__all__ = ["second"]


class Away:
    """A carrier that takes nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def hand_over(self, message: Message) -> bool:
        self.asked.append(message.message_id)
        return False


def test_a_member_is_told_of_its_case_over_every_way_finds_it_and_stops_it(
    any_shop: Shop, tmp_path: Path
) -> None:
    shop = any_shop
    second = shop.further_operator("second").token
    ways = [{"kind": "phone", "value": "+14155550107"}, {"kind": "email", "value": "mei@example.org"}]
    member, stranger = (
        shop.must("grocer", "/v1/members", {"custody": "custodial", "identities": its}) for its in (ways, [])
    )
    own, path = shop.key_for("member", member["number"]), f"/v1/members/{member['number']}/cases"
    case = case_of(shop, member)
    shop.must(second, f"/v1/cases/{case}/approval")
    assert delivered(shop, tmp_path) == []
    notice(shop, case)
    told = delivered(shop, tmp_path)
    assert {(one["channel"], one["to"]) for one in told} == {(w["kind"], w["value"]) for w in ways}
    ends = f"{NOON + timedelta(days=7):%Y-%m-%d %H:%M} UTC"
    assert all(ends in one["text"] and "lost phone" in one["text"] for one in told)
    assert delivered(shop, tmp_path) == []
    page = shop.get(own, path).json
    assert [(one["case"], one["may_object"]) for one in page["cases"]] == [(case, True)]
    assert shop.get("operator", path).json == page
    other = shop.key_for("member", stranger["number"])
    assert shop.get(other, path).json["code"] == "not-yours"
    assert shop.get(other, f"/v1/members/{stranger['number']}/cases").json["cases"] == []
    assert shop.must(own, f"/v1/cases/{page['cases'][0]['case']}/objection")["state"] == "objected"
    assert shop.get(own, path).json["cases"][0]["may_object"] is False


def test_a_notice_waits_for_the_end_of_quiet_hours_and_goes_no_oftener_than_is_wished(
    shop: Shop, second: str, tmp_path: Path
) -> None:
    ways = [{"kind": "phone", "value": "+14155550109"}, {"kind": "email", "value": "an@example.org"}]
    member = shop.must("grocer", "/v1/members", {"custody": "custodial", "identities": ways})
    own, path = shop.key_for("member", member["number"]), f"/v1/members/{member['number']}/quiet-hours"
    none = {"from": None, "until": None, "timezone": None}
    assert shop.get(own, path).json == {"number": member["number"], **none, "most_a_day": 6}
    # Noon at Greenwich is eight in the evening in Taipei.
    quiet = {"from": "19:30", "until": "07:00", "timezone": "Asia/Taipei", "most_a_day": 1}
    shop.must(own, path, quiet)
    assert shop.get(own, path).json == {"number": member["number"], **quiet}
    for wrong in (quiet | {"timezone": "Mars/Olympus"}, quiet | {"from": None}):
        assert shop.post(own, path, wrong).json["code"] == "malformed-field"
    assert shop.post("grocer", path, quiet).status_code == 403
    case = case_of(shop, member)
    shop.must(second, f"/v1/cases/{case}/approval")
    notice(shop, case)
    assert delivered(shop, tmp_path) == []
    shop.at = format_instant(NOON + timedelta(hours=11))
    assert len(delivered(shop, tmp_path)) == 1, "seven in the morning, and one a day"
    later(shop, hours=23)
    assert delivered(shop, tmp_path) == []
    later(shop, hours=1)
    assert len(delivered(shop, tmp_path)) == 1


def test_who_moves_the_quiet_hours_again_and_again_keeps_a_notice_from_nobody(
    shop: Shop, second: str, tmp_path: Path
) -> None:
    ways = [{"kind": "phone", "value": "+14155550110"}]
    member = shop.must("grocer", "/v1/members", {"custody": "custodial", "identities": ways})
    own, path = shop.key_for("member", member["number"]), f"/v1/members/{member['number']}/quiet-hours"
    case = case_of(shop, member)
    shop.must(second, f"/v1/cases/{case}/approval")
    notice(shop, case)
    for since, until in (("11:30", "11:00"), ("10:30", "10:00")):
        shop.must(own, path, {"from": since, "until": until, "timezone": "UTC"})
        assert delivered(shop, tmp_path) == []
        later(shop, hours=23)
    shop.must(own, path, {"from": "09:30", "until": "09:00", "timezone": "UTC"})
    assert len(delivered(shop, tmp_path)) == 1


def test_a_notice_that_nobody_takes_is_tried_until_the_case_is_over(
    shop: Shop, second: str, tmp_path: Path
) -> None:
    phone = [{"kind": "phone", "value": "+14155550108"}]
    member = shop.must("grocer", "/v1/members", {"custody": "custodial", "identities": phone})
    stays = shop.must("grocer", "/v1/members", {"custody": "custodial", "identities": [
        {"kind": "email", "value": "li@example.org"}]})  # fmt: skip
    case = merge_of(shop, member["number"], stays["number"])
    shop.must(second, f"/v1/cases/{case}/approval")
    notice(shop, case)
    away = Away()
    for _ in range(3):
        bring(shop, away)
        bring(shop, away)
        later(shop, hours=1)
    assert len(away.asked) == 6 and len(set(away.asked)) == 2
    shop.must("operator", f"/v1/members/{stays['number']}/erase")
    assert [one["channel"] for one in delivered(shop, tmp_path)] == ["phone"]
    later(shop, days=8)
    bring(shop, away)
    assert len(away.asked) == 6
