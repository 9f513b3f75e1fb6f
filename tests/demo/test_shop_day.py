"""The counter's day and its thefts, played against the real service in this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger_service.db.engine import Database
from ledger_service.demo import shop_day
from ledger_service.demo.acts import put_on
from ledger_service.demo.alliance_plan import MERCHANTS
from ledger_service.demo.counter_story import CounterStory, day_lines
from ledger_service.demo.dataset import Basket, Line
from ledger_service.demo.founding import DemoAlliance, Founder
from ledger_service.demo.fraud_story import CASES, FraudStory, rules
from ledger_service.demo.http_client import Answer
from ledger_service.demo.progress import Checkpoint, Progress
from ledger_service.demo.screen import Screen
from ledger_service.demo.second_opinion import disagreements
from ledger_service.demo.service_client import Frame
from ledger_service.demo.shop_screen import honest_refused, show_shop_day
from ledger_service.demo.story import Desk
from ledger_service.demo.town import Scenario, Town
from ledger_service.demo.walk_ons import ShopCounter
from ledger_service.kernel.clock import format_instant
from tests.api.service import ALLIANCE, Shop, bare_shop

STORE = 330
NOON = datetime(2017, 1, 1, 17, tzinfo=UTC)
END = datetime(2017, 1, 9, tzinfo=UTC)


class InProcess:
    """The run's own view of a service, without a wire."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def post(self, path: str, body: dict[str, Any], frame: Frame) -> Answer:
        self.shop.at = format_instant(frame.at)
        told = self.shop.post(frame.api_key, path, body, key=frame.key)
        return Answer(told.status_code, told.json, {})

    async def put(self, path: str, body: dict[str, Any], frame: Frame) -> dict[str, Any]:
        self.shop.at = format_instant(frame.at)
        told = self.shop.put(frame.api_key, path, body, key=frame.key)
        assert told.status_code < 300, told.get_data(as_text=True)
        return dict(told.json)

    async def demand(self, path: str, body: dict[str, Any], frame: Frame) -> dict[str, Any]:
        told = await self.post(path, body, frame)
        assert told.status < 300, told.document
        return dict(told.document)

    async def get(self, path: str, api_key: str, at: datetime | None = None) -> dict[str, Any]:
        if at is not None:
            self.shop.at = format_instant(at)
        told = self.shop.get(api_key, path)
        assert told.status_code == 200, told.get_data(as_text=True)
        return dict(told.json)


def day() -> list[Basket]:
    """What the closed shop sold on its day."""
    lines = {"GROC": (Line(1, "GROCERY", 2, 1_250), Line(2, "PRODUCE", 1, 99))}
    return [Basket(n, 1_000 + n, n, STORE, NOON + timedelta(minutes=n), lines) for n in (1, 2, 3)]


@pytest.fixture
def town(sqlite_database: Database, tmp_path: Path) -> Iterator[Town]:
    """The alliance of the plan, the closed shop's sales, and both stories on the agenda."""
    state = tmp_path / "state"
    state.mkdir()
    shop = bare_shop(sqlite_database, state)
    operator = shop.keys["operator"]
    service: Any = InProcess(shop)
    founder, progress = Founder(service, operator, "seed"), Progress(tmp_path / "progress.db")

    async def founded() -> Town:
        await founder.merchants()
        await founder.programmes()
        alliance = DemoAlliance(founder, ALLIANCE.domain, await founder.epoch_ends(), progress)
        scenario = Scenario("seed", tmp_path / "baskets.db", END, END, mishaps=True)
        town = Town(scenario, service, alliance, Counter(), Checkpoint(0, 0, Counter()))
        await sell(town)
        return town

    with closing(progress):
        made = asyncio.run(founded())
        put_stories_on(made, Desk(operator, shop.further_operator("second").token))
        yield made
    shop.serving.close()


def put_stories_on(town: Town, desk: Desk) -> None:
    counter = ShopCounter(town, desk, STORE)
    put_on(town, [*CounterStory(counter, day()).scenes(), *FraudStory(counter).scenes()])


async def sell(town: Town) -> None:
    """The real baskets of the closed day."""
    for basket, line in zip(day(), day_lines(day()), strict=True):
        till = await town.alliance.till_key(MERCHANTS[0], STORE, basket.at)
        parts = [
            {"line": str(n), "category": one.department, "quantity": 1, "amount_minor": one.paid_minor}
            for n, one in enumerate(basket.checkouts["GROC"])
        ]
        body = {"store": MERCHANTS[0].store_gln(STORE), "currency": "USD", "lines": parts}
        frame = Frame(till, f"sale:{basket.basket_id}", basket.at)
        await town.service.demand("/v1/sales", body | {"reference": line["reference"]}, frame)


async def play(town: Town) -> None:
    """Every act in its order; before each, what the service reads once a second is read, and the chain has
    confirmed every phone.
    """
    serving = town.service.shop.serving  # type: ignore[attr-defined]  # the service in this process
    while town.agenda.next_seconds is not None:
        serving.rules.refresh()
        with serving.foundations.database.begin() as conn:
            conn.exec_driver_sql("UPDATE device SET active_from = created_at")
        serving.checkout._admission._sources.directory.refresh()
        _, work = town.agenda.pop().begin()
        await work()


def test_everything_that_a_desk_is_asked_for_and_every_theft_is_caught(town: Town) -> None:
    asyncio.run(play(town))
    counts = town.counts
    assert show_shop_day(Screen(), counts), {n: c for n, c in counts.items() if "stolen" in n}
    assert (counts["thefts seeded"], counts["thefts caught"]) == (3 * CASES, 3 * CASES)
    assert counts["acts of thieves that worked"] == CASES * 3, "the first three receipts of each"
    assert counts["cashiers reported for attaching to one card"] == CASES
    assert counts["beyond a mate's right: household-limit-reached"] == 1
    assert counts["goods without a receipt: return-without-receipt-limited"] == 1
    assert counts["goodwill by one person alone: second-person-needed"] == 1
    assert (counts["claims granted"], counts["receipts that joined later"]) == (1, 1)
    phones = list(town.phones.values())
    assert len(phones) == 3 + 3 * CASES
    differing = disagreements(town.service, town.service.shop.keys["operator"], phones, END)  # type: ignore[attr-defined]  # as above
    assert asyncio.run(differing) == []
    played = list(town.pending.story["done"])
    put_stories_on(town, Desk("", ""))
    assert town.agenda.next_seconds is None
    assert len(played) == len(set(played)) == 14


def test_only_what_the_rules_said_counts_as_theirs() -> None:
    counts = Counter({"refused points: step-up-required": 2, "refused points: points-not-enough": 5})
    assert honest_refused(counts) == 2
    assert not show_shop_day(Screen(), Counter({"thefts seeded": 1}))


def test_the_closed_shop_is_the_busiest_whose_line_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*day(), Basket(9, 9, 9, 7, NOON, {"GROC": ()}), Basket(10, 10, 9, 8, NOON, {"MEAT": ()})]
    monkeypatch.setattr(shop_day, "stream", lambda *_: iter(rows))
    monkeypatch.setattr(shop_day, "outage_at", lambda seed, store, at: store == STORE or None)
    assert [basket.store for basket in shop_day.closed_day(Path(), "seed")] == [7]
    monkeypatch.setattr(shop_day, "outage_at", lambda *_: None)
    assert shop_day.closed_day(Path(), "seed") == day()


def test_the_page_tells_the_rules_and_the_people() -> None:
    page = (Path(__file__).parents[2] / "docs" / "run-rules.md").read_text(encoding="utf-8")
    for rule in rules():
        assert f"`{rule['code']}`" in page
