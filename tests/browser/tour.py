"""The ten minutes of docs/tour.md, step by step as a newcomer does them, with a picture of each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.album import Album
from tests.browser.door import PAGES, PHONE, WIDE, Look, log_in
from tests.browser.eyes import qr_of

_TRIES = 90
_HEX = re.compile(r"\b[0-9a-f]{32}\b")
_HOME_OF = {
    "member": "/me",
    "cashier": "/till",
    "merchant": "/merchant",
    "auditor": "/audit",
    "operator": "/operator",
}


@dataclass(frozen=True, slots=True)
class Guests:
    """Where the run serves, and the logins that it printed."""

    url: str
    logins: dict[str, Any]

    def key(self, role: str, which: int = 0) -> str:
        """The key of the first, second, … login of a role."""
        return [one["key"] for one in self.logins["logins"] if one["opens"] == _HOME_OF[role]][which]

    def command(self, *arguments: str) -> None:
        """An `alliance` command of the operator, beside the run, has been done."""
        own = os.environ | self.logins["environment"]
        subprocess.run([sys.executable, "-m", "ledger_service", *arguments], env=own, check=True)

    @property
    def numbers(self) -> list[str]:
        """The members' numbers."""
        return list(self.logins["numbers"])


def walk(browser: Browser, guests: Guests, album: Album) -> dict[str, str]:
    """The tour is walked; returns what pages are about, by the places of their paths."""
    phone = log_in(browser, guests.url, guests.key("member"), Look(PHONE))
    sale = _earn(browser, guests, phone, album)
    _pay(browser, guests, phone, album)
    _give(browser, guests, phone, album)
    if any(page.name == "member-items" for page in PAGES):
        _scan(guests, phone, album)
    _settle(browser, guests, album)
    campaign = _campaign(browser, guests)
    operation = _prove(browser, guests, phone, album)
    return {"number": guests.numbers[0], "operation": operation, "sale": sale, "receipt": sale,
            "code": "GROC", "period": "1", "merchant-definition.code": "WELCOME",
            "merchant-campaign.code": campaign}  # fmt: skip


def _campaign(browser: Browser, guests: Guests) -> str:
    """The first of the merchant's campaigns."""
    office = log_in(browser, guests.url, guests.key("merchant"), Look(WIDE))
    office.goto("/merchant/coupons/campaigns")
    first = office.locator("main td a").first.get_attribute("href") or ""
    office.context.close()
    return first.rpartition("/")[2]


def _ring_up(till: Page, member: str, lines: list[tuple[str, str]], points: str = "") -> None:
    till.goto("/till")
    till.locator("#member").fill(member)
    for number, (article, price) in enumerate(lines, start=1):
        if number > 1:
            till.locator("[data-add-row]").click()
        till.locator(f"#article_{number}").fill(article)
        till.locator(f"#amount_{number}").fill(price)
    till.locator("#points").fill(points)


def _earn(browser: Browser, guests: Guests, phone: Page, album: Album) -> str:
    till = log_in(browser, guests.url, guests.key("cashier"), Look(WIDE))
    _ring_up(till, guests.numbers[0], [("Rice 5 kg", "38.00"), ("Oranges", "12.50"), ("Tea", "9.50")])
    till.locator("button[value=quote]").click()
    expect(till.locator(".total")).to_be_visible()
    album.add(till, "tour-1-earn-till", 1)
    till.locator("button[value=sell]").click()
    expect(till.locator(".receipt")).to_be_visible()
    album.add(till, "tour-1-earn-receipt", 1)
    phone.goto("/me")
    album.add(phone, "tour-1-earn-phone", 1)
    found = _HEX.search(till.locator(".receipt").inner_text())
    till.context.close()
    return found[0] if found else ""


def _pay(browser: Browser, guests: Guests, phone: Page, album: Album) -> None:
    phone.goto("/me/pay")
    phone.locator(".code img").evaluate("image => image.decode()")
    album.add(phone, "tour-2-pay-code", 1)
    code = qr_of(phone.screenshot())
    till = log_in(browser, guests.url, guests.key("cashier", 1), Look(WIDE))
    _ring_up(till, code, [("Diesel", "20.00")], points="0.50")
    till.locator("button[value=quote]").click()
    expect(till.locator(".total")).to_be_visible()
    album.add(till, "tour-3-redeem-till", 1)
    till.locator("button[value=sell]").click()
    expect(till.locator(".receipt")).to_be_visible()
    album.add(till, "tour-3-redeem-receipt", 1)
    till.context.close()


def _give(browser: Browser, guests: Guests, phone: Page, album: Album) -> None:
    phone.goto("/me/coupons")
    album.add(phone, "tour-4-coupon", 1)
    phone.locator(".row input[name=to]").first.fill(guests.numbers[1])
    phone.locator(".row button").first.click()
    expect(phone.locator("p.done")).to_be_visible()
    friend = log_in(browser, guests.url, guests.key("member", 1), Look(PHONE))
    friend.goto("/me/coupons")
    album.add(friend, "tour-4-coupon-friend", 1)
    friend.context.close()


def _scan(guests: Guests, phone: Page, album: Album) -> None:
    """The code on an item is looked at, and the item claimed with the PIN under its cover."""
    item = guests.logins["item"]
    phone.goto("/me/items")
    phone.locator("#code").fill(item["code"])
    phone.locator("#code").press("Enter")
    pin = phone.locator("#pin")
    pin.fill(item["pin"])
    album.add(phone, "tour-5-scan", 1)
    pin.press("Enter")
    expect(phone.locator("p.done")).to_be_visible()
    album.add(phone, "tour-5-claimed", 1)


def _settle(browser: Browser, guests: Guests, album: Album) -> None:
    """The operator closes the first period and publishes its statement; the merchant confirms its net."""
    guests.command("settle", "close", "--period", "1", "--wait", "300")
    guests.command("settle", "publish", "--period", "1", "--days", "7")
    office = log_in(browser, guests.url, guests.key("merchant"), Look(WIDE))
    office.goto("/merchant/settlement/1")
    album.add(office, "tour-6-settlement", 1)
    confirm = office.locator("form[action$='/confirm'] button")
    for _ in range(_TRIES):
        if confirm.count():
            break
        office.wait_for_timeout(1_000)
        office.reload()
    confirm.click()
    # The word that is on its way, and soon after it the one that stands.
    expect(office.locator(".done").first).to_be_visible()
    album.add(office, "tour-6-confirmed", 1)
    office.context.close()


def _prove(browser: Browser, guests: Guests, phone: Page, album: Album) -> str:
    """The member's entry, the auditor's proof of it once no block can be taken back, and the period
    recomputed from the chain alone; returns the operation.
    """
    phone.goto("/me/history")
    album.add(phone, "tour-7-history", 1)
    link = phone.locator("a[href^='/me/history/']").last.get_attribute("href") or ""
    operation = link.rpartition("/")[2]
    desk = log_in(browser, guests.url, guests.key("auditor"), Look(WIDE))
    for _ in range(_TRIES):
        desk.goto(f"/audit/operation?operation={operation}")
        if '"final": true' in (desk.locator("pre").first.text_content() or ""):
            break
        desk.wait_for_timeout(1_000)
    album.add(desk, "tour-7-proof")
    desk.goto("/audit/period/1")
    advice = desk.locator(".check")
    advice.locator("summary").click()
    album.add(desk, "tour-7-period", 1)
    # What the page says with the chain's address in it, done.
    chain = guests.logins["environment"]["ALLIANCE_CHAIN_URL"]
    guests.command(*advice.locator("code").inner_text().replace("URL", chain).split()[1:])
    desk.goto("/audit")
    album.add(desk, "tour-7-audit", 1)
    desk.context.close()
    return operation
