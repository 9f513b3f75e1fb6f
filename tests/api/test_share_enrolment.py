"""Who opens a link becomes a member by a code to its phone, on the page and over HTTP, once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import open_shop_once
from tests.api.service import Shop
from tests.api.test_logins import anonymous, said
from tests.api.test_sharing import BASE, live, sharer, touch
from tests.api.without_phone import code_in, delivered, later
from tests.web.conftest import Browser

__all__ = ["open_shop_once"]
PHONE, OTHER = "+14155550177", "+14155550178"


@pytest.fixture(scope="module")
def link(open_shop_once: Shop) -> str:
    """A member's link of a live campaign, with a way to send codes."""
    shop = open_shop_once
    later(shop, days=2)
    shop.get("operator", "/v1/merchants")  # moves the replay's clock, which callers without a key have
    object.__setattr__(shop.serving.logins, "delivers", True)
    live(shop)
    return sharer(shop)[1]


def test_a_code_to_the_phone_enrols_once_and_who_is_a_member_follows(
    open_shop_once: Shop, link: str, tmp_path: Path
) -> None:
    shop, before = open_shop_once, counts(open_shop_once)
    opened = touch(shop, link).json["touch"]
    asked = {"touch": opened, "phone": PHONE}
    unknown = asked | {"touch": "0" * 32}
    assert said(anonymous(shop, "/v1/share/enrolment-codes", unknown)) == (404, "share-touch-unknown")
    assert anonymous(shop, "/v1/share/enrolment-codes", asked).status_code == 202
    later(shop, seconds=1)
    message = delivered(shop, tmp_path)[0]
    assert message["to"] == PHONE
    wrong = asked | {"code": "00000000"}
    assert said(anonymous(shop, "/v1/share/enrolments", wrong)) == (403, "login-refused")
    body = asked | {"code": code_in(message)}
    first, again = (anonymous(shop, "/v1/share/enrolments", body, key="once") for _ in range(2))
    assert (first.status_code, again.json) == (201, first.json)
    assert said(anonymous(shop, "/v1/share/enrolments", body)) == (403, "login-refused")
    key, number = first.json["token"], first.json["number"]
    assert shop.get(key, f"/v1/members/{number}").json["number"] == number
    follow = {"touch": touch(shop, link, 2).json["touch"], "phone": PHONE}
    later(shop, minutes=2)
    shop.get("operator", "/v1/merchants")
    assert anonymous(shop, "/v1/share/enrolment-codes", follow).status_code == 202
    later(shop, seconds=1)
    second = follow | {"code": code_in(delivered(shop, tmp_path)[-1])}
    assert anonymous(shop, "/v1/share/enrolments", second).json["number"] == number
    assert counts(shop) == (before[0] + 2, before[1] + 1)


def test_the_page_asks_for_a_phone_then_for_the_code(open_shop_once: Shop, link: str, tmp_path: Path) -> None:
    shop, browser = open_shop_once, Browser(open_shop_once.client)
    before = counts(shop)
    to = browser.get(f"/s/{link}").headers["Location"]
    browser.get(to)
    assert "Eight digits" in browser.post(f"{to}/join", phone=OTHER).get_data(as_text=True)
    later(shop, seconds=1)
    code = code_in(delivered(shop, tmp_path)[-1])
    wrong = browser.post(f"{to}/join", phone=OTHER, code="12345678")
    assert (wrong.status_code, "login-refused" in wrong.get_data(as_text=True)) == (403, True)
    inside = browser.post(f"{to}/join", phone=OTHER, code=f"{code[:4]} {code[4:]}")
    assert inside.headers["Location"] == f"{to}?joined"
    assert "Done. Your next purchase counts." in browser.get(f"{to}?joined").get_data(as_text=True)
    assert re.search("Points", browser.get("/me").get_data(as_text=True))
    assert counts(shop) == (before[0] + 1, before[1] + 1)


def counts(shop: Shop) -> tuple[Any, Any]:
    funnel = shop.get("grocer", f"{BASE}/SPRING/funnel?at=2100-01-01T00:00:00Z").json["channels"]
    return funnel[0]["followed"], funnel[0]["enrolled"]
