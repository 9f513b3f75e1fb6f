"""Two bridges that both believe they lead: what both send has one id, nothing is lost or out of order."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Thread

import pytest

from ledger_service.bootstrap.webhook_transport import HttpTransport
from ledger_service.db.engine import Database
from ledger_service.webhooks.courier import Courier
from tests.integration.checkout.shop import GROCER, Shop
from tests.integration.webhooks.receiver import Receiver, serving
from tests.integration.webhooks.test_webhooks import MASTER, Hooks


@pytest.fixture
def hooks(database: Database) -> Iterator[Hooks]:
    shop, receiver = Shop(database), Receiver()
    shop.found()
    with serving(receiver) as url:
        hooks = Hooks(shop, receiver, url)
        yield hooks
        hooks.courier.close()
    shop.close()


def test_what_two_send_at_once_is_one_message_in_its_order_and_none_waits_for_ever(hooks: Hooks) -> None:
    hooks.make(GROCER, "sale.recorded")
    phones = [hooks.shop.enrol() for _ in range(2)]
    for n in range(8):
        hooks.buy(phones[n % 2])
    hooks.follow()
    other = Courier(hooks.shop.database, HttpTransport(loopback=True), hooks.shop.clock, MASTER)
    start = Barrier(2)

    def work(courier: Courier) -> None:
        start.wait()
        while courier.step():
            courier.finish()

    threads = [Thread(target=work, args=(courier,)) for courier in (hooks.courier, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.close()
    first = list(dict.fromkeys(hooks.receiver.ids))
    numbers = {
        message_id: message["number"]
        for message_id, message in zip(hooks.receiver.ids, hooks.receiver.taken, strict=True)
    }
    assert len(first) == len(set(numbers.values())) == 8
    told: dict[str, list[int]] = {}
    for message in hooks.receiver.taken:
        seen = told.setdefault(message["data"]["member"]["number"], [])
        seen += [message["number"]] if message["number"] not in seen else []
    assert sorted(told) == sorted(phone.number for phone in phones)
    assert all(seen == sorted(seen) and len(seen) == 4 for seen in told.values())
    assert hooks.states() == ["delivered"] * 8
    assert (hooks.endpoint()["failures"], hooks.endpoint()["rests_until"]) == (0, None)
