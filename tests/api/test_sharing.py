"""Sharing over HTTP: a campaign, a link, a newcomer, what its purchase pays, a review and its evidence."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ledger_service.api.administration import Administration
from ledger_service.api.door import Body
from ledger_service.api.endpoints.share import ShareDoor
from ledger_service.api.errors import RateLimited
from ledger_service.api.limits import Buckets, Policy
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Call
from ledger_service.kernel.clock import parse_instant
from ledger_service.referrals.links.errors import ShareLinkUnknown
from ledger_service.referrals.links.rules import commitment_of
from ledger_service.referrals.rewards import fraud_rules
from ledger_service.referrals.rewards.rules import STATES
from ledger_service.web.screens import share_rewards as screens
from ledger_service.web.wording import LANGUAGES
from tests.api.offices import browser
from tests.api.service import GROCER, Shop, basket
from tests.api.test_administration import NEXT_PHONE, with_phone
from tests.api.test_coupons import offer
from tests.api.test_pages import all_pages
from tests.web.conftest import Browser

BASE = "/v1/share/campaigns"
TERMS = {"trigger": "first-purchase", "sharer_points": 100, "newcomer_points": 50, "vest_days": 0}
NEW = {
    "code": "SPRING", "merchant": GROCER, "programme": "GROC", "name": "春 spring", "terms": TERMS,
    "budget": {"points": 1_000, "rewards": 10},
}  # fmt: skip
BROWSER = "Mozilla/5.0 (iPhone) MicroMessenger/8.0"


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def live(shop: Shop, **changes: Any) -> None:
    shop.must("grocer", BASE, NEW | changes)
    shop.must("operator", f"{BASE}/SPRING/decision", {"approve": True})
    shop.must("grocer", f"{BASE}/SPRING/state", {"state": "live"})


def sharer(shop: Shop) -> tuple[str, str, str]:
    """A member's key, its link and its number."""
    number = with_phone(shop)["number"]
    key = shop.key_for("member", number)
    link = {"campaign": "SPRING", "channel": "wechat-group"}
    made = shop.must(key, "/v1/share/links", link)
    assert shop.must(key, "/v1/share/links", link)["code"] == made["code"]
    return key, made["code"], number


def touch(shop: Shop, code: str, visit: int = 1, agent: str = BROWSER) -> Any:
    body = {"link": code, "visit": f"{visit:032x}", "agent": agent}
    return shop.post("", "/v1/share/touches", body)


def job(shop: Shop) -> None:
    rewards, at = shop.serving.sharing.rewards, parse_instant(shop.at, "at")
    rewards.follow(at)
    rewards.take_back(at)
    rewards.pay_due(at)


def newcomer(shop: Shop, code: str) -> tuple[str, str]:
    """A member that enrolled over the link, and its number."""
    touched = touch(shop, code).json
    assert touched == touch(shop, code).json
    shop.at = "2017-03-01T13:00:00Z"
    number = shop.must("grocer", "/v1/members", {"custody": "custodial", "touch": touched["touch"]})["number"]
    return shop.key_for("member", number), number


def test_a_newcomers_first_purchase_pays_both_and_everybody_sees_why(any_shop: Shop) -> None:
    shop = any_shop
    live(shop)
    key, code, _ = sharer(shop)
    shown = shop.get("", f"/v1/share/links/{code}/offer").json
    assert (shown["name"], shown["newcomer_points"], "member" in shown) == ("春 spring", 50, False)
    assert b"<svg" in shop.get("", f"/v1/share/links/{code}/qr").data
    friend, number = newcomer(shop, code)
    shop.at = "2017-03-01T14:00:00Z"
    sale = shop.must("grocer-till", "/v1/sales", basket() | {"member": {"number": number}})["sale_id"]
    job(shop)
    mine = shop.get(key, "/v1/share/rewards").json["rewards"]
    assert [(r["role"], r["points"], r["state"]) for r in mine] == [("sharer", 100, "granted")]
    assert len(all_pages(shop, "grocer", "/v1/share/rewards", "rewards")) == 2
    assert shop.get("fuel", "/v1/share/rewards").json["rewards"] == []
    other = shop.get("fuel", f"/v1/share/rewards/{mine[0]['reward']}")
    assert code_of(other) == (404, "share-reward-unknown")
    shown = shop.get(key, f"/v1/share/rewards/{mine[0]['reward']}").json
    assert [event["kind"] for event in shown["events"]] == ["due", "granted"]
    path = f"{BASE}/SPRING/purchases/{sale}"
    proof = shop.get(friend, path).json
    opened = commitment_of(bytes.fromhex(proof["salt"]), proof["body"]).hex()
    assert (opened, proof["opens"], proof["again"]) == (proof["commitment"]["hash"], True, 1)
    stranger = shop.key_for("member", with_phone(shop, NEXT_PHONE)["number"])
    assert code_of(shop.get(stranger, path)) == (404, "share-purchase-unknown")
    funnel = shop.get("grocer", f"{BASE}/SPRING/funnel").json
    assert funnel["channels"] == [
        {"channel": "wechat-group", "links": 1, "touches": 1, "machines": 0, "followed": 1, "enrolled": 1}
    ]
    assert [(row["outcome"], row["first"]) for row in funnel["purchases"]] == [("rewarded", 1)]
    before = shop.get("grocer", f"{BASE}/SPRING/funnel?at=2017-03-01T12:30:00Z").json
    assert (before["channels"][0]["touches"], before["channels"][0]["enrolled"]) == (1, 0)
    shop.must("operator", f"/v1/members/{number}/erase")
    assert shop.get(key, path).json["opens"] is True


def test_a_campaign_is_asked_for_and_decided_by_two_and_keeps_its_budget(any_shop: Shop) -> None:
    shop = any_shop
    asked = shop.must("grocer", BASE, NEW, key="c")
    assert shop.must("grocer", BASE, NEW, key="c") == asked
    assert code_of(shop.post("grocer", BASE, NEW)) == (409, "share-campaign-taken")
    assert code_of(shop.post("fuel", BASE, NEW)) == (403, "not-yours")
    nobody = NEW | {"code": "EMPTY", "terms": {"trigger": "first-purchase"}}
    assert code_of(shop.post("grocer", BASE, nobody)) == (422, "share-terms-refused")
    unknown = NEW | {"code": "EMPTY", "terms": TERMS | {"sharer_coupon": 999_999}}
    assert code_of(shop.post("grocer", BASE, unknown)) == (422, "share-terms-refused")
    decision, state = f"{BASE}/SPRING/decision", f"{BASE}/SPRING/state"
    assert code_of(shop.post("grocer", decision, {"approve": True})) == (403, "second-person-needed")
    assert code_of(shop.post("fuel", decision, {"approve": True})) == (404, "share-campaign-unknown")
    assert code_of(shop.post("grocer", state, {"state": "live"})) == (409, "share-campaign-state-wrong")
    shop.must("operator", decision, {"approve": True})
    shop.must("grocer", state, {"state": "live"})
    assert shop.must("grocer", f"{BASE}/SPRING/versions", {"terms": TERMS | {"second_points": 10}})
    versions = shop.get("auditor", f"{BASE}/SPRING").json["versions"]
    assert [(v["state"], v["depth"]) for v in versions] == [("approved", 1), ("draft", 2)]
    _, number = newcomer(shop, sharer(shop)[1])
    shop.at = "2017-03-01T14:00:00Z"
    shop.must("grocer-till", "/v1/sales", basket() | {"member": {"number": number}})
    job(shop)
    small = {"points": 149, "rewards": 10}
    assert code_of(shop.post("grocer", f"{BASE}/SPRING/budget", small)) == (422, "share-budget-too-small")
    budget = shop.must("grocer", f"{BASE}/SPRING/budget", {"points": 150, "rewards": 2})["budget"]
    assert budget == {
        "points": 150, "rewards": 2, "coupons": 0, "used_points": 150, "used_rewards": 2, "used_coupons": 0,
    }  # fmt: skip
    assert [row["code"] for row in all_pages(shop, "grocer", BASE, "campaigns")] == ["SPRING"]
    assert shop.get("fuel", BASE).json["campaigns"] == []


def test_a_coupon_for_the_newcomer_is_offered_given_used_and_told(shop: Shop) -> None:
    definition = offer(shop)
    gifts = {"trigger": "first-purchase", "sharer_points": 100, "newcomer_coupon": definition, "vest_days": 1}
    live(shop, terms=gifts, budget={"points": 500, "rewards": 5, "coupons": 5})
    key, code, _ = sharer(shop)
    offered = shop.get("", f"/v1/share/links/{code}/offer").json
    assert (offered["newcomer_points"], offered["newcomer_coupon"]) == (0, {})
    assert shop.get(key, "/v1/share/offers").json["offers"][0]["sharer_coupon"] is None
    friend, number = newcomer(shop, code)
    member = {"member": {"number": number}}
    shop.at = "2017-03-01T14:00:00Z"
    shop.must("grocer-till", "/v1/sales", basket() | member)
    job(shop)
    rewards = shop.get(friend, "/v1/share/rewards").json["rewards"]
    assert [(r["pays"], r["definition"], r["points"], r["state"]) for r in rewards] == [
        ("coupon", definition, 0, "due")
    ]
    wallet = f"/v1/members/{number}/coupons"
    assert shop.get(friend, wallet).json["coupons"] == []
    shop.at = "2017-03-02T14:00:00Z"
    job(shop)
    mine = shop.get(friend, wallet).json["coupons"]
    assert [(c["coupon"], c["source"]) for c in mine] == [(rewards[0]["reward"], "share:SPRING")]
    sold = shop.must("grocer-till", "/v1/sales", basket() | member | {"coupons": {"wallet": True}})
    assert [one["coupon"] for one in sold["coupons"]["applied"]] == [mine[0]["coupon"]]
    budget = shop.get("grocer", f"{BASE}/SPRING").json["campaign"]["budget"]
    assert (budget["used_points"], budget["used_rewards"], budget["used_coupons"]) == (100, 2, 1)


def test_links_that_are_forged_ended_foreign_or_ones_own_lead_nowhere(shop: Shop) -> None:
    live(shop)
    key, code, _ = sharer(shop)
    forged = code[:-1] + ("0" if code[-1] != "0" else "1")
    assert code_of(touch(shop, forged)) == (404, "share-link-unknown")
    assert code_of(shop.get("", f"/v1/share/links/{forged}/qr")) == (404, "share-link-unknown")
    assert touch(shop, code.upper(), 2, "WhatsApp/2.23").json["counted"] is False
    own = touch(shop, code, 3).json["touch"]
    assert code_of(shop.post(key, "/v1/share/follows", {"touch": own})) == (422, "share-own-link")
    other = shop.key_for("member", with_phone(shop, NEXT_PHONE)["number"])
    unknown = shop.post(other, "/v1/share/follows", {"touch": "0" * 32})
    assert code_of(unknown) == (404, "share-touch-unknown")
    for visit in range(4, 36):
        followed = touch(shop, code, visit).json["touch"]
        shop.must(other, "/v1/share/follows", {"touch": followed})
    more = shop.post(other, "/v1/share/follows", {"touch": touch(shop, code, 36).json["touch"]})
    assert code_of(more) == (422, "share-bind-limit-reached")
    assert code_of(shop.post(other, f"/v1/share/links/{code}/end")) == (404, "share-link-unknown")
    assert len(all_pages(shop, key, "/v1/share/links", "links")) == 1
    shop.must(key, f"/v1/share/links/{code}/end")
    assert code_of(touch(shop, code, 37)) == (410, "share-link-ended")
    till = {"campaign": "SPRING", "place": "till 1", "cashier": "ann"}
    handed = shop.must("grocer", "/v1/share/live-codes", till)
    again = shop.must("grocer", "/v1/share/live-codes", till | {"cashier": "bob"})
    assert (again["code"], again["cashier"]) == (handed["code"], "bob")
    assert code_of(shop.post("fuel", "/v1/share/live-codes", till)) == (404, "share-campaign-unknown")


def test_a_link_leads_to_a_page_where_coming_back_counts_once_and_one_tap_follows(shop: Shop) -> None:
    live(shop)
    _, code, _ = sharer(shop)
    browser = Browser(shop.client)
    to = browser.get(f"/s/{code}").headers["Location"]
    assert re.fullmatch(f"/s/{code}/[0-9a-f]{{32}}", to)
    shown = [Browser(shop.client, language).get(to).get_data(as_text=True) for language in LANGUAGES]
    touched = {re.findall("<code>([0-9a-f]{32})</code>", page)[0] for page in shown}
    assert len(touched) == 1 and len({page.partition("<h2>")[2] for page in shown}) == len(LANGUAGES)
    other = shop.key_for("member", with_phone(shop, NEXT_PHONE)["number"])
    browser.get("/enter")
    assert browser.post("/enter", key=other, to=to).headers["Location"] == to
    browser.get(to)
    assert "Done. Your next purchase counts." in browser.post(to).get_data(as_text=True)
    assert browser.get("/s/000000000000").headers["Location"].startswith("/s/000000000000/")
    assert browser.get(f"/s/000000000000/{'0' * 32}").status_code == 404
    funnel = shop.get("grocer", f"{BASE}/SPRING/funnel?at=2100-01-01T00:00:00Z").json["channels"]
    assert [(one["touches"], one["followed"]) for one in funnel] == [(1, 1)]


def held_reward(shop: Shop, key: str, own_number: str, code: str) -> tuple[str, str]:
    """The reward of a member, held because the newcomer has its device; and the newcomer's key."""
    friend, number = newcomer(shop, code)
    for member in (number, own_number):
        shop.must("grocer", "/v1/share/signals", {"member": member, "kind": "device", "signal": "imei 1"})
    shop.at = "2017-03-01T14:00:00Z"
    shop.must("grocer-till", "/v1/sales", basket() | {"member": {"number": number}})
    job(shop)
    held = shop.get(key, "/v1/share/rewards?state=held").json["rewards"][0]
    assert held["reasons"] == ["same-device"]
    return str(held["reward"]), friend


def refused_reward(shop: Shop, key: str, own_number: str, code: str) -> str:
    """A reward that the merchant has refused."""
    reward, _ = held_reward(shop, key, own_number, code)
    refusal = {"step": "refuse", "reason": "one phone"}
    assert shop.must("grocer", f"/v1/share/rewards/{reward}/steps", refusal) == {"state": "refused"}
    return reward


def test_one_device_is_held_refused_and_appealed(shop: Shop) -> None:
    live(shop)
    key, code, own_number = sharer(shop)
    reward, friend = held_reward(shop, key, own_number, code)
    path = f"/v1/share/rewards/{reward}"
    refused = shop.must("grocer", f"{path}/steps", {"step": "refuse", "reason": "one phone"}, key="r")
    assert refused == {"state": "refused"}
    assert shop.must("grocer", f"{path}/steps", {"step": "refuse", "reason": "one phone"}, key="r") == refused
    late = shop.post("grocer", f"{path}/steps", {"step": "release", "reason": "no"})
    assert code_of(late) == (409, "share-reward-step-refused")
    assert code_of(shop.post(friend, f"{path}/appeal", {"reason": "x"})) == (404, "share-reward-unknown")
    mine = browser(shop, key)
    assert f'href="/me/rewards/{reward}"' in mine.open("/me/share").text
    page = mine.open(f"/me/rewards/{reward}").text
    assert ("one phone" in page, "The friend uses the same device." in page) == (True, True)
    sent = mine.send(f"/me/rewards/{reward}", reason="we are sisters").location
    assert "somebody else now" in mine.open(sent).text
    assert mine.send(f"/me/rewards/{reward}", reason="again").status_code == 409
    desk = f"/approvals/rewards/{reward}"
    for who, status in (("grocer", 403), ("operator", 303)):
        office = browser(shop, who)
        assert reward[:8] in office.open("/approvals/rewards").text
        assert "we are sisters" in office.open(desk).text
        assert office.send(desk, deed="step-reward", step="release", reason="true").status_code == status
    assert shop.get(key, path).json["reward"]["state"] == "due"
    assert (screens.REASONS, screens.APPEAL_DAYS) == (fraud_rules.REASONS, fraud_rules.APPEAL_DAYS)
    assert set(screens.STATES) == set(STATES)


def test_a_flood_of_touches_on_one_link_is_told_to_wait_and_others_are_not(shop: Shop) -> None:
    live(shop)
    _, code, _ = sharer(shop)
    parts, s = shop.serving.sharing, shop.serving
    flood = Buckets(Policy("touch", 1, 3), lambda: 0)
    door = ShareDoor(
        Administration(s.writer, s.foundations.database, b""), Cursors(b""), s.writer, parts.links,
        parts.binder, flood, "",
    )  # fmt: skip
    at = parse_instant(shop.at, "at")

    def send(link: str, visit: int) -> Any:
        body = Body({"link": link, "visit": f"{visit:032x}", "agent": BROWSER}, b"")
        return door.touch(Call(None, at, "", {}, {}, body, ""))

    assert [send(code, visit).body["counted"] for visit in range(3)] == [True] * 3
    with pytest.raises(RateLimited):
        send(code, 4)
    with pytest.raises(ShareLinkUnknown):
        send("0" * 12, 5)
