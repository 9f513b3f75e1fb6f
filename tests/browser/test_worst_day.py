"""The worst day: two clicks, a held key, the way back, a connection that goes, others at the screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect

from ledger_service.bootstrap.pages import InProcessApi
from ledger_service.web.ports import Answer, Ask
from tests.api.service import GROCER, basket
from tests.api.test_value_cards import printed
from tests.browser import axe
from tests.browser.conftest import Opening, Street
from tests.browser.door import PHONE, WIDE, Look, log_in
from tests.browser.furniture import person

Writes = list[tuple[str, str]]
# As long as a till's line takes on a bad day, so that the second click finds the page still there.
_SLOW_MS = 250


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    """Path and key of every write that pages ask for."""
    seen: Writes = []
    call = InProcessApi.call

    def noted(api: InProcessApi, who: Any, ask: Ask, address: str = "") -> Answer:
        if ask.key:
            seen.append((ask.path, ask.key))
        return call(api, who, ask, address)

    monkeypatch.setattr(InProcessApi, "call", noted)
    return seen


@dataclass(frozen=True)
class Form:
    """A form that moves money or points: who has it, where it stands, what is typed, what it asks for."""

    who: str
    at: str
    action: str
    asks: str
    typed: dict[str, str] = field(default_factory=dict)
    button: str = "button"


def _sold(street: Street, member: str) -> str:
    body = basket(amount=900, member={"number": member}, reference="to-return")
    return str(street.shop.must("grocer-till", "/v1/sales", body)["sale_id"])


def _asked(street: Street, member: str) -> str:
    wish = {"member": member, "programme": "GROC", "points": 5, "reason": "goodwill", "note": "n"}
    return str(street.shop.must("operator", "/v1/adjustments", {**wish, "funder": GROCER})["adjustment"])


def _taken(street: Street) -> str:
    """A fresh coupon in the wallet of the member, which is in the shop's own language ``member``."""
    wallet = f"/v1/members/{street.places['member']}/coupons"
    return str(street.shop.must("member", wallet, {"code": street.places["spare"]})["coupon"])


FORMS: dict[str, Callable[[Street, str], Form]] = {
    "sale": lambda street, member: Form(
        "grocer-till", "/till", "/till", "/v1/sales", {"member": member, "amount_1": "3.00"},
        "button[value=sell]"),
    "refund": lambda street, member: Form(
        "grocer-till", f"/till/returns?sale={(sale := _sold(street, member))}", f"/till/returns/{sale}",
        f"/v1/sales/{sale}/refunds", {"back_1": "1"}),
    "card": lambda street, member: Form(
        "grocer-till", "/till/paid", "/till/paid", "/v1/value-cards",
        {"code": printed(street.shop)[0], "amount": "5.00"}, "button[value=sell-card]"),
    "coupon": lambda street, member: Form(
        "member", "/me/coupons", f"/me/coupons/{(coupon := _taken(street))}/gift",
        f"/v1/members/{street.places['member']}/coupons/{coupon}/gift", {"to": street.places["friend"]}),
    "net": lambda street, member: Form(
        "merchant", "/merchant/settlement/1", "/merchant/settlement/1/confirm",
        "/v1/settlement/periods/1/confirmations"),
    "goodwill": lambda street, member: Form(
        "operator", f"/care/{member}/desk", f"/care/{member}/adjustments", "/v1/adjustments",
        {"programme": "GROC", "points": "7", "reason": "goodwill", "note": "late", "funder": GROCER}),
    "approval": lambda street, member: Form(
        "second", "/approvals/adjustments",
        f"/approvals/adjustments/{(one := _asked(street, member))}/approval",
        f"/v1/adjustments/{one}/decision"),
    "claim": lambda street, member: Form(
        "merchant", f"/approvals/claims/{street.places['claim']}",
        f"/approvals/claims/{street.places['claim']}/grant", f"/v1/claims/{street.places['claim']}/grant",
        {"programme": "GROC", "points": "5"}),
}  # fmt: skip


@contextmanager
def slow(page: Page) -> Iterator[None]:
    """Every form takes its time on the way."""

    def late(route: Route) -> None:
        if route.request.method == "POST":
            page.wait_for_timeout(_SLOW_MS)
        route.continue_()

    page.route("**/*", late)
    yield
    page.unroute("**/*")


def filled(page: Page, form: Form) -> Any:
    """The form on its page, with what is typed in it."""
    page.goto(form.at)
    found = page.locator(f"form[action='{form.action}']")
    for details in page.locator("details", has=found).all():
        details.evaluate("one => { one.open = true; }")
    for name, text in form.typed.items():
        box = found.locator(f"[name={name}]")
        box.select_option(text) if box.evaluate("one => one.tagName") == "SELECT" else box.fill(text)
    return found


@pytest.mark.parametrize("name", FORMS)
def test_two_clicks_and_the_way_back_do_once_what_moves_money_or_points(
    name: str, street: Street, entered: Opening, writes: Writes
) -> None:
    form = FORMS[name](street, person(street.shop, f"twice-{name}", name))
    page = entered(form.who)
    button = filled(page, form).locator(form.button).last
    before = len(street.shop.registry.acts)
    with slow(page):
        button.dblclick(no_wait_after=True)
        expect(page.locator(".receipt, .done").first).to_be_visible(timeout=30_000)
    done = [one for one in writes if one[0] == form.asks]
    assert len(set(done)) == 1 and len(street.shop.registry.acts) - before <= 1
    # Going back asks for the page anew, and sends nothing.
    page.go_back()
    assert [one for one in writes if one[0] == form.asks] == done


def test_enter_that_is_held_sells_once_and_adds_no_rows(
    street: Street, entered: Opening, writes: Writes
) -> None:
    till = entered("grocer-till")
    number = person(street.shop, "held-enter", "Held")
    till.goto("/till")
    till.locator("#amount_1").fill("2.00")
    till.locator("#member").fill(number)
    for _ in range(6):
        till.keyboard.down("Enter")
    till.keyboard.up("Enter")
    assert till.locator("[data-row]").count() == 1
    till.locator("#points").focus()
    till.locator("button[value=sell]").focus()
    with slow(till):
        for _ in range(4):
            till.keyboard.down("Enter")
        till.keyboard.up("Enter")
        expect(till.locator(".receipt")).to_be_visible(timeout=30_000)
    assert len({one for one in writes if one[0] == "/v1/sales"}) == 1


def test_without_scripts_two_clicks_sell_once(street: Street, chromium: Browser, writes: Writes) -> None:
    number = person(street.shop, "no-script", "No script")
    context = chromium.new_context(base_url=street.url, java_script_enabled=False)
    till = context.new_page()
    till.goto("/enter")
    till.locator("#key").fill(street.shop.keys["grocer-till"])
    till.locator("#key").press("Enter")
    till.wait_for_url("**/till")
    till.locator("#member").fill(number)
    till.locator("#amount_1").fill("2.00")
    till.locator("button[value=sell]").dblclick(no_wait_after=True)
    expect(till.locator(".receipt")).to_be_visible()
    assert len({one for one in writes if one[0] == "/v1/sales"}) == 1
    told = street.shop.get("operator", f"/v1/members/{number}/balance").json["balances"]
    assert [one["available"] for one in told] == [2]
    context.close()


def test_without_a_connection_nothing_is_sent_and_nothing_typed_is_lost(
    street: Street, entered: Opening, writes: Writes
) -> None:
    till = entered("grocer-till")
    till.goto("/till")
    till.locator("#amount_1").fill("2.50")
    till.context.set_offline(True)
    till.locator("button[value=sell]").click()
    expect(till.locator("[data-no-line]")).to_be_visible()
    axe.load(till)
    assert axe.findings(till, axe.EVERYTHING) == []
    assert till.locator("#amount_1").input_value() == "2.50" and writes == []
    till.context.set_offline(False)
    till.locator("button[value=sell]").click()
    expect(till.locator(".receipt")).to_contain_text("2.50")
    assert len(writes) == 1


def _answer_lost(page: Page) -> None:
    """The next form arrives and is done; the connection goes before the answer is there."""

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            # Not by the browser, which would take the answer's cookies.
            sent = route.request
            requests.post(sent.url, data=sent.post_data, headers=sent.all_headers(), timeout=60)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/till", lose)


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_a_sale_whose_answer_never_came_is_offered_again_and_sold_once(
    size: tuple[int, int], street: Street, entered: Opening, writes: Writes
) -> None:
    till = entered("grocer-till", size)
    number = person(street.shop, f"lost-{size[0]}", "Lost")
    till.goto("/till")
    till.locator("#member").fill(number)
    till.locator("#amount_1").fill("4.00")
    _answer_lost(till)
    with till.expect_event("requestfailed"):
        till.locator("button[value=sell]").click(no_wait_after=True)
    till.unroute("**/till")
    till.goto("/till/returns")
    expect(till.locator("[data-lost] form")).to_be_visible()
    axe.load(till)
    assert axe.findings(till, axe.EVERYTHING) == []
    assert till.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    till.locator("[data-lost] button").first.click()
    expect(till.locator(".receipt")).to_contain_text("4.00")
    sent = [one for one in writes if one[0] == "/v1/sales"]
    assert (len(sent), len(set(sent))) == (2, 1)
    told = street.shop.get("operator", f"/v1/members/{number}/balance").json["balances"]
    assert [one["available"] for one in told] == [4]
    # It has its answer now: no page offers it again.
    till.goto("/till")
    expect(till.locator("[data-lost]")).to_be_hidden()


def test_what_one_person_sent_is_not_shown_to_the_next_at_the_same_screen(
    street: Street, entered: Opening, writes: Writes
) -> None:
    till = entered("grocer-till")
    till.goto("/till")
    till.locator("#amount_1").fill("4.44")
    _answer_lost(till)
    with till.expect_event("requestfailed"):
        till.locator("button[value=sell]").click(no_wait_after=True)
    till.unroute("**/till")
    till.goto("/till/shift")
    expect(till.locator("[data-lost] form")).to_be_visible()
    till.locator("form[action='/leave'] button").click()
    till.goto("/enter")
    till.locator("#key").fill(street.shop.keys["fuel-till"])
    till.locator("#key").press("Enter")
    till.wait_for_url("**/till")
    expect(till.locator("[data-lost]")).to_be_hidden()
    assert till.evaluate("sessionStorage.length") == 0


def test_the_way_back_after_logging_out_shows_nothing_private(street: Street, entered: Opening) -> None:
    phone = entered("member", PHONE)
    for path in ("/me", "/me/history", "/me/data"):
        phone.goto(path)
    number = street.places["member"]
    expect(phone.locator("main")).to_contain_text(number)
    phone.locator("form[action='/leave'] button").click()
    phone.wait_for_url(re.compile("/(enter)?$"))
    for _ in range(3):
        phone.go_back()
        assert number not in phone.content() and "/enter" in phone.url


def test_what_the_contract_refused_is_tried_again_by_two_operators(street: Street, chromium: Browser) -> None:
    refused = f"/operator/set-aside/{street.places['refused']}"
    one, two = (log_in(chromium, street.url, street.shop.keys[who], Look(WIDE))
                for who in ("operator", "second"))  # fmt: skip
    one.goto("/operator/set-aside")
    one.locator(f"a[href='{refused}']").click()
    one.locator(".deeds summary").click()
    one.locator("form[action$='/retries'] textarea").fill("已與商戶確認 asked the merchant")
    one.locator("form[action$='/retries'] button").click()
    expect(one.locator(".done")).to_be_visible()
    axe.load(one)
    assert axe.findings(one, axe.EVERYTHING) == []
    two.goto(refused)
    two.locator("details.card", has=two.locator("form[action$='/refusal']")).locator("summary").click()
    two.locator("form[action$='/refusal'] button").click()
    expect(two.locator(".done")).to_be_visible()
    for page in (one, two):
        page.context.close()
