"""One-time codes: sent through a folder or a webhook, for one merchant and one amount, used once."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.carriers import FolderCarrier, WebhookCarrier, carrier_of
from ledger_service.config import ConfigurationError
from ledger_service.db.engine import Database
from ledger_service.members.cards.models import till_code
from ledger_service.members.models import member, member_preference
from ledger_service.members.ports import Message
from tests.api.service import FUEL_STORE, NOON, Shop, basket, open_shop
from tests.api.test_cards import assert_nowhere
from tests.api.without_phone import PHONE, PIN, bring, card_of, code_in, delivered, enrol, later, now

SPEND = [{"programme": "GROC", "points": 100}]
MEMBER = {"phone": PHONE}


@pytest.fixture
def told(database: Database, tmp_path: Path) -> Iterator[Shop]:
    """A service that sends codes into a folder."""
    state = tmp_path / "state"
    state.mkdir()
    shop = open_shop(database, state, ALLIANCE_MESSAGES=f"file:{tmp_path / 'sent'}")
    yield shop
    shop.serving.close()


def with_phone(shop: Shop, **more: Any) -> str:
    return enrol(shop, identities=[{"kind": "phone", "value": PHONE}], **more)


def ask(shop: Shop, minor: int | None = 500, **more: Any) -> Any:
    body = {"member": MEMBER, "purpose": "spend", "max_value_minor": minor, **more}
    return shop.post("grocer-till", "/v1/member-codes", body)


def pay(shop: Shop, code: str, who: str = "grocer-till", **more: Any) -> Any:
    store = {"store": FUEL_STORE} if who == "fuel-till" else {}
    body = basket(member={**MEMBER, "code": code}, spend=SPEND, **more, **store)
    return shop.post(who, "/v1/sales", body)


def test_a_code_that_was_sent_pays_once(told: Shop, tmp_path: Path) -> None:
    with_phone(told)
    asked = ask(told)
    assert (asked.status_code, asked.json["channel"]) == (201, "phone")
    (message,) = delivered(told, tmp_path / "sent")
    assert (message["channel"], message["to"], message["id"]) == ("phone", PHONE, asked.json["code_id"])
    assert message["text"].startswith(f"{code_in(message)} is your code to pay up to USD 5.00")
    assert "grocer" in message["text"]
    code = code_in(message)
    quote = basket(member={**MEMBER, "code": code}, spend=SPEND)
    assert told.must("grocer-till", "/v1/quotes", quote)["points_value_minor"] == 100
    sold = pay(told, code)
    assert (sold.status_code, sold.json["custodial"]) == (201, "code")
    assert (pay(told, code).status_code, pay(told, code).json["code"]) == (403, "code-wrong")
    assert delivered(told, tmp_path / "sent") == []
    assert_nowhere(told, [code, PHONE])


def test_a_code_pays_up_to_its_amount_and_at_its_merchant_alone(told: Shop, tmp_path: Path) -> None:
    with_phone(told)
    ask(told, minor=99)
    code = code_in(delivered(told, tmp_path / "sent")[0])
    assert pay(told, code, "fuel-till").json["code"] == "code-wrong"
    assert pay(told, code).json["code"] == "permit-value-exceeded"
    body = basket(member={**MEMBER, "code": code}, spend={"max_value_minor": 5_000})
    assert told.must("grocer-till", "/v1/sales", body)["points_value_minor"] == 99


def test_a_code_ends_after_its_time_its_tries_or_with_the_next_one(told: Shop, tmp_path: Path) -> None:
    with_phone(told)
    folder = tmp_path / "sent"
    for end in ("time", "tries", "next"):
        ask(told)
        code = code_in(delivered(told, folder)[0])
        if end == "time":
            later(told, minutes=10)
        elif end == "tries":
            for _ in range(3):
                pay(told, "00000000")
        else:
            later(told, minutes=1)
            ask(told)
        assert pay(told, code).json["code"] == "code-wrong"
        later(told, minutes=11)


def test_a_member_is_sent_a_code_a_minute_and_six_a_day(told: Shop) -> None:
    with_phone(told)
    for turn in range(6):
        assert ask(told).status_code == 201
        soon = ask(told)
        assert (soon.status_code, soon.json["code"]) == (429, "codes-too-often")
        wait = 60 if turn < 5 else 86_400 - 5 * 60
        assert soon.json["params"]["retry_after_seconds"] == wait
        later(told, minutes=1)
    later(told, days=1)
    assert ask(told).status_code == 201


def test_a_pin_is_set_with_a_code_that_was_sent(told: Shop, tmp_path: Path) -> None:
    number = with_phone(told)
    with told.serving.foundations.database.begin() as conn:
        member_id = conn.execute(select(member.c.member_id)).scalar_one()
        conn.execute(member_preference.insert().values(member_id=member_id, language="zh-TW", consents=""))
    card = card_of(told, number)
    told.must("grocer-till", "/v1/member-codes", {"member": {"card": card}, "purpose": "pin"})
    (message,) = delivered(told, tmp_path / "sent")
    assert "設定新密碼" in message["text"]
    body = {"member": {"card": card}, "code": code_in(message), "pin": PIN}
    assert pay(told, code_in(message)).json["code"] == "code-wrong"  # not for that
    told.must("grocer-till", "/v1/pins", body)
    paid = told.must("grocer-till", "/v1/sales", basket(member={"card": card, "pin": PIN}, spend=SPEND))
    assert paid["custodial"] == "pin"


def test_codes_that_can_reach_nobody_are_refused(told: Shop) -> None:
    bare, alone = enrol(told), with_phone(told, custody="device")
    body = {"purpose": "spend", "max_value_minor": 1}
    code = told.post("grocer-till", "/v1/member-codes", {"member": {"number": bare}, **body}).json["code"]
    assert code == "nobody-to-tell"
    code = told.post("grocer-till", "/v1/member-codes", {"member": {"number": alone}, **body}).json["code"]
    assert code == "custody-missing"


def test_without_a_carrier_no_code_is_made(shop: Shop) -> None:
    with_phone(shop)
    answer = ask(shop)
    assert (answer.status_code, answer.json["code"]) == (422, "delivery-unavailable")


@pytest.mark.parametrize("body", [
    {"purpose": "spend"}, {"purpose": "pin", "max_value_minor": 5}, {"purpose": "spend", "channel": "desk"},
    {"purpose": "gift"}, {"member": {"phone": PHONE, "code": "12345678"}}, {"member": {"phone": "123"}},
])  # fmt: skip
def test_odd_wishes_are_refused(told: Shop, body: dict[str, Any]) -> None:
    with_phone(told)
    answer = told.post("grocer-till", "/v1/member-codes", {"member": MEMBER, "purpose": "pin", **body})
    assert (answer.status_code, answer.json["code"]) == (400, "malformed-field")


def test_what_the_carrier_does_not_take_is_tried_again_and_given_up_in_time(told: Shop) -> None:
    with_phone(told)
    ask(told)
    nobody = WebhookCarrier("http://127.0.0.1:9/", bytes(32))  # nothing listens there
    waits = []
    for _ in range(3):
        bring(told, nobody)
        row = the_code(told)
        assert row.state == "waiting"
        waits.append((row.send_at - now(told)).total_seconds())
        bring(told, nobody)  # not yet
        assert the_code(told).sends == row.sends
        later(told, seconds=int(waits[-1]))
    assert waits == [5, 10, 20]
    later(told, minutes=10)
    bring(told, nobody)
    assert (the_code(told).state, the_code(told).send_at) == ("failed", None)


def the_code(shop: Shop) -> Any:
    with shop.serving.foundations.database.read() as conn:
        return conn.execute(select(till_code)).one()


def test_a_webhook_is_signed_and_named_once_a_message(tmp_path: Path) -> None:
    got: list[tuple[dict[str, str], bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        carrier = carrier_of(f"http://127.0.0.1:{server.server_port}/hook?x=1", bytes(32))
        assert isinstance(carrier, WebhookCarrier)
        assert carrier.hand_over(Message("id1", "email", "a@b.example", "12345678 …", NOON))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    headers, body = got[0]
    assert headers["Idempotency-Key"] == "id1"
    signed = hmac.digest(carrier.secret, body, sha256).hex()
    assert headers["Alliance-Signature"] == f"sha256={signed}"
    assert json.loads(body)["to"] == "a@b.example"


@pytest.mark.parametrize("setting", ["ftp://x", "http://example.org/", "file:", "nonsense"])
def test_other_ways_are_no_ways(setting: str) -> None:
    with pytest.raises(ConfigurationError):
        carrier_of(setting, bytes(32))


def test_a_message_in_the_folder_is_whole_and_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert FolderCarrier(folder).hand_over(Message("id1", "phone", PHONE, "t", NOON))
    (path,) = folder.iterdir()
    assert (path.name, path.stat().st_mode & 0o777) == ("id1.json", 0o600)
