"""One service with something on every page, answering real HTTP, and Debian's Chromium before it.

Both live for the whole package and end with it: while Playwright runs, no other suite can have a loop of its
own.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from ledger_service.db.engine import open_database
from tests.api.service import Shop, open_shop
from tests.browser.furniture import furnish

# Debian's, which `scripts/test` installs.
CHROMIUM = "/usr/bin/chromium"
# A phone is as wide as most; a till and an office are desktops.
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
_SWITCHES = ["--no-sandbox", "--disable-background-networking", "--disable-gpu", "--force-color-profile=srgb"]
# A slow machine is no failure.
_PATIENCE_MS = 30_000
LOCALES = {"en": "en-US", "zh-Hans": "zh-CN", "zh-Hant": "zh-TW"}


@dataclass(frozen=True)
class Street:
    """Where the service answers, whose keys there are, and what its pages are about."""

    url: str
    shop: Shop
    places: dict[str, str]


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """A test's output is no access log."""


@pytest.fixture(scope="package")
def street(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("street")
    shutil.copy(sqlite_template, folder / "alliance.db")
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    # All the browsers of the suite come from one address.
    shop = open_shop(database, folder, ALLIANCE_STRANGER_BURST="1000", ALLIANCE_LOG_LEVEL="error")
    places = furnish(shop)
    application: Any = shop.client.application
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Street(f"http://127.0.0.1:{server.server_port}", shop, places)
    server.shutdown()
    thread.join()
    server.server_close()
    shop.serving.close()
    database.close()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_SWITCHES)
        yield browser
        browser.close()


Opening = Callable[..., Page]


def log_in(
    street: Street, chromium: Browser, who: str, language: str = "en", size: dict[str, int] = WIDE
) -> Page:
    """A page of somebody who has come in through the door, in a browser of its own."""
    context = chromium.new_context(base_url=street.url, viewport=size, locale=LOCALES[language])
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    page.goto("/enter")
    page.locator("#key").fill(street.shop.keys[who])
    page.locator("#key").press("Enter")
    page.wait_for_url(lambda url: not url.endswith("/enter"))
    return page


@pytest.fixture
def entered(street: Street, chromium: Browser) -> Iterator[Opening]:
    """A page of somebody who has logged in through the door; every script error fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def opened(who: str, size: dict[str, int] = WIDE) -> Page:
        page = log_in(street, chromium, who, size=size)
        page.on("pageerror", lambda error: errors.append(str(error)))
        contexts.append(page.context)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors
