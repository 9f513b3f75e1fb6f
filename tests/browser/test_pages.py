"""Every page of every role in Chromium: nothing grave for axe-core in light and dark, nothing wider than the
narrowest phone, and each language in its own script.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ledger_service.web.screen import HOMES, Screen
from tests.browser import axe
from tests.browser.album import Album
from tests.browser.conftest import Street
from tests.browser.door import LOCALES, PAGES, PHONE, WIDE, Look, log_in, opened, window

# A merchant's definition and campaign have names of their own where a programme stands elsewhere.
_CODES = {"merchant-definition": "TEN", "merchant-campaign": "SUMMER"}
ROLES = ("member", "cashier", "merchant", "auditor", "operator")
_HAN = re.compile(r"[\u4e00-\u9fff]")
# As narrow as WCAG 2.2 (1.4.10) has pages be read without scrolling sideways.
_NARROW = (320, 640)
_SHAPE = "() => Array.from(document.querySelectorAll('main *'), e => e.tagName + e.className).join()"
_WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


# A folder for pictures of pages of which it has none: those for which a run of some days has nothing to show.
_ALBUM = os.environ.get("ALLIANCE_ALBUM", "")


def _picture(page: Page, name: str) -> None:
    """The page wide, and on a phone in the dark in another language, where no picture of it is there."""
    album, folder = Album(Path(_ALBUM)), Path(_ALBUM)
    if not (folder / f"{name}-wide.png").exists():
        album.add(page, f"{name}-wide")
    if not (folder / f"{name}-phone.png").exists():
        language = ("zh-Hans", "zh-Hant")[len(name) % 2]
        page.context.add_cookies([{"name": "language", "value": language, "url": page.url}])
        page.set_viewport_size(window(PHONE))
        page.emulate_media(color_scheme="dark")
        page.reload()
        album.add(page, f"{name}-phone")
        page.context.clear_cookies(name="language")
        page.emulate_media(color_scheme="light")


def path_of(screen: Screen, places: dict[str, str]) -> str:
    """Where a screen stands, with something in each of its places."""
    given = {"visit": "0" * 32} | places | ({"code": _CODES[screen.name]} if screen.name in _CODES else {})
    return re.sub(r"<(\w+)>", lambda found: given.get(found[1], "1"), screen.path)


@pytest.fixture(scope="module")
def pages(street: Street, chromium: Browser) -> Iterator[dict[str, Page]]:
    """A page for each role, logged in; under "" a stranger's."""
    look, keys = Look(WIDE), street.shop.keys
    by_role = {role: log_in(chromium, street.url, keys[role], look) for role in ROLES}
    by_role[""] = opened(chromium, street.url, look)
    yield by_role
    for page in by_role.values():
        page.context.close()


@pytest.mark.parametrize("screen", PAGES, ids=lambda screen: screen.name)
def test_a_page_is_for_everybody_in_light_and_dark_and_on_a_phone(
    screen: Screen, street: Street, pages: dict[str, Page]
) -> None:
    """A role that sees the same elements as one before is not examined again; each role's own frame is on the
    pages that it alone has.
    """
    seen: set[str] = set()
    for role in sorted(screen.roles or {""}):
        page = pages[role]
        # Chromium tells of no answer, now and then, where the page stands there already.
        answer = page.goto(path_of(screen, street.places)) or page.reload()
        assert answer is not None and answer.status == 200
        shape = page.evaluate(_SHAPE)
        if shape not in seen:
            seen.add(shape)
            axe.load(page)
            assert axe.findings(page, axe.EVERYTHING) == [], (role, "light")
            page.emulate_media(color_scheme="dark")
            assert axe.findings(page, axe.COLOURS) == [], (role, "dark")
            page.emulate_media(color_scheme="light")
        if _ALBUM and role == min(screen.roles or {""}, key=["", *HOMES].index):
            _picture(page, f"{role or 'everybody'}-{screen.name.replace(' ', '-')}")
        page.set_viewport_size(window(_NARROW))
        assert page.evaluate(_WIDER) == 0, f"{role}: wider than a phone"
        page.set_viewport_size(window(WIDE))


@pytest.mark.parametrize("language", LOCALES)
def test_a_browser_is_answered_in_its_language_and_may_choose_another(
    language: str, street: Street, chromium: Browser
) -> None:
    page = log_in(chromium, street.url, street.shop.keys["member"], Look(PHONE, language))
    assert page.locator("html").get_attribute("lang") == language
    assert bool(_HAN.search(page.locator("h1").inner_text())) == (language != "en")
    other = "zh-Hant" if language != "zh-Hant" else "en"
    page.locator("#language").select_option(other)
    expect(page.locator("html")).to_have_attribute("lang", other)
    page.context.close()


def test_the_eyes_see_grey_on_grey_and_a_picture_without_words(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content(
        '<html lang="en"><title>a</title><p style="color:#999;background:#aaa">grey</p><img src="x">'
    )
    axe.load(page)
    assert {found.partition(":")[0] for found in axe.findings(page, axe.EVERYTHING)} >= {
        "color-contrast",
        "image-alt",
    }
    page.close()
