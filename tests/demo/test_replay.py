"""The replay against a service that is a fake: orders, barriers, checkpoints, resumption, refusals."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger_service.demo import dataset, story_rules
from ledger_service.demo.alliance_plan import PROGRAMMES, Merchant
from ledger_service.demo.http_client import Answer
from ledger_service.demo.phones import EpochEnds, Phone
from ledger_service.demo.progress import Progress
from ledger_service.demo.replay import Replay
from ledger_service.demo.service_client import Frame
from ledger_service.demo.town import Scenario
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.eip712 import Domain

FIRST = datetime(2017, 1, 6, 12, tzinfo=UTC)
UNTIL = datetime(2017, 1, 12, 5, tzinfo=UTC)
FUEL_WEEK_ENDS = datetime(2017, 1, 9, 6, tzinfo=UTC)
WEEK_AFTER = FUEL_WEEK_ENDS + timedelta(days=7)
QUARTER_ENDS = datetime(2017, 4, 1, 4, tzinfo=UTC)


class FakeService:
    """Answers sales and refunds like the real one would, once for each key, and notes the order."""

    def __init__(self, size: int = 4, die_after: int | None = None) -> None:
        self.size = size
        self.seen: list[tuple[str, datetime, str, dict[str, Any]]] = []
        self.answers: dict[str, tuple[bytes, Answer]] = {}
        self.refuse_points = False
        self._die_after = die_after
        self.in_flight: list[datetime] = []

    async def post(self, path: str, body: dict[str, Any], frame: Frame) -> Answer:
        assert frame.at < FUEL_WEEK_ENDS or all(at >= FUEL_WEEK_ENDS for at in self.in_flight)
        self.in_flight.append(frame.at)
        await asyncio.sleep(0.001 if frame.at < FUEL_WEEK_ENDS else 0)
        self.in_flight.remove(frame.at)
        if self._die_after is not None and len(self.answers) >= self._die_after:
            raise ConnectionError("killed")
        text = json.dumps([path, body], sort_keys=True).encode()
        if frame.key in self.answers:
            known, answer = self.answers[frame.key]
            assert known == text, "a retry must send the same body"
            return answer
        answer = self._answer(path, body, frame)
        self.answers[frame.key] = (text, answer)
        self.seen.append((path, frame.at, frame.key, body))
        return answer

    def _answer(self, path: str, body: dict[str, Any], frame: Frame) -> Answer:
        if path.endswith("/refunds"):
            return Answer(201, {"refunded_minor": 1, "restored": [], "clawed": []}, {})
        if path == "/v1/offline-sales":
            return Answer(200, {"results": [self._merged(item, frame) for item in body["sales"]]}, {})
        if self.refuse_points and "spend" in body:
            return Answer(422, {"code": "points-not-enough"}, {})
        total = sum(line["amount_minor"] for line in body["lines"])
        code = body["reference"].split("-")[1]
        earned = []
        if code in PROGRAMMES:
            ends = [FUEL_WEEK_ENDS, WEEK_AFTER] if code == "FUEL" else [QUARTER_ENDS]
            end = next(end for end in ends if end > frame.at)
            points = total // 100 * PROGRAMMES[code].points_per_unit
            earned = [
                {"programme": code, "points": points, "expires_at": format_instant(end), "debt_collected": 0}
            ]
        told = {"sale_id": frame.key, "due_minor": total, "points_value_minor": 0, "spent": []}
        return Answer(201, told | {"earned": earned}, {})

    def _merged(self, item: dict[str, Any], frame: Frame) -> dict[str, Any]:
        """A sale that a till made alone; who shows a photograph is found out."""
        assert parse_instant(item["sold_at"], "sold_at") < frame.at
        sold = self._answer("/v1/sales", item["sale"], Frame(frame.api_key, item["key"], frame.at))
        loss = {"cause": "pay-code-used", "value_minor": 1, "member_flagged": True}
        told = {"loss": loss if ".photo." in item["key"] else None, "sale": sold.document}
        return {"state": "certain", "result": told}


class FakeAlliance:
    domain = Domain(1, b"\x01" * 20)
    ends = EpochEnds({"FUEL": [FUEL_WEEK_ENDS, WEEK_AFTER], "GROC": [QUARTER_ENDS]})

    async def join(self, phone: Phone, at: datetime, touch: str | None = None) -> None:
        phone.number, phone.account, phone.joined = str(phone.household), b"\x02" * 20, True

    async def till_key(self, merchant: Merchant, store: int, at: datetime) -> str:
        return f"{merchant.key}-{store}"

    async def allow(self, merchant: Merchant, store: int, at: datetime) -> int:
        return 1

    async def forgive(self, sale_id: str, at: datetime) -> None:
        assert ".photo." in sale_id


def basket_rows(i: int) -> list[dict[str, Any]]:
    common = {
        "household_id": i % 3, "store_id": 330, "basket_id": 1_000 + i, "quantity": 2, "coupon_disc": 0.0,
        "transaction_timestamp": (FIRST + timedelta(hours=i)).replace(tzinfo=None),
    }  # fmt: skip
    return [
        common | {"product_id": 1, "sales_value": 9.5, "department": "GROCERY"},
        common | {"product_id": 2, "sales_value": 31.0, "department": "FUEL"},
    ]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(dataset, "_raw_baskets", lambda: iter([basket_rows(i) for i in range(120)]))
    monkeypatch.setattr("ledger_service.demo.replay.CHECKPOINT_EVERY", 10)
    dataset.convert(tmp_path / "data.db")
    return tmp_path / "data.db"


def replay(data: Path, service: FakeService, until: datetime = UNTIL, mishaps: bool = False) -> Replay:
    scenario = Scenario("seed", data, until, datetime(2018, 1, 1, 4, 59, 59, tzinfo=UTC), mishaps)
    progress = Progress(data.with_name("progress.db"))
    return Replay(scenario, service, FakeAlliance(), progress)  # type: ignore[arg-type]  # the fake is no pool


def test_each_basket_is_one_checkout_at_each_merchant(data: Path) -> None:
    service = FakeService()
    run = replay(data, service)
    asyncio.run(run.run())
    sales = [body["reference"] for path, _, _, body in service.seen if path == "/v1/sales"]
    assert sorted(sales) == sorted(f"{1_000 + i}-{key}" for i in range(120) for key in ("GROC", "FUEL"))
    assert (run.counts["baskets"], run.counts["checkouts"], run.counts["members"]) == (120, 240, 3)


def test_one_members_requests_keep_their_order_and_an_epochs_end_divides_them(data: Path) -> None:
    service = FakeService()
    run = replay(data, service)
    asyncio.run(run.run())
    for household in range(3):
        own = [
            at for _, at, _, body in service.seen if f"{household}" == body.get("member", {}).get("number")
        ]
        assert own == sorted(own)
    before = next(i for i, seen in enumerate(service.seen) if seen[1] >= FUEL_WEEK_ENDS)
    assert before > 0
    assert all(seen[1] >= FUEL_WEEK_ENDS for seen in service.seen[before:])


def test_points_of_other_merchants_are_spent_with_a_pay_code(data: Path) -> None:
    service = FakeService()
    run = replay(data, service)
    asyncio.run(run.run())
    paid = [body for _, _, _, body in service.seen if "spend" in body]
    assert paid
    assert all(body["member"]["pay_code"].startswith("AL1:") for body in paid)
    assert all(s["programme"] not in body["reference"] for body in paid for s in body["spend"])


def test_a_refused_payment_with_points_is_tried_once_more_in_cash_and_counted(data: Path) -> None:
    service = FakeService()
    service.refuse_points = True
    run = replay(data, service)
    asyncio.run(run.run())
    assert run.counts["checkouts"] == 240
    assert run.counts["refused points: points-not-enough"] > 0
    assert run.refusals


@pytest.fixture
def bad_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every store's line fails every day, and every code is photographed."""
    monkeypatch.setattr(story_rules, "OUTAGE_BPS", 10_000)
    monkeypatch.setattr(story_rules, "PHOTO_BPS", 10_000)
    monkeypatch.setattr(story_rules, "PHOTO_AT_CUT_OFF_TILL_BPS", 10_000)


@pytest.mark.usefixtures("bad_days")
def test_what_cut_off_tills_sell_is_uploaded_once_and_counts_like_any_sale(data: Path) -> None:
    service = FakeService()
    run = replay(data, service, mishaps=True)
    asyncio.run(run.run())
    counts = run.counts
    items = [
        item for path, _, _, body in service.seen if path == "/v1/offline-sales" for item in body["sales"]
    ]
    assert len({item["key"] for item in items}) == len(items)
    honest = [item for item in items if ".sale." in item["key"]]
    assert counts["sold alone"] == len(honest) > 0
    assert counts["checkouts"] == 240
    assert counts["photographs unmasked when the line was back"] == len(items) - len(honest) > 0
    assert all(phone.unheard == 0 for phone in run.phones.values())


@pytest.mark.usefixtures("bad_days")
@pytest.mark.parametrize("killed_after", [5, 60, 150])
def test_a_killed_run_of_bad_days_ends_as_one_that_was_never_killed(data: Path, killed_after: int) -> None:
    whole, broken = FakeService(), FakeService(die_after=killed_after)
    once = replay(data, whole, mishaps=True)
    asyncio.run(once.run())
    for leftover in data.parent.glob("progress.db*"):
        leftover.unlink()
    with pytest.raises(ConnectionError):
        asyncio.run(replay(data, broken, mishaps=True).run())
    survivor = FakeService()
    survivor.answers, survivor.seen = broken.answers, broken.seen
    again = replay(data, survivor, mishaps=True)
    asyncio.run(again.run())
    assert survivor.answers == whole.answers
    assert again.counts == once.counts


@pytest.mark.parametrize("killed_after", [1, 37, 111, 190])
def test_a_killed_run_resumes_and_ends_as_one_that_was_never_killed(data: Path, killed_after: int) -> None:
    whole = FakeService()
    once = replay(data, whole)
    asyncio.run(once.run())
    for leftover in data.parent.glob("progress.db*"):
        leftover.unlink()
    broken = FakeService(die_after=killed_after)
    run = replay(data, broken)
    with pytest.raises(ConnectionError):
        asyncio.run(run.run())
    survivor = FakeService()
    survivor.answers, survivor.seen = broken.answers, broken.seen
    again = replay(data, survivor)
    asyncio.run(again.run())
    assert survivor.answers == whole.answers
    assert again.counts == once.counts


def test_a_longer_run_continues_where_a_shorter_one_ended(data: Path) -> None:
    whole = FakeService()
    asyncio.run(replay(data, whole).run())
    for leftover in data.parent.glob("progress.db*"):
        leftover.unlink()
    service = FakeService()
    for until in (FIRST + timedelta(days=2), FIRST + timedelta(days=2), UNTIL):
        asyncio.run(replay(data, service, until).run())
    assert service.answers == whole.answers
    assert len(service.seen) == len(whole.seen)
