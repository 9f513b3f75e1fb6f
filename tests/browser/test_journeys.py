"""What people do on the pages, played in Chromium: pay, give goods back, give a coupon, settle, look up."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.api.test_settlement import MICROS
from tests.browser import axe
from tests.browser.conftest import Opening, Street
from tests.browser.door import PHONE, Look, log_in, opened
from tests.browser.eyes import qr_of
from tests.browser.furniture import person

_SALE = re.compile("[0-9a-f]{32}")


def fill_basket(till: Page, member: str, price: str, points: str = "", pieces: str = "1") -> None:
    till.goto("/till")
    till.locator("#member").fill(member)
    till.locator("#article_1").fill("Tea")
    till.locator("#quantity_1").fill(pieces)
    till.locator("#amount_1").fill(price)
    till.locator("#points").fill(points)


def sell(till: Page) -> None:
    till.locator("button[value=sell]").click()
    expect(till.locator(".receipt")).to_be_visible()


def balance(page: Page) -> int:
    """The member's points of the grocer as its page shows them."""
    page.goto("/me")
    card = page.locator(".figures .card", has_text="GROC points")
    return int(card.locator("strong").inner_text().replace(",", ""))


def test_a_code_read_off_the_phones_screen_pays_at_another_merchants_till(
    street: Street, entered: Opening
) -> None:
    phone, till = entered("member", PHONE), entered("fuel-till")
    before = balance(phone)
    phone.locator("main a[href='/me/pay']").click()
    phone.locator(".code img").evaluate("image => image.decode()")
    # The connection is lost: what is shown goes on working until its end.
    phone.context.set_offline(True)
    scanned = qr_of(phone.screenshot())
    fill_basket(till, scanned, "10.00", points="5.00")
    till.locator("button[value=quote]").click()
    expect(till.locator(".total")).to_have_text("$5.00")
    sell(till)
    expect(till.locator(".receipt")).to_contain_text("GROC −500")
    phone.context.set_offline(False)
    assert balance(phone) == before - 500
    phone.goto("/me/history")
    expect(phone.locator(".list")).to_contain_text("-500 GROC points")
    # The same picture a second time is worth nothing.
    fill_basket(till, scanned, "10.00", points="5.00")
    till.locator("button[value=sell]").click()
    expect(till.locator(".alert")).to_be_visible()
    assert balance(phone) == before - 500


def test_goods_come_back_by_their_pieces(street: Street, entered: Opening) -> None:
    till = entered("grocer-till")
    number = person(street.shop, "returner", "Return")
    fill_basket(till, number, "4.00", pieces="3")
    sell(till)
    sale = _SALE.search(till.locator(".receipt").inner_text())
    assert sale is not None
    till.goto(f"/till/returns?sale={sale[0]}")
    till.locator("input[name=back_1]").fill("2")
    till.locator("form[action^='/till/returns/'] button").click()
    expect(till.locator(".receipt")).to_contain_text("8.00")
    till.goto(f"/till/returns?sale={sale[0]}")
    expect(till.locator("td.number").nth(1)).to_have_text("1")


def test_a_coupon_off_a_leaflet_is_taken_and_given_to_a_friend(street: Street, entered: Opening) -> None:
    phone, friend = entered("member", PHONE), entered("friend", PHONE)
    friend.goto("/me/coupons")
    theirs = friend.locator(".row").count()
    phone.goto("/me/coupons")
    phone.locator("#code").fill(street.places["paper"].lower())
    phone.locator("#code").press("Enter")
    expect(phone.locator(".done")).to_be_visible()
    giving = phone.locator(".row form[action$='/gift']")
    mine = giving.count()
    giving.first.locator("input[name=to]").fill(street.places["friend"])
    giving.first.locator("button").click()
    expect(phone.locator(".done")).to_be_visible()
    expect(giving).to_have_count(mine - 1)
    friend.goto("/me/coupons")
    expect(friend.locator(".row")).to_have_count(theirs + 1)


def test_a_merchant_confirms_the_net_that_it_sees(street: Street, entered: Opening) -> None:
    office = entered("merchant")
    office.goto("/merchant/settlement")
    office.locator("a[href='/merchant/settlement/1']").click()
    before = len(street.shop.registry.acts)
    office.locator("form[action$='/confirm'] button").click()
    expect(office.locator(".done")).to_be_visible()
    (act,) = street.shop.registry.acts[before:]
    assert (act[0], act[1].net_micros) == ("confirm", -MICROS)


def test_an_auditor_finds_an_entry_its_leaf_and_its_proof(street: Street, entered: Opening) -> None:
    desk = entered("auditor")
    desk.goto("/audit/operation")
    desk.locator("#s-operation").fill(street.places["operation"])
    desk.locator("#s-operation").press("Enter")
    expect(desk.locator("pre").first).to_contain_text('"final": true')
    expect(desk.locator("pre").first).to_contain_text(street.places["operation"])
    # Numbers of the chain have their words beside them.
    expect(desk.locator("main")).to_contain_text("Earned (0)")
    expect(desk.locator("main")).to_contain_text(re.compile(r"[A-Z]+ \(\d+\)"))


def test_a_till_is_worked_by_keyboard_alone(street: Street, entered: Opening) -> None:
    till = entered("grocer-till")
    number = person(street.shop, "typed", "Typed")
    keys = till.keyboard
    till.goto("/till")
    for text in (number, "4006381333931", "2", "1.50", "4006381333931", "1", "2.00"):
        expect(till.locator(":focus")).to_have_js_property("tagName", "INPUT")
        keys.type(text) if text not in "12" else till.locator(":focus").fill(text)
        keys.press("Enter")
    for _ in range(8):
        if till.locator("button[value=sell]:focus").count():
            break
        keys.press("Tab")
    keys.press("Enter")
    expect(till.locator(".receipt")).to_contain_text("5.00")
    keys.press("Enter")
    till.wait_for_url("**/till")
    expect(till.locator("#member")).to_be_focused()


def test_a_newcomer_enrols_by_keyboard_alone_and_shows_a_pay_code(street: Street, chromium: Browser) -> None:
    phone = opened(chromium, street.url, Look(PHONE))
    phone.goto("/enter?as=member")
    phone.locator("#name").focus()
    phone.keyboard.type("新來 New")
    phone.keyboard.press("Enter")
    phone.wait_for_url("**/me/passkeys?new=1")
    expect(phone.locator(".note[role=status]")).to_be_visible()
    phone.goto("/me/pay")
    phone.locator(".code img").evaluate("image => image.decode()")
    assert qr_of(phone.screenshot())
    phone.context.close()


def test_a_rule_is_tried_by_keyboard_alone_before_it_is_published(street: Street, entered: Opening) -> None:
    office = entered("merchant")
    office.goto("/merchant/programmes/GROC")
    summary = office.locator(".deeds summary").first
    summary.focus()
    keys = office.keyboard
    keys.press("Enter")
    form = office.locator("form[action$='/earn-rules/trial']")
    form.locator("input[name=effective_from]").fill("2017-06-01T00:00")
    form.locator("input[name='earn.points']").focus()
    keys.type("3")
    keys.press("Tab")
    keys.type("1")
    keys.press("Enter")
    expect(office.locator(".note[role=status]")).to_be_visible()
    expect(office.locator("form[action$='/earn-rules'] input[name='earn.points']")).to_have_value("3")


# A phone that asks for a finger, and gets it.
_PHONES_OWN = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def test_a_passkey_is_added_opens_the_pages_and_is_removed(street: Street, chromium: Browser) -> None:
    person(street.shop, "finger", "指纹")
    phone = log_in(chromium, street.named, street.shop.keys["finger"], Look(PHONE))
    device = phone.context.new_cdp_session(phone)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": _PHONES_OWN})
    phone.goto("/me/passkeys/new")
    expect(phone.locator("#label")).to_be_visible()
    axe.load(phone)
    assert axe.findings(phone, axe.EVERYTHING) == []
    phone.locator("#label").fill("My 手机")
    phone.locator("#label").press("Enter")
    expect(phone.locator(".done")).to_be_visible()
    for removed in (False, True):
        phone.locator("form[action='/leave'] button").click()
        phone.goto("/enter")
        opening = phone.locator("form[data-passkey=show] button")
        expect(opening).to_be_visible()
        opening.click()
        if removed:
            expect(phone.locator("main > .alert")).to_be_visible()
            break
        phone.wait_for_url("**/me")
        phone.goto("/me/passkeys")
        expect(phone.locator(".list")).to_contain_text("My 手机")
        phone.locator(".row .danger").click()
        expect(phone.locator(".done")).to_be_visible()
    phone.context.close()
