"""Members come in without a key; whoever guesses waits; old sessions are forgotten a few at a time."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from ledger_service.api.limits import Buckets, Policy
from ledger_service.bootstrap.http import application
from ledger_service.web.sessions.models import web_session
from ledger_service.web.sessions.service import MOST_FORGOTTEN
from tests.api.service import Shop
from tests.api.without_phone import PHONE, PIN, code_in, delivered, enrol, later, with_pin
from tests.web.conftest import Browser


def browser_of(shop: Shop, agent: str = "") -> Browser:
    application: Any = shop.client.application
    browser = Browser(application.test_client())
    browser.headers |= {"User-Agent": agent} if agent else {}
    return browser


def test_a_newcomer_becomes_a_member_once_and_is_led_to_a_passkey(web_shop: Shop) -> None:
    browser = browser_of(web_shop)
    browser.get("/enter?as=member")
    first = browser.post("/enter/new", name="小明 Ming")
    assert (first.status_code, first.location) == (303, "/me/passkeys?new=1")
    assert "Add a passkey" in browser.get(first.location).text
    shown = browser.get("/me/data").text
    assert re.search(r"[0-9]{18}", shown)
    assert browser.get("/me/pay").status_code == 200


def test_a_retry_of_an_enrolment_makes_no_second_member_and_a_guess_gets_nothing(web_shop: Shop) -> None:
    def sent(key: str, secret: str) -> Any:
        body = {"secret": secret, "display_name": None}
        return web_shop.client.post("/v1/enrolments", json=body, headers={"Idempotency-Key": key})

    first, again = sent("mine", "a" * 64), sent("mine", "a" * 64)
    assert (first.status_code, first.json) == (201, again.json)
    assert sent("mine", "b" * 64).json["code"] == "idempotency-key-reused"
    own = {"Authorization": f"Bearer {first.json['token']}"}
    path = f"/v1/members/{first.json['number']}/balance"
    assert web_shop.client.get(path, headers=own).json["balances"] is not None


def test_a_member_enters_with_the_code_that_came(web_shop: Shop, tmp_path: Path) -> None:
    object.__setattr__(web_shop.serving.logins, "delivers", True)
    number = enrol(web_shop, identities=[{"kind": "phone", "value": PHONE}])
    browser = browser_of(web_shop)
    browser.get("/enter?as=member")
    page = browser.post("/enter/code", phone=PHONE, to="/me/data")
    assert (page.status_code, PHONE in page.text) == (202, True)
    again = browser.post("/enter/code", phone=PHONE)
    assert (again.status_code, "Retry-After" in again.headers, 'name="code"' in again.text) == (
        429,
        True,
        True,
    )
    later(web_shop, seconds=5)
    code = code_in(delivered(web_shop, tmp_path)[0])
    wrong = browser.post("/enter/member", phone=PHONE, code="00000000", once="0" * 32)
    assert (wrong.status_code, 'role="alert"' in wrong.text) == (403, True)
    entered = browser.post(
        "/enter/member", phone=PHONE, code=f"{code[:4]} {code[4:]}", to="/me/data", once="1" * 32
    )
    assert (entered.status_code, entered.headers["Location"]) == (303, "/me/data")
    assert number in browser.get("/me/data").text
    assert browser.get("/merchant").status_code == 403


def test_a_member_sees_all_its_devices_and_ends_one(web_shop: Shop) -> None:
    card = with_pin(web_shop)[1]
    phone, computer = browser_of(web_shop, "iPhone"), browser_of(web_shop, "desktop")
    for browser in (phone, computer):
        browser.get("/enter")
        assert browser.post("/enter/member", card=card, pin=PIN).headers["Location"] == "/me"
    page = computer.get("/devices").text
    assert ("Phone" in page, "Computer" in page) == (True, True)
    for one in reversed(re.findall(r'name="session" value="([0-9a-f]{16})"', page)):
        computer.post("/devices", session=one)
    assert phone.get("/me").status_code == 303


def test_who_sends_wrong_keys_waits_here_as_at_the_api(web_shop: Shop) -> None:
    tight = replace(web_shop.serving.pipeline, strangers=Buckets(Policy("stranger", 1, 1)))
    serving = replace(web_shop.serving, pipeline=tight)
    browser = Browser(application(serving).test_client())
    browser.get("/enter")
    first, second = (browser.post("/enter", key="nonsense") for _ in range(2))
    assert (first.status_code, second.status_code) == (403, 429)
    assert int(second.headers["Retry-After"]) >= 1
    assert browser.post("/enter", key=web_shop.keys["auditor"]).status_code == 303


def test_sessions_that_are_over_are_deleted_a_few_at_a_time(web_shop: Shop) -> None:
    past = datetime.now(UTC) - timedelta(days=365)
    rows = [
        {"cookie_hash": bytes([9, n]) + bytes(30), "session_id": f"old{n}", "key_id": "k", "owner": "key:k",
         "role": "member", "device": "phone", "entered_at": past, "seen_at": past, "expires_at": past}
        for n in range(MOST_FORGOTTEN + 5)
    ]  # fmt: skip
    web_shop.serving.writer.run(lambda conn: conn.execute(insert(web_session), rows))
    left = []
    for _ in range(2):
        browser = browser_of(web_shop)
        browser.get("/enter")
        browser.post("/enter", key=web_shop.keys["auditor"])
        with web_shop.serving.foundations.database.read() as conn:
            old = web_session.c.key_id == "k"
            left.append(conn.execute(select(func.count()).select_from(web_session).where(old)).scalar_one())
    assert left == [5, 0]
