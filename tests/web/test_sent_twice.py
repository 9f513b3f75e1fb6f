"""Every form of every page, sent twice as by a double click: the API is asked under one key both times."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ledger_service.bootstrap.pages import InProcessApi
from ledger_service.web.ports import Answer, Ask
from ledger_service.web.screen import ONCE, Screen
from ledger_service.web.screens import SCREENS
from tests.api.service import Shop
from tests.web.conftest import Browser

Writes = list[tuple[str, str, str]]
# What ends a session of the pages, which is no write of the API.
SESSIONS = {"leave", "devices"}
FORMS = [one for one in SCREENS if one.method == "POST" and one.roles and one.name not in SESSIONS]
# Nothing is asked before the member's own number is typed; it only reads; the link is of nobody.
ASKS_NOTHING = {"member-erase", "member-export", "share link"}
# What a form must have typed in before anything is asked.
TYPED = {
    "till": {"act": "sell", "amount_1": "1.00"},
    "till-take-back": {"back_1": "1"},
    "till-hold": {"act": "capture", "amount_1": "1.00"},
    "till-paid": {"act": "load", "code": "0000", "amount": "1.00"},
    "till-cashier": {"cashier": "nobody", "pin": "0000"},
    "care-find": {"who": "+14155550123"},
}


@pytest.fixture(scope="module")
def people(web_shop: Shop) -> dict[str, Browser]:
    application: Any = web_shop.client.application
    by_role = {}
    for role in ("member", "cashier", "merchant", "operator"):
        by_role[role] = Browser(application.test_client())
        assert by_role[role].post("/enter", key=web_shop.keys[role]).status_code == 303
        by_role[role].get("/devices")
    return by_role


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    seen: Writes = []
    call = InProcessApi.call

    def noted(api: InProcessApi, who: Any, ask: Ask, address: str = "") -> Answer:
        # That a link was opened is counted by the visit's own number, not by a key.
        if ask.method != "GET" and ask.path != "/v1/share/touches":
            seen.append((ask.method, ask.path, ask.key))
        return call(api, who, ask, address)

    monkeypatch.setattr(InProcessApi, "call", noted)
    return seen


@pytest.mark.parametrize("screen", FORMS, ids=lambda screen: screen.name)
def test_a_form_that_is_sent_twice_asks_under_one_key(
    screen: Screen, people: dict[str, Browser], writes: Writes
) -> None:
    path = re.sub(r"<\w+>", "0" * 32, screen.path)
    browser, once = people[min(screen.roles)], f"{FORMS.index(screen):032x}"
    for _ in range(2):
        browser.post(path, **{ONCE: once, "deed": screen.name, **TYPED.get(screen.name, {})})
    half = len(writes) // 2
    assert writes[:half] == writes[half:] and {key for _, _, key in writes} <= {f"web-{once}"}
    assert bool(writes) == (screen.name not in ASKS_NOTHING)
