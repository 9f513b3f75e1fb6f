"""Goods that come back: against their own sale, once, for the amounts that the service says."""

from __future__ import annotations

from typing import Any

from ledger_service.certify.cases import Group
from ledger_service.certify.proxy import Fault
from ledger_service.certify.stage import REFUSED, SALES, SOLD, WAITING, Stage, line

REFUNDS = Group()
_ONE_OF_FOUR = [{"line": "1", "quantity": 1}]


def _sold(stage: Stage, points: int = 0) -> tuple[str, Any]:
    """A sale of four pieces for 10.00, by a member with 500 points; its id and the member."""
    who = stage.shopper(500)
    member = {"pay_code": who.pay_code(stage.now())} if points else {"number": who.number}
    more = {"points_minor": points} if points else {}
    stage.sell(stage.ticket(), lines=[line("1", 1_000, 4)], member=member, **more)
    booked = stage.booked(stage.ticket())
    stage.expect("the sale is booked", 1, len(booked))
    return str(booked[0]["sale_id"]) if booked else "", who


@REFUNDS.case(needs="refund")
def a_whole_refund(stage: Stage) -> None:
    """A whole refund gives back what was paid, and what was earned is undone."""
    sale, who = _sold(stage)
    told = stage.refund(stage.ticket("r"), stage.ticket())
    stage.expect("the cashier is told", SOLD, told.get("state"))
    stage.expect("refunded, as the cashier is told", 1_000, told.get("refunded_minor"))
    stage.expect("refunded, as booked", 1_000, stage.refunded(sale))
    stage.expect("points", (500, 0), who.points())


@REFUNDS.case(needs="refund")
def points_come_back(stage: Stage) -> None:
    """Points that paid come back as points, the rest as money."""
    sale, who = _sold(stage, points=300)
    told = stage.refund(stage.ticket("r"), stage.ticket())
    stage.expect("money, as the cashier is told", 700, told.get("cash_minor"))
    stage.expect("refunded, as booked", 1_000, stage.refunded(sale))
    stage.expect("points", (500, 0), who.points())


@REFUNDS.case(needs="refund")
def a_refund_in_parts(stage: Stage) -> None:
    """A refund in parts comes to the whole."""
    sale, who = _sold(stage, points=300)
    told = [stage.refund(stage.ticket(f"r{n}"), stage.ticket(), lines=_ONE_OF_FOUR) for n in range(4)]
    stage.expect("all of them", [SOLD] * 4, [one.get("state") for one in told])
    stage.expect("refunded, as booked", 1_000, stage.refunded(sale))
    stage.expect("points", (500, 0), who.points())


@REFUNDS.case(needs="refund")
def more_than_was_sold(stage: Stage) -> None:
    """More than was sold does not come back."""
    sale, _ = _sold(stage)
    told = stage.refund(stage.ticket("r"), stage.ticket(), lines=[{"line": "1", "quantity": 5}])
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    stage.expect("refunded, as booked", 0, stage.refunded(sale))


@REFUNDS.case(needs="refund")
def a_refund_with_a_lost_answer(stage: Stage) -> None:
    """A refund whose answer is lost is asked again under its key: one piece comes back."""
    _refund_through(stage, Fault.LOSE_ANSWER)


@REFUNDS.case(needs="refund")
def a_refund_with_a_lost_request(stage: Stage) -> None:
    """A refund whose request is lost comes back once."""
    _refund_through(stage, Fault.LOSE_REQUEST)


@REFUNDS.case(needs="refund")
def a_refund_while_unavailable(stage: Stage) -> None:
    """A refund that meets 503 comes back once."""
    _refund_through(stage, Fault.UNAVAILABLE)


@REFUNDS.case(needs="refund")
def a_refund_delivered_twice(stage: Stage) -> None:
    """A refund that the network delivers twice comes back once."""
    _refund_through(stage, Fault.TWICE)


def _refund_through(stage: Stage, fault: Fault) -> None:
    sale, _ = _sold(stage)
    stage.wire.next(f"{SALES}/{sale}/refunds", fault)
    told = stage.refund(stage.ticket("r"), stage.ticket(), lines=_ONE_OF_FOUR)
    stage.expect_true(f"done, or not said to be: {told.get('state')}", told.get("state") in (SOLD, WAITING))
    stage.sync()
    again = stage.refund(stage.ticket("r"), stage.ticket(), lines=_ONE_OF_FOUR)
    stage.expect("in the end the cashier is told", SOLD, again.get("state"))
    stage.expect("refunded, as booked", 250, stage.refunded(sale))
    asked = [seen for seen in stage.requests(SALES) if seen.request.path.endswith("/refunds")]
    keys = {seen.request.header("idempotency-key") for seen in asked}
    stage.expect("keys under which the refund was sent", 1, len(keys))
    stage.expect("bodies that were sent under it", 1, len({seen.request.body for seen in asked}))


@REFUNDS.case(needs="refund")
def killed_while_refunding(stage: Stage) -> None:
    """After kill -9 while a refund is asked for: it comes back once."""
    sale, _ = _sold(stage)
    stage.wire.next(f"{SALES}/{sale}/refunds", Fault.LOSE_ANSWER, then=stage.kill)
    stage.into_the_void("refund", ticket=stage.ticket("r"), of=stage.ticket(), lines=_ONE_OF_FOUR)
    stage.set_clock(0)
    stage.sync()
    told = stage.refund(stage.ticket("r"), stage.ticket(), lines=_ONE_OF_FOUR)
    stage.expect("the cashier is told", SOLD, told.get("state"))
    stage.expect("refunded, as booked", 250, stage.refunded(sale))


@REFUNDS.case(needs="refund")
def a_refund_while_cut_off(stage: Stage) -> None:
    """A till that cannot ask does not say that a refund is done."""
    sale, _ = _sold(stage)
    stage.wire.up = False
    told = stage.refund(stage.ticket("r"), stage.ticket(), lines=_ONE_OF_FOUR)
    stage.expect_true(f"not done: {told.get('state')}", told.get("state") in (WAITING, REFUSED))
    stage.expect("refunded, as booked", 0, stage.refunded(sale))
    stage.wire.up = True
    stage.sync()
    stage.expect_true("at most once in the end", stage.refunded(sale) in (0, 250))


@REFUNDS.case(needs="refund")
def a_refund_of_a_sale_made_alone(stage: Stage) -> None:
    """A sale that was made alone can be returned once it is booked."""
    stage.wire.up = False
    stage.sell(stage.ticket(), lines=[line("1", 1_000, 4)])
    stage.wire.up = True
    stage.sync()
    told = stage.refund(stage.ticket("r"), stage.ticket(), lines=_ONE_OF_FOUR)
    stage.expect("the cashier is told", SOLD, told.get("state"))
    booked = stage.booked(stage.ticket())
    stage.expect("refunded, as booked", [250], [stage.refunded(sale["sale_id"]) for sale in booked])
