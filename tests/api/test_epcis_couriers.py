"""The courier of subscriptions: nobody waits for one that is broken, and no more is read than is sent."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from ledger_service.traceability.epcis import queries
from ledger_service.traceability.standing.models import epcis_query
from ledger_service.webhooks.subscriptions import reports as sending
from ledger_service.webhooks.subscriptions.models import epcis_subscription
from ledger_service.webhooks.subscriptions.queries import due_subscriptions
from tests.api.service import Shop
from tests.api.test_epcis import problem
from tests.api.test_epcis_subscriptions import BASE, STORING, STREAM, Reports, capture, subscribed


def test_one_that_cannot_be_read_keeps_nobody_waiting(shop: Shop) -> None:
    broken = subscribed(shop, query={**STORING, "name": "broken"})
    subscribed(shop)
    database, reports = shop.serving.foundations.database, Reports(shop)
    with database.begin() as conn:
        row = epcis_query.c.name == "broken"
        conn.execute(update(epcis_query).where(row).values(parameters='{"orderBy": "size"}'))
    capture(shop, "grocer", 1)
    reports.run()
    assert reports.partner.seconds() == [["01"]]
    assert shop.get("grocer", broken).json["lastError"] == "trouble"
    # Who has everything is not looked at again and again.
    with database.read() as conn:
        assert due_subscriptions(conn, reports.clock.now()) == []


def test_a_token_under_another_secret_is_not_the_same(shop: Shop) -> None:
    subscribed(shop)
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(epcis_subscription).values(token=bytes(40)))
    again = shop.post("grocer", f"{BASE}/storing/subscriptions", STREAM)
    assert problem(again)[::2] == (409, "subscription-known")


def test_no_more_is_read_than_a_message_holds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribed(shop)
    reports, read = Reports(shop), list[int]()

    def bodies_of(conn: Any, numbers: Any) -> Any:
        read.append(len(numbers))
        return queries.bodies_of(conn, numbers)

    monkeypatch.setattr(sending, "bodies_of", bodies_of)
    monkeypatch.setattr(sending, "_MOST_BYTES", 1)
    capture(shop, "grocer", 1, 2, 3)
    reports.run()
    assert (reports.partner.seconds(), read) == ([["01"], ["02"], ["03"]], [1, 1, 1])
