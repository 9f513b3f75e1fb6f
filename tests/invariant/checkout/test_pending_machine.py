"""Points that wait for events, dates and return windows: whatever comes in which order, the books hold."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledger_service.db.engine import open_database
from ledger_service.db.schema import create_everything
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.points import programmes
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.pending_rules import PendingTerms, Wait
from ledger_service.points.rules import EarnRule
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.shop import DOMAIN, START, Shop, line, lots_equal_postings
from tests.integration.points.test_pending import tell
from tests.invariant.checkout.test_till_machine import TillMachine

RULES = {
    "GROC": PendingTerms(Wait.EVENT, 20, event="delivered"),
    "FUEL": PendingTerms(Wait.RETURN_WINDOW, 14),
    "FLOR": PendingTerms(Wait.EVENT, 20, 0, "delivered", lapses=False),
}
STEPS = st.lists(st.sampled_from(["refund", "event", "vest", "days"]), max_size=14)


def wait_everywhere(shop: Shop) -> None:
    with shop.database.begin() as conn:
        for code, pending in RULES.items():
            rule_of = EarnRule(2, seconds_floor(START), 150, 100, pending=pending)
            programmes.add_rule(conn, code, rule_of)
    shop.catalogue.refresh()


class PendingMachine(TillMachine):
    """The tills of before, with earn that waits, and merchants who tell events in time, late or twice."""

    def found(self) -> None:
        super().found()
        wait_everywhere(self.shop)

    @rule(data=st.data(), event=st.sampled_from(["delivered", "delivered", "paid"]))
    def tell_event(self, data: st.DataObject, event: str) -> None:
        if self.sales:
            sale = data.draw(st.sampled_from(self.sales))
            self.trying(lambda: tell(self.shop, sale, event, at=sale["at"]))


@pytest.mark.filterwarnings("default")
class TestPendingTills(PendingMachine.TestCase):
    settings = settings(
        max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )


@pytest.fixture(scope="module")
def counter() -> Iterator[Shop]:
    directory = Path(tempfile.mkdtemp(prefix="pending-"))
    database = open_database(f"sqlite:///{directory}/alliance.db")
    create_everything(database)
    shop = Shop(database)
    shop.found()
    wait_everywhere(shop)
    yield shop
    shop.close()
    lots_equal_postings(shop)
    database.close()
    shutil.rmtree(directory)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_comes_back_in_any_order_of_events_and_vesting_ends_where_one_whole_refund_ends(
    counter: Shop, steps: list[str]
) -> None:
    """INV-13: a member who returns everything has no point of the sale, no debt, and all of the money."""
    shop, phone = counter, counter.enrol()
    limits = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(10, 10), "w1")
    points = PointsService(shop.writer, shop.database, shop.catalogue, limits)
    sale = shop.sell(phone, line("1", 1_500, 5))
    refunds: list[dict[str, Any]] = []
    for step in [*steps, "whole"]:
        try:
            if step in ("refund", "whole"):
                refunds.append(shop.refund(sale["sale_id"], [("1", 1)] if step == "refund" else None))
            elif step == "event":
                tell(shop, sale)
        except DomainError:
            continue
        if step == "days":
            shop.clock.forward(days=11)
        if step == "vest":
            while points.vest_due(shop.clock.at):
                pass
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending")) == (0, 0)
    assert sum(r["cash_minor"] for r in refunds) == sale["total_minor"]
    assert not any(r["debt"] for r in refunds)
