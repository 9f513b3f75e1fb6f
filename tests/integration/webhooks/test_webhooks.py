"""Facts reach a merchant's server: in order, signed, once, through a day's absence, and again if asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from ledger_service.bootstrap.webhook_transport import HttpTransport
from ledger_service.db.engine import Database
from ledger_service.members.models import member
from ledger_service.webhooks.courier import Courier
from ledger_service.webhooks.errors import WebhookAddressRefused, WebhookLimitReached, WebhookUnknown
from ledger_service.webhooks.following import follow, something_new
from ledger_service.webhooks.models import webhook_delivery, webhook_endpoint, webhook_event, webhook_fresh
from ledger_service.webhooks.ports import Answer, Settled
from ledger_service.webhooks.rules import MOST_ENDPOINTS
from ledger_service.webhooks.service import NewEndpoint, Range, WebhookDesk
from tests.integration.checkout.shop import FUEL, GROCER, Phone, Shop, line, loads
from tests.integration.webhooks.receiver import Receiver, serving, signed_by

MASTER = b"m" * 32


class Counting:
    """Bytes that differ."""

    def __init__(self) -> None:
        self.given = 0

    def random_bytes(self, count: int) -> bytes:
        self.given += 1
        return self.given.to_bytes(count, "big")


class Nets:
    """Periods that a test closes."""

    closed = 0

    def closed_after(self, conn: Connection, period: int, at: Any) -> tuple[int, list[Settled]]:
        found = [Settled(p, GROCER, -5_000_000 * p) for p in range(period + 1, self.closed + 1)]
        return max(period, self.closed), found


@dataclass
class Hooks:
    """One worker's webhooks over a founded shop, and the grocer's server."""

    shop: Shop
    receiver: Receiver
    url: str

    def __post_init__(self) -> None:
        self.desk = WebhookDesk(MASTER, Counting(), loopback=True)
        self.nets = Nets()
        self.courier = Courier(self.shop.database, HttpTransport(loopback=True), self.shop.clock, MASTER)

    def make(self, merchant_id: int = GROCER, *kinds: str, url: str | None = None) -> tuple[bytes, str]:
        new = NewEndpoint(merchant_id, url or self.url, kinds, "merchant:ann")
        with self.shop.database.begin() as conn:
            row, secret = self.desk.make(conn, new, self.shop.clock.at)
        return row["endpoint_id"], secret

    def follow(self) -> None:
        with self.shop.database.begin() as conn:
            while follow(conn, self.nets, self.shop.clock.at):
                pass

    def send(self) -> None:
        while self.courier.step():
            self.courier.finish()

    def job(self) -> None:
        self.follow()
        self.send()

    def buy(self, phone: Phone, amount: int = 1_000, **more: Any) -> str:
        body = self.shop.sale_body(line("1", amount, 2), member={"number": phone.number}, **more)
        return str(loads(self.shop.send_sale(body))["sale_id"])

    def states(self) -> list[str]:
        d = webhook_delivery.c
        with self.shop.database.read() as conn:
            return list(conn.execute(select(d.state).order_by(d.number)).scalars())

    def endpoint(self) -> Any:
        with self.shop.database.read() as conn:
            return conn.execute(select(webhook_endpoint)).mappings().first()


@pytest.fixture
def hooks(database: Database) -> Iterator[Hooks]:
    shop, receiver = Shop(database), Receiver()
    shop.found()
    with serving(receiver) as url:
        hooks = Hooks(shop, receiver, url)
        yield hooks
        hooks.courier.close()
    shop.close()


def test_a_sale_and_its_points_are_told_once_signed_and_say_nothing_of_a_person(hooks: Hooks) -> None:
    phone = hooks.shop.enrol()
    _, secret = hooks.make()
    sale = hooks.buy(phone)
    hooks.job()
    hooks.job()
    assert hooks.receiver.kinds() == ["sale.recorded", "points.changed"]
    sold, points = hooks.receiver.taken
    who = {"number": phone.number, "account": "0x" + phone.account.hex()}
    assert (sold["data"]["sale"], sold["data"]["total_minor"], sold["data"]["member"]) == (sale, 1_000, who)
    assert (points["data"]["programme"], points["data"]["available"], points["number"]) == ("GROC", 10, 2)
    assert all(map(signed_by, [secret] * 2, hooks.receiver.headers, hooks.receiver.raw))
    assert not signed_by(secret, hooks.receiver.headers[0], hooks.receiver.raw[1])
    assert hooks.states() == ["delivered", "delivered"]


def test_points_paid_elsewhere_are_told_to_their_issuer_and_the_sale_to_its_seller_alone(
    hooks: Hooks,
) -> None:
    phone = hooks.shop.enrol()
    hooks.buy(phone, 100_000)
    hooks.make(GROCER)
    hooks.make(FUEL, "sale.recorded")
    code, spend = phone.pay_code(hooks.shop.clock.at), [{"programme": "GROC", "points": 300}]
    body = hooks.shop.sale_body(line("1", 300), at=FUEL, member={"pay_code": code}, spend=spend)
    hooks.shop.send_sale(body, merchant_id=FUEL)
    hooks.job()
    told = {(m["merchant"], m["type"]): m["data"] for m in hooks.receiver.taken if m["number"] > 2}
    mine = told[(f"{GROCER:013d}", "points.changed")]
    assert (mine["available"], mine["cause"], "sale" in mine) == (-300, "redeem", False)
    assert told[(f"{FUEL:013d}", "sale.recorded")]["points_value_minor"] == 300
    assert (f"{FUEL:013d}", "points.changed") not in told


def test_a_receiver_that_is_down_for_a_day_loses_nothing_and_is_not_hammered(hooks: Hooks) -> None:
    phones = [hooks.shop.enrol() for _ in range(3)]
    hooks.make(GROCER, "sale.recorded")
    hooks.receiver.status = 503
    sales = []
    for hour in range(24):
        sales.append(hooks.buy(phones[hour % 3]))
        hooks.job()
        hooks.shop.clock.forward(hours=1)
    assert hooks.receiver.tries <= 24 and hooks.receiver.taken == []
    down = hooks.endpoint()
    assert (down["state"], down["last_error"], down["failures"] > 3) == ("active", "503", True)
    assert set(hooks.states()) == {"pending"}
    hooks.receiver.status = 200
    hooks.shop.clock.forward(hours=1)
    hooks.job()
    assert [message["data"]["sale"] for message in hooks.receiver.taken] == sales
    assert len(set(hooks.receiver.ids)) == 24
    assert (hooks.endpoint()["failures"], hooks.endpoint()["failing_since"]) == (0, None)


def test_a_fact_that_is_refused_holds_up_its_member_alone_and_is_given_up_after_a_week(hooks: Hooks) -> None:
    odd, even = hooks.shop.enrol(), hooks.shop.enrol()
    hooks.make(GROCER, "sale.recorded")
    hooks.receiver.refuse = {odd.number: 400}
    first, second, other = hooks.buy(odd), hooks.buy(odd), hooks.buy(even)
    hooks.job()
    assert [m["data"]["sale"] for m in hooks.receiver.taken] == [other]
    assert hooks.states() == ["pending", "pending", "delivered"]
    hooks.shop.clock.forward(days=7)
    hooks.send()
    assert hooks.states()[0] == "dead"
    hooks.receiver.refuse = {}
    hooks.shop.clock.forward(hours=1)
    hooks.send()
    assert hooks.states() == ["dead", "delivered", "delivered"]
    with hooks.shop.database.begin() as conn:
        endpoint_id = hooks.endpoint()["endpoint_id"]
        assert hooks.desk.replay(conn, endpoint_id, GROCER, Range(1, 1), hooks.shop.clock.at) == (1, None)
    hooks.send()
    assert [m["data"]["sale"] for m in hooks.receiver.taken] == [other, second, first]


def test_a_secret_changes_with_a_day_of_two_and_an_end_ends_it(hooks: Hooks) -> None:
    phone = hooks.shop.enrol()
    endpoint_id, old = hooks.make(GROCER, "sale.recorded")
    with hooks.shop.database.begin() as conn:
        _, new = hooks.desk.rotate(conn, endpoint_id, GROCER, hooks.shop.clock.at)
    hooks.buy(phone)
    hooks.job()
    hooks.shop.clock.forward(hours=24)
    hooks.buy(phone)
    hooks.job()
    both, one = (
        [signed_by(secret, headers, body) for secret in (old, new)]
        for headers, body in zip(hooks.receiver.headers, hooks.receiver.raw, strict=True)
    )
    assert (both, one) == ([True, True], [False, True])
    hooks.receiver.status = 410
    hooks.buy(phone)
    hooks.job()
    assert hooks.endpoint()["state"] == "gone"
    with hooks.shop.database.begin() as conn:
        hooks.desk.move(conn, endpoint_id, GROCER, "ended")
        with pytest.raises(WebhookUnknown):
            hooks.desk.move(conn, endpoint_id, GROCER, "active")
    hooks.buy(phone)
    hooks.job()
    assert hooks.receiver.tries == 3


def test_an_erased_member_is_in_no_message_any_more_and_who_knew_it_is_told(hooks: Hooks) -> None:
    phone = hooks.shop.enrol()
    hooks.make(GROCER)
    hooks.receiver.status = 500
    hooks.buy(phone)
    hooks.job()
    with hooks.shop.database.begin() as conn:
        conn.execute(
            update(member).values(status="erased", member_number=None, erased_at=hooks.shop.clock.at)
        )
    hooks.receiver.status = 200
    hooks.shop.clock.forward(hours=1)
    hooks.job()
    assert hooks.receiver.kinds() == ["sale.recorded", "points.changed", "member.erased"]
    assert {m["data"]["member"]["number"] for m in hooks.receiver.taken} == {None}
    assert phone.number not in b"".join(hooks.receiver.raw).decode()


def test_periods_are_told_and_what_nobody_heard_is_nobodys(hooks: Hooks) -> None:
    phone = hooks.shop.enrol()
    hooks.nets.closed = 1
    hooks.buy(phone)
    hooks.job()
    hooks.make(GROCER, "settlement.closed")
    hooks.nets.closed = 3
    hooks.job()
    told = [(m["data"]["period"], m["data"]["net_micros"], m["data"]["member"]) for m in hooks.receiver.taken]
    assert told == [(2, -10_000_000, None), (3, -15_000_000, None)]
    with hooks.shop.database.read() as conn:
        assert conn.execute(select(webhook_event.c.number)).scalars().all() == [1, 2]
        assert conn.execute(select(webhook_fresh)).all() == []
        assert not something_new(conn, hooks.nets, hooks.shop.clock.at)


def test_endpoints_take_turns_however_slow_some_of_them_are(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger_service.webhooks.courier._THREADS", 1)
    monkeypatch.setattr("ledger_service.webhooks.courier.AT_ONCE", 1)
    phone, called = hooks.shop.enrol(), list[str]()
    for path in "abc":
        hooks.make(GROCER, "sale.recorded", url=hooks.url + path)
    for _ in range(2):
        hooks.buy(phone)

    def post(_: Any, url: str, *__: Any) -> Answer:
        called.append(url[-1])
        return Answer(204)

    monkeypatch.setattr(HttpTransport, "post", post)
    hooks.job()
    assert (sorted(called[:3]), len(called)) == (["a", "b", "c"], 6)


def test_a_merchant_has_so_many_endpoints_and_none_inside(hooks: Hooks) -> None:
    hooks.desk = WebhookDesk(MASTER, Counting(), loopback=False)
    with pytest.raises(WebhookAddressRefused):
        hooks.make()
    for _ in range(MOST_ENDPOINTS):
        hooks.make(url="https://crm.example.com/")
    with pytest.raises(WebhookLimitReached):
        hooks.make(url="https://crm.example.com/")


def test_a_name_that_leads_inside_is_not_called_whatever_it_was_when_it_was_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[object] = []
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 443)) for a in ("93.184.216.34", "10.0.0.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: inside)
    monkeypatch.setattr(socket, "create_connection", lambda *a: called.append(a))
    transport = HttpTransport(loopback=False)
    assert transport.post("https://crm.example.com/", {}, b"{}") == Answer(None, "address")
    assert transport.post("http://127.0.0.1:1/", {}, b"{}") == Answer(None, "address")
    assert called == []


def test_nobody_there_is_an_answer_too() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    answer = HttpTransport(loopback=True).post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer == Answer(None, "connect")
    assert timedelta(0) == timedelta(seconds=answer.retry_after_seconds)
