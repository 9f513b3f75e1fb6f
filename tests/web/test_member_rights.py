"""A member allows and revokes a reading, sees who has read, and takes everything along in one file."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ledger_service.bootstrap.doors import all_routes
from ledger_service.members.consents.rules import PURPOSES
from ledger_service.web.screens import member_rights
from ledger_service.web.sessions import rules
from ledger_service.web.wording import LANGUAGES, words
from tests.api.service import FUEL, GROCER, Shop
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
HERE = "/me/consents"


def test_a_reading_is_allowed_seen_and_revoked(enter: Enter, web_shop: Shop) -> None:
    browser = enter("member")
    purchases = f"/v1/members/{web_shop.keys['member-number']}/purchases?merchant={GROCER}&purpose=research"
    assert "allowed nobody" in browser.get(HERE).text
    same = browser.post(HERE, owner=GROCER, reader=GROCER, purpose="research")
    assert (same.status_code, "a shop needs none" in same.text) == (422, True)
    browser.get(HERE)
    given = browser.post(HERE, owner=GROCER, reader=FUEL, purpose="research").headers["Location"]
    page = browser.get(given).text
    assert ("may read from now on" in page, "reads what you bought at" in page) == (True, True)
    assert web_shop.get("fuel", purchases).status_code == 200
    told = browser.get("/me/reads").text
    assert ("purchases" in told, "On your consent: Research" in told) == (True, True)
    consent = re.search(rf'action="({HERE}/[0-9a-f]{{32}}/revoke)"', browser.get(HERE).text)
    assert consent is not None
    assert browser.post(consent[1]).headers["Location"] == f"{HERE}?done=revoked"
    assert web_shop.get("fuel", purchases).json["code"] == "consent-missing"
    browser.get(HERE)
    unknown = browser.post(f"{HERE}/{'0' * 32}/revoke")
    assert (unknown.status_code, 'role="alert"' in unknown.text) == (404, True)


def test_everything_held_of_a_member_comes_as_one_file(
    enter: Enter, web_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_rights, "_EXPORTED", "1")
    browser = enter("member")
    browser.get(HERE)
    answer = browser.post("/me/export")
    number = web_shop.keys["member-number"]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="member-{number}.json"'
    told = web_shop.get("member", f"/v1/members/{number}/export?limit=200").json["rows"]
    assert ([row["table"] for row in answer.json], len(told) > 2) == ([row["table"] for row in told], True)
    monkeypatch.setattr(rules, "FRESH", rules.FRESH * 0)
    assert browser.post("/me/export").headers["Location"].startswith("/enter?again=1")


def test_every_purpose_and_every_reading_has_its_words() -> None:
    assert member_rights.PURPOSES == PURPOSES
    keys = {f"purpose.{one}" for one in PURPOSES} | {
        f"read.what_{route.name}" for route in all_routes()
        if route.method == "GET" and route.path.startswith("/v1/members/<number>")
    }  # fmt: skip
    for language in LANGUAGES:
        assert keys <= words(language).keys()


def test_a_member_wishes_for_quiet_on_its_page_and_takes_it_back(enter: Enter, web_shop: Shop) -> None:
    browser, path = enter("member"), f"/v1/members/{web_shop.keys['member-number']}/quiet-hours"
    browser.get(HERE)
    hours = {"from": "22:00", "until": "07:30", "timezone": "Asia/Taipei", "most_a_day": "2"}
    kept = browser.post("/me/quiet-hours", **hours).headers["Location"]
    assert "nothing unasked" in browser.get(kept).text
    told = web_shop.get("member", path).json
    assert (told["from"], told["until"], told["timezone"], told["most_a_day"]) == (
        *list(hours.values())[:3],
        2,
    )
    wrong = browser.post("/me/quiet-hours", **hours | {"timezone": "Mars/Olympus"})
    assert (wrong.status_code, 'role="alert"' in wrong.text, "Mars/Olympus" in wrong.text) == (
        400,
        True,
        True,
    )
    browser.get(HERE)
    browser.post("/me/quiet-hours", timezone="Asia/Taipei", most_a_day="6")
    assert web_shop.get("member", path).json["timezone"] is None
