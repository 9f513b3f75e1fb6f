"""Of the entries at the top of a page exactly one is marked: its own, or the one that it lies beneath."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from ledger_service.web.navigation import LINKS, entry_of
from ledger_service.web.screen import HOMES, Screen
from ledger_service.web.screens import SCREENS
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
# Files and pictures have no entries above them; what is for strangers too leads on to a page that has.
_NONE = ("/leave", "/s/<link>/<visit>")
PAGES = [
    one for one in SCREENS
    if one.roles and not one.name.endswith(("-image", "-file")) and one.path not in _NONE
]  # fmt: skip


class _Entries(HTMLParser):
    """The addresses in the page's ``nav``, and those that are marked as current."""

    def __init__(self) -> None:
        super().__init__()
        self._inside = False
        self.all: list[str] = []
        self.current: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside |= tag == "nav"
        if tag == "a" and self._inside:
            self.all.append(str(given["href"]))
            self.current += [self.all[-1]] if given.get("aria-current") == "page" else []

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "nav"


@pytest.mark.parametrize("screen", PAGES, ids=lambda one: f"{one.method} {one.path}")
def test_every_page_and_form_lies_beneath_one_entry(screen: Screen) -> None:
    """Forms too: a refusal is shown under the form's own address."""
    path = re.sub(r"<\w+>", "1", screen.path)
    for role in screen.roles:
        assert entry_of(role, path) in LINKS[role]


@pytest.mark.parametrize("role", HOMES)
def test_a_page_marks_the_entry_that_it_lies_beneath_and_every_entry_leads_to_a_page(
    role: str, enter: Enter
) -> None:
    browser = enter(role)
    for screen in PAGES:
        if screen.method == "GET" and role in screen.roles and "<" not in screen.path:
            shown = _Entries()
            shown.feed(browser.get(screen.path).text)
            assert shown.current == [entry_of(role, screen.path)], screen.path
            assert shown.all == list(LINKS[role])
    plain = {one.path for one in PAGES if one.method == "GET" and role in one.roles}
    assert set(LINKS[role]) <= plain


def test_pages_whose_address_begins_elsewhere_lie_beneath_what_leads_to_them() -> None:
    assert [entry_of("merchant", path) for path in ("/settlement/3/lines", "/merchant/batches/9", "/x")] == [
        "/merchant/settlement", "/merchant/items", "",
    ]  # fmt: skip
    assert entry_of("operator", "/operator/set-aside/00") == "/operator/set-aside"
    assert (entry_of("auditor", "/settlement/3/lines"), entry_of("nobody", "/me")) == ("/audit", "")
    # A longer name is no place beneath a shorter one.
    assert entry_of("member", "/mexico") == ""
