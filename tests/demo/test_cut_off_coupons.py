"""A cut-off till of the main run takes coupons off alone, and accounts for them when it has uploaded."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from ledger_service.demo.cut_off import CutOffTills
from ledger_service.demo.dataset import Basket, Line
from ledger_service.demo.mailing import Mailing
from ledger_service.demo.story_rules import Outage
from ledger_service.demo.visits import MERCHANT_OF, Visit
from ledger_service.kernel.clock import seconds_floor

AT = datetime(2017, 3, 4, 15, tzinfo=UTC)
OUTAGE = Outage(AT - timedelta(hours=1), AT + timedelta(hours=2))
LINES = (Line(1, "GROCERY", 1, 900), Line(2, "GROCERY", 1, 30))


class Answering:
    """A service that books what is uploaded, and refuses one of two coupons."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    async def post(self, _path: str, body: dict[str, Any], _frame: Any) -> Any:
        self.items += body["sales"]
        merged = {
            "loss": None, "sale": {"points_value_minor": 0}, "coupons_loss_minor": 30,
            "coupons": {"applied": [{}], "refused": [{"reason": "coupon-expired"}], "discount_minor": 180},
        }  # fmt: skip
        results = [{"state": "certain", "result": merged} for _ in body["sales"]]
        return SimpleNamespace(status=200, document={"results": results})


async def _key(*_: Any) -> str:
    return "key"


def a_town(service: Answering, counts: Counter[str]) -> Any:
    due: list[Any] = []
    town = SimpleNamespace(
        seed="s", counts=counts, service=service, due=due, agenda=SimpleNamespace(add=due.append),
        pending=SimpleNamespace(kept=[], uploaded=[]), alliance=SimpleNamespace(till_key=_key),
        owner=lambda household: household, keep=lambda phone: None,
        phone=lambda household: SimpleNamespace(household=household, unheard=0, number="1"),
    )  # fmt: skip
    mailing = Mailing.__new__(Mailing)
    mailing._town = town
    mailing.taken_alone = lambda visit, most: min(most, 210)  # type: ignore[method-assign]
    town.mailing = mailing
    return town


def test_what_a_cut_off_till_took_off_is_uploaded_and_accounted_for() -> None:
    service, counts = Answering(), Counter[str]()
    town, told = a_town(service, counts), []
    tills = CutOffTills(town, lambda visit, document: told.append(document))
    basket = Basket(0, 5, 7, 330, AT, {"GROC": LINES})
    visit = Visit(town.phone(7), basket, MERCHANT_OF["GROC"], LINES)
    body = visit.body() | {"coupons": {"ids": ["a", "b"]}}
    asyncio.run(tills.sell(visit, body, [], OUTAGE))
    assert not counts["coupons shown"], "nothing is said before the service has judged it"
    asyncio.run(tills._upload_all((seconds_floor(OUTAGE.end), 330)))
    assert service.items[0]["sale"]["coupons"] == {"ids": ["a", "b"], "taken_minor": 210}
    assert (counts["coupons shown"], counts["coupons accepted"]) == (2, 1)
    assert counts["coupon refused: coupon-expired"] == 1
    assert (counts["cents lost alone: coupons-refused"], counts["paid cents"]) == (30, -180)
    assert len(told) == 1
