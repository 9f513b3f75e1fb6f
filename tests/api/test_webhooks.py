"""Webhooks over HTTP: whose endpoint it is, its secret shown once, deliveries in pages, facts told again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from ledger_service.bootstrap.jobs import open_jobs
from ledger_service.kernel.clock import parse_instant
from ledger_service.webhooks.following import follow
from ledger_service.webhooks.models import webhook_delivery
from tests.api.service import GROCER, Shop, basket
from tests.api.test_administration import with_phone
from tests.api.test_pages import all_pages

BASE = "/v1/webhooks"
NEW = {"merchant": GROCER, "url": "https://crm.example.com/hooks", "kinds": ["sale.recorded"]}


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


class NoSettlements:
    """Nothing was settled."""

    def closed_after(self, conn: Any, period: int, at: Any) -> tuple[int, list[Any]]:
        return period, []


def read_on(shop: Shop) -> None:
    with shop.serving.foundations.database.begin() as conn:
        follow(conn, NoSettlements(), parse_instant(shop.at, "at"))


@pytest.fixture
def hooked(shop: Shop) -> tuple[Shop, str]:
    made = shop.must("grocer", BASE, NEW, key="h")
    assert shop.must("grocer", BASE, NEW, key="h") == made
    assert made["secret"].startswith("whsec_")
    return shop, made["endpoint"]["webhook"]


def test_an_endpoint_is_its_merchants_and_its_secret_changes(hooked: tuple[Shop, str]) -> None:
    shop, webhook = hooked
    assert code_of(shop.post("fuel", BASE, NEW)) == (403, "not-yours")
    inside = NEW | {"url": "https://10.0.0.7/"}
    assert code_of(shop.post("grocer", BASE, inside)) == (422, "webhook-address-refused")
    nobody = NEW | {"merchant": "4006381333931"}
    assert code_of(shop.post("operator", BASE, nobody)) == (404, "merchant-unknown")
    for _ in range(9):
        shop.must("grocer", BASE, NEW)
    assert code_of(shop.post("grocer", BASE, NEW)) == (422, "webhook-limit-reached")
    assert len(all_pages(shop, "grocer", BASE, "webhooks", 4)) == 10
    assert shop.get("fuel", BASE).json["webhooks"] == []
    assert "secret" not in shop.get("grocer", BASE).json["webhooks"][0]
    other = shop.must("grocer", f"{BASE}/{webhook}/secret")["secret"]
    assert other != shop.must("grocer", f"{BASE}/{webhook}/secret")["secret"]
    assert code_of(shop.post("fuel", f"{BASE}/{webhook}/secret")) == (404, "webhook-unknown")
    assert shop.must("grocer", f"{BASE}/{webhook}/state", {"state": "ended"})["state"] == "ended"
    assert code_of(shop.post("grocer", f"{BASE}/{webhook}/state", {"state": "active"})) == (
        404,
        "webhook-unknown",
    )


def test_deliveries_are_seen_and_told_again(hooked: tuple[Shop, str]) -> None:
    shop, webhook = hooked
    number = with_phone(shop)["number"]
    for _ in range(3):
        shop.must("grocer-till", "/v1/sales", basket() | {"member": {"number": number}})
    read_on(shop)
    path = f"{BASE}/{webhook}/deliveries"
    rows = all_pages(shop, "grocer", path, "deliveries")
    assert [(row["type"], row["state"]) for row in rows] == [("sale.recorded", "pending")] * 3
    assert shop.get("grocer", f"{path}?state=dead").json["deliveries"] == []
    assert code_of(shop.get("fuel", path)) == (404, "webhook-unknown")
    assert shop.get("auditor", BASE).json["webhooks"][0]["waiting"] == 3
    replay = f"{BASE}/{webhook}/replay"
    assert shop.must("grocer", replay, {"since": 3}) == {"replayed": 2, "next": None}
    assert code_of(shop.post("grocer", replay, {"since": 3, "until": 2})) == (400, "malformed-field")
    ended = shop.must("grocer", f"{BASE}/{webhook}/state", {"state": "ended"})
    assert (ended["state"], ended["waiting"]) == ("ended", 0)
    assert shop.get("grocer", path).json["deliveries"] == []
    # Millions may have waited: the writer of sales does not stop to take them away.
    with shop.serving.foundations.database.read() as conn:
        assert conn.execute(select(func.count()).select_from(webhook_delivery)).scalar_one() == 3


def test_the_jobs_of_the_bridge_read_and_send(hooked: tuple[Shop, str]) -> None:
    shop, _ = hooked
    jobs = open_jobs(shop.serving.foundations, shop.serving.secrets)
    steps = jobs.steps()
    assert {"webhooks", "webhook-deliveries"} <= set(steps)
    assert steps["webhooks"]() is False
    jobs.close()
