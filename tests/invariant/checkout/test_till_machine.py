"""Random sales, holds, refunds, expiry and vesting: every invariant is checked after every step."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import text

from ledger_service.db.engine import open_database
from ledger_service.db.schema import create_everything
from ledger_service.kernel.errors import DomainError
from ledger_service.ledger.rules import SystemKind, system_account
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.shop import DOMAIN, FLORIST, FUEL, GROCER, Shop, line, lots_equal_postings

CAP = 60_000
SHOPS = st.sampled_from([GROCER, FUEL, FLORIST])
AMOUNTS = st.integers(0, 30_000)


class TillMachine(RuleBasedStateMachine):
    """Three merchants, three members, and whatever tills may do to them."""

    @initialize()
    def open(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="till-"))
        self.database = open_database(f"sqlite:///{self.directory}/alliance.db")
        create_everything(self.database)
        self.shop = Shop(self.database)
        self.found()
        limits = PointsSettings(DOMAIN, self.shop.desk.limits, AdjustmentLimits(10, 10), "w1")
        self.points = PointsService(self.shop.writer, self.database, self.shop.catalogue, limits)
        self.phones = [self.shop.enrol() for _ in range(3)]
        self.sales: list[dict[str, Any]] = []
        self.holds: list[str] = []
        self.refunded: dict[str, int] = {}

    def found(self) -> None:
        self.shop.found(cap=CAP, points=150)  # generous, so that debts arise

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.shop.close()
            self.database.close()
            shutil.rmtree(self.directory)

    @rule(
        member=st.integers(0, 2),
        at=SHOPS,
        amounts=st.lists(AMOUNTS, min_size=1, max_size=3),
        pay=st.integers(0, 9_000),
    )
    def sell(self, member: int, at: int, amounts: list[int], pay: int) -> None:
        lines = [line(str(i), amount, 1 + i) for i, amount in enumerate(amounts)]
        spend = {"max_value_minor": pay} if pay else None
        self.sales.append({**self.shop.sell(self.phones[member], *lines, at=at, spend=spend), "at": at})

    @rule(member=st.integers(0, 2), amount=AMOUNTS, pay=st.integers(1, 9_000), several=st.booleans())
    def authorise(self, member: int, amount: int, pay: int, several: bool) -> None:
        self.trying(lambda: self.holds.append(self.shop.authorise(
            self.phones[member], amount, {"max_value_minor": pay}, several=several)["hold_id"]))  # fmt: skip

    @rule(data=st.data(), amount=AMOUNTS, final=st.booleans())
    def capture(self, data: st.DataObject, amount: int, final: bool) -> None:
        if self.holds:
            hold = data.draw(st.sampled_from(self.holds))
            self.trying(lambda: self.sales.append(
                {**self.shop.capture(hold, line("1", amount), final=final), "at": GROCER}))  # fmt: skip

    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        if self.holds:
            hold = data.draw(st.sampled_from(self.holds))
            self.trying(lambda: self.shop.void(hold))

    @rule(data=st.data(), quantity=st.integers(1, 3))
    def refund(self, data: st.DataObject, quantity: int) -> None:
        if self.sales:
            sale = data.draw(st.sampled_from(self.sales))
            first = "0" if "hold_id" not in sale else "1"
            self.trying(lambda: self.count_refund(
                sale, self.shop.refund(sale["sale_id"], [(first, quantity)], at=sale["at"])))  # fmt: skip

    @rule(data=st.data())
    def refund_whole(self, data: st.DataObject) -> None:
        if self.sales:
            sale = data.draw(st.sampled_from(self.sales))
            self.trying(lambda: self.count_refund(sale, self.shop.refund(sale["sale_id"], at=sale["at"])))

    @rule(member=st.integers(0, 2), amount=st.integers(100, 3_000))
    def buy_spend_return_and_buy_again(self, member: int, amount: int) -> None:
        """What fraud looks like; the second purchase collects the debt that the return has made."""
        bought = self.shop.sell(self.phones[member], line("0", amount))
        self.sell(member, FUEL, [9_000], 9_000)
        self.count_refund(bought, self.shop.refund(bought["sale_id"]))
        self.sell(member, GROCER, [amount], 0)

    @rule(data=st.data(), member=st.integers(0, 2), amount=AMOUNTS, pay=st.integers(0, 9_000))
    def exchange(self, data: st.DataObject, member: int, amount: int, pay: int) -> None:
        """One piece comes back and something else is taken, by whoever; a refusal leaves nothing of both."""
        if self.sales:
            sale, phone = data.draw(st.sampled_from(self.sales)), self.phones[member]
            who: dict[str, Any] = {"member": {"number": phone.number}}
            if pay:
                who = {"member": {"pay_code": phone.pay_code(self.shop.clock.at)}}
                who["spend"] = {"max_value_minor": pay}
            body = self.shop.sale_body(line("0", amount), at=sale["at"], **who)
            first = "0" if "hold_id" not in sale else "1"
            body |= {"sale": sale["sale_id"], "returned": [{"line": first, "quantity": 1}]}
            self.trying(lambda: self.count_exchange(sale, self.shop.exchange(body, at=sale["at"])))

    def count_exchange(self, sale: dict[str, Any], done: dict[str, Any]) -> None:
        self.count_refund(sale, done["refund"])
        self.sales.append({**done["sale"], "at": sale["at"]})

    @rule(at=SHOPS, order=st.sampled_from(["proportional", "points_first"]))
    def publish_an_order_of_returns(self, at: int, order: str) -> None:
        self.shop.publish(at, order=order)

    @rule(hours=st.sampled_from([1, 24, 24 * 40]))
    def time_passes(self, hours: int) -> None:
        self.shop.clock.forward(hours=hours)
        for hold in self.holds:
            self.shop.service.expire_hold(bytes.fromhex(hold), self.shop.clock.at)
        while self.points.vest_due(self.shop.clock.at):
            pass
        while self.points.expire_due(self.shop.clock.at):
            pass

    def count_refund(self, sale: dict[str, Any], refund: dict[str, Any]) -> None:
        key = sale["sale_id"]
        self.refunded[key] = self.refunded.get(key, 0) + refund["refunded_minor"]
        assert refund["cash_minor"] >= 0
        assert self.refunded[key] <= sale["total_minor"], "INV-13"

    def trying(self, action: Any) -> None:
        before = self.rows()
        try:
            action()
        except DomainError:
            assert self.rows() == before, "a refusal left something behind"

    def rows(self) -> list[int]:
        tables = ("entry", "posting", "intent", "sale", "refund", "permit_use", "hold_event", "idempotency")
        return [self.shop.count(table) for table in tables]

    @invariant()
    def lots_equal_postings_and_outstanding_is_what_was_issued(self) -> None:
        if not hasattr(self, "shop"):
            return
        lots_equal_postings(self.shop)
        with self.database.read() as conn:
            for programme in (1, 2, 3):
                self.check_programme(conn, programme)

    def check_programme(self, conn: Any, programme: int) -> None:
        """INV-4, INV-10 and the debts of a programme."""
        mine = {"p": programme}
        lots = "SELECT coalesce(sum(available + held), 0) FROM lot WHERE programme_id = :p"
        debts = "SELECT coalesce(sum(debt), 0) FROM member_programme WHERE programme_id = :p"
        held, owed = conn.execute(text(lots), mine), conn.execute(text(debts), mine)
        issued = self.flow(conn, SystemKind.ISSUANCE, programme)
        gone = sum(self.flow(conn, kind, programme) for kind in (SystemKind.EXPIRED, SystemKind.CLAWBACK))
        acceptors = (GROCER, FUEL, FLORIST)
        redeemed = sum(self.flow(conn, SystemKind.REDEMPTION, programme, at) for at in acceptors)
        assert held.scalar_one() == -issued - gone - redeemed, "INV-4"
        assert -issued <= CAP, "INV-10"
        assert owed.scalar_one() == self.flow(conn, SystemKind.DEBT_CONTRA, programme)

    def flow(self, conn: Any, kind: SystemKind, programme: int, merchant: int | None = None) -> int:
        number = system_account(kind, programme, merchant).account_id
        into = conn.execute(text(
            "SELECT coalesce(sum(CASE WHEN destination_id = :a THEN amount ELSE -amount END), 0)"
            " FROM posting WHERE destination_id = :a OR source_id = :a"), {"a": number})  # fmt: skip
        return int(into.scalar_one())


@pytest.mark.filterwarnings("default")
class TestTills(TillMachine.TestCase):
    settings = settings(
        max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
