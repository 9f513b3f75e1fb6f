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
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import WSGIRequestHandler, make_server

from ledger_service.db.engine import open_database
from ledger_service.members.passkeys.rules import site_of
from tests.api.service import Shop, open_shop
from tests.browser.door import CHROMIUM, WIDE, Look, log_in, started
from tests.browser.furniture import furnish


@dataclass(frozen=True)
class Street:
    """Where the service answers, whose keys there are, and what its pages are about."""

    url: str
    shop: Shop
    places: dict[str, str]

    @property
    def named(self) -> str:
        """The same address by a name, to which a device binds a passkey."""
        return self.url.replace("127.0.0.1", "localhost")


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
    street = Street(f"http://127.0.0.1:{server.server_port}", shop, places)
    object.__setattr__(shop.serving.passkeys, "site", site_of(street.named))
    yield street
    server.shutdown()
    thread.join()
    server.server_close()
    shop.serving.close()
    database.close()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed")
    with started() as browser:
        yield browser


Opening = Callable[..., Page]


@pytest.fixture
def entered(street: Street, chromium: Browser) -> Iterator[Opening]:
    """A page of somebody who has logged in through the door; every script error fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def come_in(who: str, size: tuple[int, int] = WIDE) -> Page:
        page = log_in(chromium, street.url, street.shop.keys[who], Look(size))
        page.on("pageerror", lambda error: errors.append(str(error)))
        contexts.append(page.context)
        return page

    yield come_in
    for context in contexts:
        context.close()
    assert not errors
