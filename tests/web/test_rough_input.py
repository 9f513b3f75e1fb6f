"""What no person types, in every field of every form: the page says what is wrong, nothing runs or breaks."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ledger_service.db.engine import open_database
from ledger_service.web.office.deeds import Deed
from ledger_service.web.screen import HOMES, Screen
from ledger_service.web.screens import SCREENS
from tests.api.service import Shop, open_shop
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
ROUGH = {
    "markup": '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}',
    "formula": '=HYPERLINK("http://example.org","x")',
    "bidi": "\u202e\u2066evil\u2069\u200b\ufeff",
    "emoji": "👩‍👩‍👧‍👦" * 40,
    "null": "a\x00b\r\nSet-Cookie: x=1",
    "negative": "-1",
    "enormous": "9" * 40,
    "wide digits": "１２３٤٥",
    "no number": "NaN",
    "exponent": "1e400",
    "path": "../../operator/merchants?x=1#y",
    "long": "x" * 20_000,
    "nested": "[" * 3_000,
    "deep": "[" * 300 + "]" * 300,
    "half a character": '"\\ud800"',
    "list": '[{"a": [null, true, 1e999]}]',
}
_PLACE = re.compile(r"<(\w+)>")
# What the forms of pages without a deed are called; one that a form has not is not read.
_NAMES = (
    "number", "code", "to", "pin", "card", "name", "phone", "key", "member", "article_1", "quantity_1",
    "amount_1", "points", "cashier", "what", "amount", "tender", "reason", "store", "day", "reference",
    "campaign", "channel", "language", "held", "debtor", "creditor", "evidence", "net_micros", "who",
    "kind", "into", "frozen", "owner", "reader", "purpose", "receipt", "total", "sale", "back_1",
    "suspended", "yes", "choice", "answer", "credential",
)  # fmt: skip
_ASKED = (
    "cursor", "state", "code", "sale", "operation", "role", "subject", "at", "done", "by", "to", "reference",
    "merchant", "only", "member", "as", "again", "visit", "new",
)  # fmt: skip
# These end the browser's own session or the member behind it.
_ENDS = {"leave", "end-session", "member-erase"}
WRITES = [one for one in SCREENS if one.method == "POST" and one.name not in _ENDS]
LOOKS = [one for one in SCREENS if one.method == "GET"]


def _who(screen: Screen) -> str:
    role = min(screen.roles, key=list(HOMES).index) if screen.roles else "member"
    return "cashier" if role == "cashier" else role


def _fields(screen: Screen, value: str) -> dict[str, str]:
    deed = getattr(screen.handler, "__self__", None)
    names = [one.name for one in (*deed.asks, *deed.fields)] if isinstance(deed, Deed) else list(_NAMES)
    # What comes back must still fit a form.
    return dict.fromkeys(names, value[: 50_000 // len(names)] if names else value)


def _unharmed(answer: object, told: str) -> None:
    status, text = answer.status_code, answer.get_data(as_text=True)  # type: ignore[attr-defined]
    assert status < 500, told
    assert "<script>alert" not in text and "<img src=x" not in text, told
    assert "Traceback" not in text and "x=1" not in answer.headers.getlist("Set-Cookie"), told  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def open_shop_once(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A service that asks nobody to wait: what is looked at is how pages read, not how soon they shut."""
    folder = tmp_path_factory.mktemp("rough")
    shutil.copy(sqlite_template, folder / "alliance.db")
    whose = ("STRANGER", "PUBLIC", "MEMBER", "GUESS", "RATE")
    bursts = {f"ALLIANCE_{name}_BURST": "1000000" for name in whose}
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    shop = open_shop(database, folder, ALLIANCE_LOG_LEVEL="error", **bursts)
    yield shop
    shop.serving.close()
    database.close()


@pytest.mark.parametrize("kind", ROUGH)
def test_no_form_breaks_on_what_nobody_types(enter: Enter, kind: str) -> None:
    browsers: dict[str, Browser] = {}
    for screen in WRITES:
        role = _who(screen)
        if role not in browsers:
            browsers[role] = enter(role)
            browsers[role].get(HOMES[role])
        browser = browsers[role]
        browser.hidden["once"] = f"{WRITES.index(screen):032x}"
        path = _PLACE.sub("0000000000000000", screen.path)
        _unharmed(browser.post(path, **_fields(screen, ROUGH[kind])), f"{screen.name}: {kind}")


@pytest.mark.parametrize("kind", ROUGH)
def test_no_page_breaks_on_an_address_that_nobody_follows(enter: Enter, kind: str) -> None:
    browsers: dict[str, Browser] = {}
    value = quote(ROUGH[kind][:2_000], safe="")
    query = "&".join(f"{name}={value}" for name in _ASKED)
    for screen in LOOKS:
        role = _who(screen)
        browser = browsers.setdefault(role, enter(role)) if role not in browsers else browsers[role]
        for path in (_PLACE.sub(value, screen.path), f"{_PLACE.sub('1', screen.path)}?{query}"):
            _unharmed(browser.get(path), f"{screen.name}: {kind}")


def test_the_same_newcomers_form_sent_twice_after_the_back_button_makes_one_member(web_shop: Shop) -> None:
    browser = Browser(web_shop.client)
    browser.get("/enter?as=member")
    first = browser.post("/enter/new", name="Twice")
    again = browser.post("/enter/new", name="Twice")
    assert [one.status_code for one in (first, again)] == [303, 303]
    assert first.headers["Location"] == again.headers["Location"]
