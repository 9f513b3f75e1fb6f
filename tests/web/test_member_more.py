"""A member shares and sees what came of it, scans and claims an item, sets its PIN and loses its card."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from ledger_service.coupons.stored.rules import Kind
from ledger_service.coupons.terms.values import GiftRule, Ticket
from ledger_service.coupons.tickets import rules as tickets
from ledger_service.kernel.clock import parse_instant
from ledger_service.referrals.campaigns.rules import Trigger
from ledger_service.referrals.links.rules import Channel
from ledger_service.referrals.rewards.rules import STATES
from ledger_service.traceability.scanning.rules import Verdict
from ledger_service.web.wording import LANGUAGES, words
from tests.api.service import FUEL, GROCER, NOON, Shop
from tests.api.test_coupons import codes_of, offer
from tests.api.test_sharing import live, touch
from tests.api.test_tickets import sold as ticket
from tests.api.test_value_cards import money, printed
from tests.api.without_phone import card_of
from tests.integration.traceability.stock import GTIN, stock_up
from tests.web.conftest import Browser

Enter = Callable[..., Browser]


def test_a_link_is_made_led_somewhere_and_ended(enter: Enter, web_shop: Shop) -> None:
    live(web_shop)
    browser = enter("member")
    page = browser.get("/me/share").text
    assert ("春 spring" in page, "100 points for you, 50 for the friend" in page) == (True, True)
    made = browser.post("/me/share", campaign="SPRING", channel="paper").headers["Location"]
    code = made.rpartition("/")[2]
    touch(web_shop, code)
    touch(web_shop, code, visit=2, agent="curl/8.5")
    steps = web_shop.get("member", f"/v1/share/links/{code}/funnel").json
    assert steps == {"url": steps["url"], "touches": 1, "machines": 1, "followed": 0, "enrolled": 0}
    poster = browser.get(made).text
    assert (steps["url"].endswith(f"/s/{code}"), steps["url"] in poster) == (True, True)
    assert browser.get(f"{made}/image").mimetype == "image/svg+xml"
    stranger = web_shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    key = web_shop.key_for("member", stranger)
    assert web_shop.get(key, f"/v1/share/links/{code}/funnel").json["code"] == "share-link-unknown"
    browser.get(made)
    assert browser.post(f"{made}/end").headers["Location"] == "/me/share"
    assert "is over" in browser.get(made).text
    assert [browser.get(f"/me/share/{odd}").status_code for odd in ("none", "%E8%8C%B6")] == [404, 404]
    refused = browser.post("/me/share", campaign="NONE", channel="paper")
    assert (refused.status_code, 'role="alert"' in refused.text) == (404, True)


def test_a_coupon_is_shown_with_what_became_of_it(enter: Enter, web_shop: Shop) -> None:
    code = codes_of(web_shop, offer(web_shop))[0]
    number = web_shop.keys["member-number"]
    coupon = web_shop.must("member", f"/v1/members/{number}/coupons", {"code": code})["coupon"]
    browser = enter("member")
    assert f'href="/me/coupons/{coupon}"' in browser.get("/me/coupons").text
    shown = browser.get(f"/me/coupons/{coupon}").text
    assert words("en")["coupon.was_claimed"] in shown and 'href="/me/pay"' in shown
    assert browser.get(f"/me/coupons/{'0' * 32}").status_code == 404


def test_what_may_be_given_no_further_offers_no_gift(enter: Enter, web_shop: Shop) -> None:
    """A coupon that was given once, and one that is never given, had a button that was always refused."""
    friend = web_shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    web_shop.keys["friend"] = web_shop.key_for("member", friend)
    ways = {rule: offer(web_shop, FUEL, rule) for rule in GiftRule}
    number = web_shop.keys["member-number"]
    for rule, definition in ways.items():
        to = {"definition": definition, "members": [number], "reference": rule.value}
        web_shop.must("fuel", "/v1/coupon-grants", to)
    wallet = web_shop.get("member", f"/v1/members/{number}/coupons").json["coupons"]
    held = {rule: next(one["coupon"] for one in wallet if one["definition"] == definition)
            for rule, definition in ways.items()}  # fmt: skip
    browser = enter("member")
    shown = {rule: f"/me/coupons/{one}/gift" in browser.get("/me/coupons").text for rule, one in held.items()}
    assert shown == {GiftRule.NONE: False, GiftRule.ONCE: True, GiftRule.ALLIANCE: True}
    for rule in (GiftRule.ONCE, GiftRule.ALLIANCE):
        browser.get("/me/coupons")
        given = browser.post(f"/me/coupons/{held[rule]}/gift", to=friend)
        assert given.status_code == 200
    page = enter("friend").get("/me/coupons").text
    assert {rule: f"/me/coupons/{one}/gift" in page for rule, one in held.items()} == {
        GiftRule.NONE: False, GiftRule.ONCE: False, GiftRule.ALLIANCE: True,
    }  # fmt: skip


def test_a_wallet_goes_on_at_its_own_page_also_after_a_form(enter: Enter, web_shop: Shop) -> None:
    """The next page was looked for under the gift that was sent, where there is none."""
    definition = offer(web_shop, FUEL)
    number = web_shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    web_shop.keys["collector"] = web_shop.key_for("member", number)
    for n in range(51):
        to = {"definition": definition, "members": [number], "reference": f"many {n}"}
        web_shop.must("fuel", "/v1/coupon-grants", to)
    browser = enter("collector")
    held = browser.get("/me/coupons").text.partition('action="/me/coupons/')[2].partition("/")[0]
    page = browser.post(f"/me/coupons/{held}/gift", to="952")
    more = re.search(r'class="more"><a href="([^"]+)"', page.text)
    assert page.status_code == 400 and more is not None
    assert browser.get(more[1]).status_code == 200


def test_an_item_that_was_claimed_is_listed_in_the_members_language(enter: Enter, web_shop: Shop) -> None:
    at, serving = parse_instant(web_shop.at, "at"), web_shop.serving
    stock = stock_up(serving.foundations.database, serving.secrets.one_time, int(GROCER), at)
    terms = {"programme": "GROC", "points": 7}
    assert web_shop.put("grocer", f"/v1/products/{GTIN}/claim-terms", terms).status_code == 200
    browser = enter("member", "zh-Hant")
    assert 'action="/item"' in browser.get("/me/items").text
    browser.get(f"/item?code={stock.code(0)}")
    assert browser.post("/item", code=stock.code(0), pin=stock.pin(0)).status_code == 200
    page = browser.get("/me/items").text
    assert ("茶" in page, "+7 " in page) == (True, True)
    # What no sale gave has a proof and no receipt.
    claimed = next(row for row in browser.get("/me/history").text.split("<li") if "+7 " in row)
    assert ("/me/history/" in claimed, "/me/receipts/" in claimed) == (True, False)


def test_a_pin_is_set_and_a_card_ended(enter: Enter, web_shop: Shop) -> None:
    card = card_of(web_shop, web_shop.keys["member-number"])
    browser = enter("member")
    page = browser.get("/me/card").text
    assert f"ending in {card[-4:]}" in page
    easy = browser.post("/me/card/pin", pin="1234")
    assert (easy.status_code, "too easy" in easy.text) == (422, True)
    browser.get("/me/card")
    assert "in force" in browser.post("/me/card/pin", pin="2580").text
    card_id = page.partition('name="card_id" value="')[2][:16]
    browser.get("/me/card")
    ended = browser.post("/me/card/lost", card_id=card_id)
    assert (ended.status_code, "serves nobody" in ended.text) == (200, True)


def test_what_was_paid_for_is_shown_given_on_and_its_money_followed(enter: Enter, web_shop: Shop) -> None:
    ball = Ticket("舞會", NOON + timedelta(days=5_000), 2_500)
    code, other = printed(web_shop, 2, "HK", ball, gift=GiftRule.ONCE)
    own = {"member": web_shop.keys["member-number"]}
    for one in (code, other):
        web_shop.must("cashier", "/v1/tickets", ticket(one, **own))
    (card,) = printed(web_shop)
    web_shop.must("cashier", "/v1/value-cards", money(card, 900, **own))
    browser = enter("member", "zh-Hant")
    page = browser.get("/me/paid").text
    assert ("舞會" in page, "儲值卡" in page, code in page or card in page) == (True, True, False)
    image = page.partition('src="/me/paid/tickets/')[2].partition('"')[0]
    assert browser.get(f"/me/paid/tickets/{image}").mimetype == "image/svg+xml"
    browser.get("/me/paid")
    gift = f"/me/paid/tickets/{image.partition('/')[0]}/gift"
    friend = web_shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    given = browser.post(gift, to=friend)
    assert (given.status_code, given.text.count("/image")) == (200, 1)
    held = page.partition('href="/me/paid/cards/')[2].partition('"')[0]
    assert "購卡" in browser.get(f"/me/paid/cards/{held}").text
    assert browser.get(f"/me/paid/cards/{'0' * 32}").status_code == 404


def test_every_word_that_the_books_use_has_one_for_the_member() -> None:
    keys = {
        *(f"trigger.{one}" for one in Trigger), *(f"channel.{one}" for one in Channel),
        *(f"state.{one}" for one in (*STATES, *tickets.STATES, "called-off", "over")),
        *(f"paid.{one}" for one in Kind), *(f"verdict.{one}" for one in Verdict),
    }  # fmt: skip
    for language in LANGUAGES:
        assert keys <= words(language).keys()
