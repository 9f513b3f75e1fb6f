"""Whatever tills do while the contract refuses what it likes, the books say what the chain says (D7)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from sqlalchemy import select, text

from ledger_service.kernel.operations import Clawback, Expire, Issue, Redeem, Restore
from ledger_service.ledger.rules import SystemKind
from ledger_service.outbox.models import intent
from ledger_service.points import programmes
from ledger_service.points.models import member_programme, set_aside
from ledger_service.points.retries.command import AskRetry, RetryDecision
from ledger_service.points.retries.errors import RetryHopeless
from ledger_service.points.retries.service import RetryDesk
from tests.integration.checkout.shop import FLORIST, FUEL, GROCER
from tests.integration.points.refusals import ASIDE, by_state, differences, refuse
from tests.invariant.checkout.test_till_machine import SHOPS, TillMachine

PASSING = "MerchantSuspendedAt(0, 1, 2, 3)"
ACCEPTORS = (GROCER, FUEL, FLORIST)
_KIND = {Issue: SystemKind.ISSUANCE, Clawback: SystemKind.CLAWBACK, Expire: SystemKind.EXPIRED}


def legs_of(op: Any) -> tuple[Any, ...]:
    return op.legs if isinstance(op, (Redeem, Clawback)) else (op.leg,)


class RefusalMachine(TillMachine):
    """Tills as before; any queued operation may be refused at any time and tried again as often, and the job
    runs when it likes."""

    tries = 0

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.once_the_job_has_run_the_books_are_those_of_the_chain()
        super().teardown()

    @rule(data=st.data())
    def the_contract_refuses(self, data: st.DataObject) -> None:
        with self.database.read() as conn:
            queued = select(intent.c.op_id).where(intent.c.state == "queued").order_by(intent.c.intent_id)
            found = list(conn.execute(queued).scalars())
        if found:
            refuse(self.shop, [data.draw(st.sampled_from(found))], PASSING)

    @rule(data=st.data(), member=st.integers(0, 2), at=SHOPS, amount=st.integers(1, 9_000))
    def what_is_refused_comes_back(self, data: st.DataObject, member: int, at: int, amount: int) -> None:
        """A sale of which the contract refuses some operations is returned, before the job or after it."""
        self.sell(member, at, [amount, amount], amount)
        sale = self.sales[-1]
        ops = [bytes.fromhex(op) for op in sale["operations"]]
        if ops:
            refuse(self.shop, data.draw(st.lists(st.sampled_from(ops), unique=True)), PASSING)
        if data.draw(st.booleans()):
            self.once_the_job_has_run_the_books_are_those_of_the_chain()
        self.count_refund(sale, self.shop.refund(sale["sale_id"], [("1", 1)], at=at))

    @rule(data=st.data())
    def an_operation_is_tried_again(self, data: st.DataObject) -> None:
        """Two operators put a refused one to the contract once more, before the job or after it."""
        aside = sorted(op.op_id for op in by_state(self.shop, ASIDE))
        if not aside:
            return
        self.tries += 1
        op_id, desk = data.draw(st.sampled_from(aside)), RetryDesk(self.shop.writer)
        asked = AskRetry(op_id, "mended", "operator:ann", f"try {self.tries}", self.shop.clock.at)
        try:
            retry_id = desk.ask(asked)
        except RetryHopeless:
            return
        desk.decide(RetryDecision(op_id, retry_id, "operator:ben", True, self.shop.clock.at))

    @rule(days=st.sampled_from([0, 14]))
    def earning_waits(self, days: int) -> None:
        with self.database.begin() as conn:
            programmes.set_pending_days(conn, "GROC", days)
        self.shop.catalogue.refresh()

    def check_programme(self, conn: Any, programme: int) -> None:
        """INV-4 with what waits in suspense; what is refused never counts as issued or redeemed for good."""
        lots = "SELECT coalesce(sum(available + held), 0) FROM lot WHERE programme_id = :p"
        held = conn.execute(text(lots), {"p": programme}).scalar_one()
        kinds = (SystemKind.ISSUANCE, SystemKind.EXPIRED, SystemKind.CLAWBACK, SystemKind.SUSPENSE)
        flows = sum(self.flow(conn, kind, programme) for kind in kinds)
        for kind in (SystemKind.REDEMPTION, SystemKind.SUSPENSE):
            flows += sum(self.flow(conn, kind, programme, at) for at in ACCEPTORS)
        assert held == -flows, "INV-4"

    @invariant()
    def every_lot_is_explained_by_its_intents(self) -> None:
        if hasattr(self, "shop"):
            assert [d for d in differences(self.shop) if not d.startswith("operation-set-aside")] == []

    @rule()
    def once_the_job_has_run_the_books_are_those_of_the_chain(self) -> None:
        while self.points.apply_set_aside(self.shop.clock.at):
            pass
        aside = by_state(self.shop, ASIDE)
        with self.database.read() as conn:
            for programme in (1, 2, 3):
                self.check_accounts(conn, programme)
            counts = set_aside.c.settled_by.is_(None)
            written = conn.execute(select(set_aside.c.op_id).where(counts).distinct()).scalars().all()
            assert sorted(written) == sorted(op.op_id for op in aside)
            self.check_frozen(conn)

    def check_accounts(self, conn: Any, programme: int) -> None:
        sums: Counter[Any] = Counter()
        states = ("queued", "packed", "mined", "final")
        operations = [op for state in states for op in by_state(self.shop, state)]
        for op, leg in [(each, leg) for each in operations for leg in legs_of(each)]:
            if leg.programme == programme:
                sign = -1 if isinstance(op, (Issue, Restore)) else 1
                sums[_KIND.get(type(op)) or (SystemKind.REDEMPTION, op.merchant)] += sign * leg.amount
        for kind in _KIND.values():
            assert self.flow(conn, kind, programme) == sums[kind], kind
        for at in ACCEPTORS:
            found = self.flow(conn, SystemKind.REDEMPTION, programme, at)
            assert found == sums[SystemKind.REDEMPTION, at], "redeemed at an acceptor"

    def check_frozen(self, conn: Any) -> None:
        sums: Counter[Any] = Counter()
        for row in conn.execute(select(set_aside).where(set_aside.c.settled_by.is_(None))):
            sums[row.member_id, row.programme_id, row.epoch] += row.points
        differing = {key[:2] for key, points in sums.items() if points}
        standing = member_programme.c
        frozen = conn.execute(select(standing.member_id, standing.programme_id).where(standing.frozen)).all()
        assert {tuple(row) for row in frozen} == differing


@pytest.mark.filterwarnings("default")
class TestRefusals(RefusalMachine.TestCase):
    settings = settings(
        max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
    )
