"""What goes wrong in the main run: outages, photographs, the cast, and the acts against a fake service."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger_service.demo import story_rules
from ledger_service.demo.alliance_plan import LADDERS, MERCHANTS, PROGRAMMES, TAKES_BACK
from ledger_service.demo.cast import Cast, cast_of
from ledger_service.demo.http_client import Answer
from ledger_service.demo.phones import EpochEnds, device_key
from ledger_service.demo.progress import Checkpoint
from ledger_service.demo.service_client import Frame
from ledger_service.demo.story import Desk, Story
from ledger_service.demo.story_rules import outage_at, photographed
from ledger_service.demo.thief import SERVED
from ledger_service.demo.town import Scenario, Town
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.secp256k1 import address_of_key, address_text

NOON = datetime(2017, 1, 5, 17, tzinfo=UTC)
END = datetime(2017, 4, 1, 4, tzinfo=UTC)
HOURS = [NOON + timedelta(hours=n) for n in range(24 * 40)]


def test_an_outage_is_the_same_for_everybody_who_comes_in_it_and_ends_before_midnight() -> None:
    found = [(store, at, outage_at("seed", store, at)) for store in range(40) for at in HOURS]
    outages = {(store, o.begin, o.end) for store, at, o in found if o is not None and o.begin <= at < o.end}
    assert outages
    days = {(store, begin.date()) for store, begin, _ in outages}
    assert len(days) == len(outages), "one a day at most"
    for _, begin, end in outages:
        assert 13 <= begin.hour <= 22 and end.hour in (*range(15, 24), *range(5))
        assert timedelta(hours=2) <= end - begin <= timedelta(hours=6)
    assert len(outages) < 40 * 41 * 6 // 100


def test_photographs_are_rarer_online_than_at_cut_off_tills() -> None:
    names = [f"{n}-GROC" for n in range(4_000)]
    online = sum(photographed("seed", name, cut_off=False) for name in names)
    alone = sum(photographed("seed", name, cut_off=True) for name in names)
    assert 0 < online < alone < len(names) // 2


def test_the_plan_of_tiers_and_partners_names_merchants_of_the_plan() -> None:
    assert set(LADDERS) <= set(PROGRAMMES)
    assert all(ladder["tiers"][0]["at_least_minor"] == 0 for ladder in LADDERS.values())
    keys = {merchant.key for merchant in MERCHANTS}
    assert {*TAKES_BACK, *TAKES_BACK.values()} <= keys


def households(path: Path, *visits: int) -> Path:
    """Data in which household n shops so often, from the first morning on."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE basket (household INTEGER, at_seconds INTEGER)")
    first = int(datetime(2017, 1, 1, 15, tzinfo=UTC).timestamp())
    for household, count in enumerate(visits):
        rows = [(household, first + n * 3_600) for n in range(count)]
        connection.executemany("INSERT INTO basket VALUES (?, ?)", rows)
    connection.commit()
    connection.close()
    return path


def test_the_parts_go_to_those_who_shop_most(tmp_path: Path) -> None:
    assert cast_of(households(tmp_path / "a.db", 3, 9, 9, 5, 7)) == Cast(1, 2, 4, 3)
    assert cast_of(households(tmp_path / "b.db", 3, 9)) is None


class FakeService:
    """Does what the acts ask, and refuses what thieves ask unless it ``serves`` them."""

    def __init__(self, serves: bool = False) -> None:
        self._serves = serves
        self.written: list[tuple[str, str, str]] = []
        self.state = "open"

    async def post(self, path: str, body: dict[str, Any], frame: Frame) -> Answer:
        assert path == "/v1/sales"
        code = "pay-code-altered"
        return Answer(201 if self._serves else 422, {"code": code}, {})

    async def demand(self, path: str, body: dict[str, Any], frame: Frame) -> dict[str, Any]:
        self.written.append((path, frame.api_key, frame.key))
        if path.endswith("/approval"):
            self.state = "notice"
        return {"case": "c0", "token": "session", "lane": 9, "version": 1}

    async def get(self, path: str, api_key: str, at: datetime | None = None) -> dict[str, Any]:
        if path.startswith("/v1/cases"):
            now, self.state = self.state, "executed"
            return {"state": now}
        signer = address_text(address_of_key(device_key("seed", 1, "next")))
        return {"account": "0x" + "77" * 20, "devices": [{"signer": signer, "lane": 4}]}


class FakeAlliance:
    domain = Domain(1, b"\x01" * 20)
    ends = EpochEnds({"GROC": [END]})

    async def till_key(self, *_: object) -> str:
        return "till"


def played(serves: bool = False) -> tuple[Town, FakeService]:
    """All acts, one after the other, with four phones that shopped at the grocer."""
    scenario = Scenario("seed", Path(), END, END, mishaps=True)
    service = FakeService(serves)
    town = Town(scenario, service, FakeAlliance(), Counter(), Checkpoint(0, 0, Counter()))  # type: ignore[arg-type]
    for household in (1, 2, 3, 4):
        phone = town.phone(household)
        phone.number, phone.account, phone.lane, phone.joined = (
            str(household),
            bytes([household]) * 20,
            1,
            True,
        )
        phone.shops, phone.lots = {"GROC": 7}, {"GROC": {int(END.timestamp()): 10 * household}}
    Story(Cast(1, 2, 3, 4), Desk("first", "second")).enter(town)

    async def play() -> None:
        while town.agenda.next_seconds is not None:
            _, work = town.agenda.pop().begin()
            await work()

    asyncio.run(play())
    return town, service


def test_the_acts_end_with_another_account_one_card_fewer_and_no_thief_served() -> None:
    town, service = played()
    assert len(town.pending.story["done"]) == 9
    lost = town.phone(1)
    assert (lost.account, lost.lane, lost.counter, lost.lost) == (b"\x77" * 20, 4, 0, False)
    assert (town.holder(3), town.owner(3)) == (2, 2)
    assert (town.phone(3).lots, town.phone(2).lots["GROC"]) == ({}, {int(END.timestamp()): 50})
    approvals = [key for path, key, _ in service.written if path.endswith("/approval")]
    opened = [key for path, key, _ in service.written if path in ("/v1/cases", "/v1/merges")]
    assert (opened, approvals) == (["first"] * 2, ["second"] * 2)
    assert town.counts[SERVED] == 0
    assert town.counts["thief refused: pay-code-altered"] == 3


def test_a_thief_who_is_served_is_counted() -> None:
    assert played(serves=True)[0].counts[SERVED] == 3


def test_acts_that_were_played_are_not_played_again() -> None:
    town, _ = played()
    Story(Cast(1, 2, 3, 4), Desk("first", "second")).enter(town)
    assert town.agenda.next_seconds is None


def test_the_same_acts_write_the_same_keys() -> None:
    assert played()[1].written == played()[1].written


@pytest.mark.parametrize("name", ["OUTAGE_BPS", "PHOTO_BPS", "AT_A_PARTNER_BPS"])
def test_the_shares_that_the_page_publishes_are_those_of_the_code(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "run-rules.md").read_text(encoding="utf-8")
    share = getattr(story_rules, name)
    assert f"{share // 100} %" in page
