"""How a browser is started, and how somebody comes in through the door with a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from ledger_service.web.screens import SCREENS

# Debian's, which `scripts/test` installs.
CHROMIUM = "/usr/bin/chromium"
# A phone is as wide as most; a till and an office are desktops.
PHONE, WIDE = (390, 844), (1280, 900)
# Whatever is looked at by itself; a picture is looked at on its page, and a file is none.
PAGES = [one for one in SCREENS if one.method == "GET" and not one.name.endswith(("-image", "-file"))]
LOCALES = {"en": "en-US", "zh-Hans": "zh-CN", "zh-Hant": "zh-TW"}
_SWITCHES = ["--no-sandbox", "--disable-background-networking", "--disable-gpu", "--force-color-profile=srgb"]
# A slow machine is no failure.
_PATIENCE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Look:
    """How wide a browser is, which language it asks for, light or dark."""

    size: tuple[int, int]
    language: str = "en"
    dark: bool = False


def window(size: tuple[int, int]) -> ViewportSize:
    """A size as Playwright wants it."""
    return {"width": size[0], "height": size[1]}


@contextmanager
def started() -> Iterator[Browser]:
    """Chromium, until the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_SWITCHES)
        yield browser
        browser.close()


def opened(browser: Browser, url: str, look: Look) -> Page:
    """A stranger's page in a browser of its own."""
    context = browser.new_context(
        base_url=url, viewport=window(look.size), locale=LOCALES[look.language],
        color_scheme="dark" if look.dark else "light",
    )  # fmt: skip
    context.set_default_timeout(_PATIENCE_MS)
    return context.new_page()


def log_in(browser: Browser, url: str, key: str, look: Look) -> Page:
    """A page of somebody who has logged in."""
    page = opened(browser, url, look)
    page.goto("/enter")
    page.locator("#key").fill(key)
    page.locator("#key").press("Enter")
    page.wait_for_url(lambda at: not at.endswith("/enter"))
    return page
