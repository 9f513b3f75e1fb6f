"""Logging in without a key: one answer for unknown and wrong, the tills' counter, a member's rights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from ledger_service.api.limits import Buckets, Policy
from ledger_service.bootstrap.carriers import FolderCarrier
from ledger_service.bootstrap.http import application
from ledger_service.chain.desk import dismiss_alarms
from ledger_service.kernel.clock import parse_instant
from ledger_service.members.cards.delivery import Waiting
from ledger_service.members.cards.models import member_access
from ledger_service.members.cards.pumping import Bounds, count
from ledger_service.members.logins.models import login_code
from ledger_service.merchants.models import api_key
from tests.api.conftest import open_shop_once
from tests.api.service import Shop, basket
from tests.api.without_phone import PHONE, PIN, SPEND, bring, code_in, delivered, enrol, later, now, with_pin

__all__ = ["open_shop_once"]
REFUSED = (403, "login-refused")


@pytest.fixture
def shop(open_shop_once: Shop) -> Shop:
    """The shop on another day, with a way to send codes."""
    shop = open_shop_once
    later(shop, days=2)
    shop.get("operator", "/v1/merchants")  # moves the replay's clock, which callers without a key have
    object.__setattr__(shop.serving.logins, "delivers", True)
    return shop


def said(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json.get("code", "")


def anonymous(shop: Shop, path: str, body: dict[str, Any], key: str = "") -> Any:
    """A write without an API key."""
    shop.numbers += 1
    headers = {"Idempotency-Key": key or f"key-{shop.numbers}"}
    return shop.client.post(path, json=body, headers=headers)


def log_in(shop: Shop, **body: str) -> Any:
    return anonymous(shop, "/v1/logins", body)


def ask(shop: Shop, phone: str) -> Any:
    answer = anonymous(shop, "/v1/login-codes", {"phone": phone})
    later(shop, seconds=1)
    return answer


def test_a_code_that_was_sent_opens_once_and_a_retry_gets_the_same_key(shop: Shop, tmp_path: Path) -> None:
    number = enrol(shop, identities=[{"kind": "phone", "value": PHONE}])
    assert ask(shop, PHONE).status_code == 202
    message = delivered(shop, tmp_path)[0]
    assert message["to"] == PHONE and "log in at Test" in message["text"]
    body = {"phone": PHONE.replace("415", " 415 "), "code": code_in(message)}
    first, again = (anonymous(shop, "/v1/logins", body, key="once") for _ in range(2))
    assert (first.status_code, first.json["number"], again.json) == (201, number, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert said(log_in(shop, **body)) == REFUSED
    key = first.json["token"]
    assert shop.get(key, f"/v1/members/{number}/balance").status_code == 200
    assert said(shop.post(key, "/v1/sales", basket())) == (403, "scope-missing")
    later(shop, days=91)
    shop.get("operator", "/v1/merchants")
    assert said(shop.get(key, f"/v1/members/{number}/balance")) == (401, "credentials-refused")


def test_who_asks_learns_nothing_of_who_is_a_member(shop: Shop, tmp_path: Path) -> None:
    enrol(shop, identities=[{"kind": "phone", "value": "+14155550999"}])
    known, unknown = ask(shop, "+14155550999"), ask(shop, "+14155550888")
    assert [(a.status_code, set(a.json)) for a in (known, unknown)] == [(202, {"expires_at"})] * 2
    assert [said(ask(shop, p)) for p in ("+14155550999", "+14155550888")] == [(429, "codes-too-often")] * 2
    assert [m["to"] for m in delivered(shop, tmp_path)] == ["+14155550999"]
    for phone in ("+14155550999", "+14155550888", "+14155550777"):
        assert said(log_in(shop, phone=phone, code="00000000")) == REFUSED
    card = with_pin(shop)[1]
    for shown in (card, "9000000000000000", "no-such-card"):
        assert said(log_in(shop, card=shown, pin="0000")) == REFUSED


def test_three_wrong_codes_end_a_code(shop: Shop, tmp_path: Path) -> None:
    enrol(shop, identities=[{"kind": "phone", "value": "+14155550666"}])
    ask(shop, "+14155550666")
    code = code_in(delivered(shop, tmp_path)[0])
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    assert [said(log_in(shop, phone="+14155550666", code=wrong)) for _ in range(3)] == [REFUSED] * 3
    assert said(log_in(shop, phone="+14155550666", code=code)) == REFUSED


def test_a_code_that_was_used_brings_back_none_before_it(shop: Shop, tmp_path: Path) -> None:
    phone = "+14155550444"
    enrol(shop, identities=[{"kind": "phone", "value": phone}])
    ask(shop, phone)
    older = code_in(delivered(shop, tmp_path)[0])
    later(shop, minutes=2)
    shop.get("operator", "/v1/merchants")
    ask(shop, phone)
    newer = code_in(delivered(shop, tmp_path)[-1])
    assert log_in(shop, phone=phone, code=newer).status_code == 201
    assert older != newer and said(log_in(shop, phone=phone, code=older)) == REFUSED


def test_a_pin_is_guessed_no_more_often_than_at_a_till_and_never_blocked_from_outside(shop: Shop) -> None:
    number, card = with_pin(shop)
    assert log_in(shop, card=card, pin=PIN).json["number"] == number
    member = {"card": card, "pin": "0000"}
    wrong = shop.post("grocer-till", "/v1/sales", basket(member=member, spend=SPEND))
    assert said(wrong) == (403, "pin-wrong")
    assert [said(log_in(shop, card=card, pin="0000")) for _ in range(2)] == [REFUSED] * 2
    # Three tries, of whomever, lock it everywhere.
    assert said(log_in(shop, card=card, pin=PIN)) == REFUSED
    locked = shop.post("grocer-till", "/v1/sales", basket(member=member | {"pin": PIN}, spend=SPEND))
    assert said(locked) == (429, "pin-locked")
    later(shop, minutes=16)
    shop.get("operator", "/v1/merchants")
    shop.serving.writer.run(
        lambda conn: conn.execute(update(member_access).values(tries=6, locked_until=None))
    )
    assert said(log_in(shop, card=card, pin=PIN)) == REFUSED
    paid = shop.post("grocer-till", "/v1/sales", basket(member=member | {"pin": PIN}, spend=SPEND))
    assert paid.status_code == 201


def test_of_a_members_log_ins_the_latest_stay(shop: Shop) -> None:
    number = enrol(shop)
    first, second = (shop.key_for("member", number) for _ in range(2))
    keys = shop.serving.api_keys

    def act(conn: Connection) -> None:
        mine = api_key.c.key_id.in_([first[4:20], second[4:20]])
        member_id = conn.execute(select(api_key.c.subject_id).where(mine).limit(1)).scalar_one()
        conn.execute(update(api_key).where(mine).values(label="log-in"))
        keys.keep_latest(conn, ("member", member_id), ("log-in", 1), parse_instant(shop.at, "at"))

    shop.serving.writer.run(act)
    shop.serving.keyring.refresh()
    kept = [shop.get(key, f"/v1/members/{number}").status_code for key in (first, second)]
    assert sorted(kept) == [200, 401]


def test_an_address_that_guesses_waits(shop: Shop) -> None:
    tight = replace(shop.serving.pipeline, strangers=Buckets(Policy("stranger", 1, 2)))
    client = application(replace(shop.serving, pipeline=tight)).test_client()
    limited = replace(shop, client=client)
    answers = [log_in(limited, phone="+14155550001", code="00000000") for _ in range(3)]
    assert [a.status_code for a in answers] == [403, 403, 429]
    assert int(answers[2].headers["Retry-After"]) >= 1


def test_an_address_guesses_no_more_pins_than_a_till_codes(shop: Shop) -> None:
    card = with_pin(shop)[1]
    tight = replace(shop.serving.pipeline, guesses=Buckets(Policy("guess", 1, 2, 3_600)))
    client = application(replace(shop.serving, pipeline=tight)).test_client()
    limited = replace(shop, client=client)
    mine = {"card": card, "pin": PIN}
    assert anonymous(limited, "/v1/logins", mine, key="before-guessing").status_code == 201
    assert [log_in(limited, card=f"900{n}", pin="0000").status_code for n in range(3)] == [403, 403, 429]
    assert said(anonymous(limited, "/v1/logins", mine, key="after-guessing")) == (429, "rate-limited")


def test_without_a_way_to_send_nobody_is_told_that_a_code_comes(shop: Shop) -> None:
    object.__setattr__(shop.serving.logins, "delivers", False)
    assert said(ask(shop, PHONE)) == (422, "delivery-unavailable")


def test_old_codes_are_forgotten(shop: Shop) -> None:
    ask(shop, "+14155550111")
    later(shop, days=2)
    shop.get("operator", "/v1/merchants")
    ask(shop, "+14155550112")
    with shop.serving.foundations.database.read() as conn:
        assert conn.execute(select(func.count()).select_from(login_code)).scalar_one() == 1


def test_a_range_of_numbers_gets_so_many_codes_a_day_and_an_alarm(shop: Shop, tmp_path: Path) -> None:
    for last in range(3):
        phone = f"+1415777000{last}"
        enrol(shop, identities=[{"kind": "phone", "value": phone}])
        assert ask(shop, phone).status_code == 202
    bring(shop, FolderCarrier(tmp_path), Bounds(2, 50))
    assert len(list(tmp_path.glob("*.json"))) == 2
    alarms = shop.get("operator", "/v1/chain/status").json["alarms"]
    assert [(one["code"], one["subject"]) for one in alarms] == [("codes-pumped", "+1415777****")]
    bring(shop, FolderCarrier(tmp_path), Bounds(50, 50))
    assert len(list(tmp_path.glob("*.json"))) == 2  # what was not sent is not sent later
    later(shop, days=1)
    shop.get("operator", "/v1/merchants")
    assert ask(shop, "+14157770002").status_code == 202
    bring(shop, FolderCarrier(tmp_path), Bounds(2, 1))
    ask(shop, "+14157770001")
    bring(shop, FolderCarrier(tmp_path), Bounds(2, 1))
    assert len(list(tmp_path.glob("*.json"))) == 3
    alarms = shop.get("operator", "/v1/chain/status").json["alarms"]
    assert {one["subject"] for one in alarms} == {"+1415777****", "everybody"}


def test_a_stranger_who_fills_a_range_stops_neither_first_log_ins_there_nor_codes_at_tills(
    shop: Shop, tmp_path: Path
) -> None:
    phones = [f"+1415778000{last}" for last in range(3)]
    for phone in phones:
        enrol(shop, identities=[{"kind": "phone", "value": phone}])
    bounds = Bounds(2, 50, 20)

    def told() -> int:
        before = len(list(tmp_path.glob("*.json")))
        bring(shop, FolderCarrier(tmp_path), bounds)
        return len(list(tmp_path.glob("*.json"))) - before

    ask(shop, phones[0])
    assert told() == 1
    later(shop, minutes=2)
    shop.get("operator", "/v1/merchants")
    assert [ask(shop, phone).status_code for phone in phones] == [202] * 3
    assert told() == 3, "a repeated one as the second of two, and two first ones"
    later(shop, minutes=2)
    shop.get("operator", "/v1/merchants")
    ask(shop, phones[1])
    assert told() == 0
    till = Waiting(bytes(16), 1, "pin", "phone", phones[1], None, 0, now(shop), 0)
    assert shop.serving.writer.run(lambda conn: count(conn, till, bounds, now(shop))) == (True, None)
    shop.serving.writer.run(lambda conn: dismiss_alarms(conn, "codes-pumped", None))
