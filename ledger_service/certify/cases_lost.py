"""Answers that do not come: the same key and the same bytes again, and nothing twice."""

from __future__ import annotations

from typing import Any

from ledger_service.certify.cases import Group
from ledger_service.certify.proxy import Fault
from ledger_service.certify.stage import (
    REFUSED,
    REVOKE,
    SALES,
    SOLD,
    UPLOADS,
    WAITING,
    Stage,
    body_of,
    expect_once,
)

LOST = Group()
# The service revokes no attempt sooner than 15 seconds after it began.
_UNTIL_IT_MAY_BE_REVOKED_SECONDS = 20
_STANDS = (SOLD, WAITING)


def _sale_through(stage: Stage, *faults: Fault, **more: Any) -> dict[str, Any]:
    """A sale for money that meets faults stands at the counter, and is booked once in the end."""
    stage.wire.next(SALES, *faults)
    told = stage.sell(stage.ticket(), 1_500, **more)
    stage.expect_true(f"the sale stands: {told.get('state')}", told.get("state") in _STANDS)
    stage.sync()
    sale = expect_once(stage, stage.ticket())
    stage.expect("total booked", 1_500, sale.get("total_minor"))
    _same_bytes(stage, stage.ticket())
    return told


def _same_bytes(stage: Stage, ticket: str) -> None:
    """What is sent again online under a key is byte for byte what was sent first."""
    online = {seen.request.body for seen in stage.requests(SALES) if body_of(seen).get("reference") == ticket}
    stage.expect_true(f"one body online: {len(online)}", len(online) <= 1)


@LOST.case()
def a_lost_answer(stage: Stage) -> None:
    """An answer that is lost: the sale is not made again under another key."""
    _sale_through(stage, Fault.LOSE_ANSWER)


@LOST.case()
def a_lost_request(stage: Stage) -> None:
    """A request that is lost."""
    _sale_through(stage, Fault.LOSE_REQUEST)


@LOST.case()
def unavailable_twice(stage: Stage) -> None:
    """503 twice: the service is asked again later, under the same key."""
    _sale_through(stage, Fault.UNAVAILABLE, Fault.UNAVAILABLE)


@LOST.case()
def too_many_requests(stage: Stage) -> None:
    """429 with Retry-After is no refusal of the sale."""
    _sale_through(stage, Fault.BUSY)


@LOST.case()
def still_in_flight(stage: Stage) -> None:
    """409 request-in-flight is no refusal: the first attempt is still at work."""
    _sale_through(stage, Fault.IN_FLIGHT)


@LOST.case()
def a_broken_service(stage: Stage) -> None:
    """500 without a body tells nothing of the sale."""
    _sale_through(stage, Fault.BROKEN)


@LOST.case()
def a_late_answer(stage: Stage) -> None:
    """An answer that comes when the till has stopped waiting."""
    _sale_through(stage, Fault.SLOW)


@LOST.case()
def half_an_answer(stage: Stage) -> None:
    """Half an answer is no answer."""
    _sale_through(stage, Fault.CUT_ANSWER)


@LOST.case()
def an_answer_of_something_else(stage: Stage) -> None:
    """An answer that is no JSON, from something in between, is no answer."""
    _sale_through(stage, Fault.GARBAGE)


@LOST.case()
def delivered_twice(stage: Stage) -> None:
    """A request that the network delivers twice is one sale."""
    told = _sale_through(stage, Fault.TWICE)
    stage.expect("the cashier is told", SOLD, told.get("state"))


@LOST.case()
def a_lost_answer_with_points(stage: Stage) -> None:
    """Points whose sale got no answer are taken once."""
    who = stage.shopper(500)
    stage.wire.next(SALES, Fault.LOSE_ANSWER)
    code = who.pay_code(stage.now())
    told = stage.sell(stage.ticket(), 1_000, member={"pay_code": code}, points_minor=300)
    stage.expect_true(f"the sale stands: {told.get('state')}", told.get("state") in _STANDS)
    stage.sync()
    sale = expect_once(stage, stage.ticket())
    stage.expect("paid with points", 300, sale.get("points_value_minor"))
    stage.expect("points left", (207, 0), who.points())


@LOST.case()
def killed_while_asking(stage: Stage) -> None:
    """After kill -9 while the service is asked: the ticket is rung up again, and booked once."""
    _rung_up_after_kill(stage, Fault.LOSE_ANSWER)


@LOST.case()
def killed_before_asking(stage: Stage) -> None:
    """After kill -9 before the request has arrived: the ticket is rung up again, and booked once."""
    _rung_up_after_kill(stage, Fault.LOSE_REQUEST)


def _rung_up_after_kill(stage: Stage, fault: Fault) -> None:
    stage.wire.next(SALES, fault, then=stage.kill)
    try_to = stage.sell_into_the_void(stage.ticket(), 1_500)
    stage.expect("the till said anything before it died", None, try_to)
    stage.set_clock(0)
    told = stage.sell(stage.ticket(), 1_500)
    stage.expect_true(f"the sale stands: {told.get('state')}", told.get("state") in _STANDS)
    stage.sync()
    expect_once(stage, stage.ticket())
    _same_bytes(stage, stage.ticket())


@LOST.case()
def killed_and_never_rung_up_again(stage: Stage) -> None:
    """A till that died while it asked settles the sale by itself: booked once, or nowhere."""
    stage.wire.next(SALES, Fault.LOSE_ANSWER, then=stage.kill)
    stage.sell_into_the_void(stage.ticket(), 1_500)
    stage.set_clock(0)
    stage.sync()
    left = sum(sale["total_minor"] - _refunded(stage, sale) for sale in stage.booked(stage.ticket()))
    stage.expect_true(f"booked once, or taken back: {left}", left in (0, 1_500))
    stage.expect("sales booked", 1, len(stage.booked(stage.ticket())))


@LOST.case(allowance_minor=0)
def revoke_before_a_new_code(stage: Stage) -> None:
    """A code whose sale was refused at the counter for want of an answer is revoked before another (D6)."""
    who = stage.shopper(500)
    old = who.pay_code(stage.now())
    stage.wire.next(SALES, Fault.LOSE_REQUEST)
    told = stage.sell(stage.ticket("a"), member={"pay_code": old}, points_minor=300)
    stage.expect("without an allowance the cashier is told", REFUSED, told.get("state"))
    stage.wait(_UNTIL_IT_MAY_BE_REVOKED_SECONDS)
    stage.sync()
    stage.expect("the first code", "revoked", stage.merchant.code_state(stage.clerk, old))
    fresh = who.pay_code(stage.now())
    told = stage.sell(stage.ticket("b"), member={"pay_code": fresh}, points_minor=300)
    stage.expect("with the second code", SOLD, told.get("state"))
    stage.expect("points left", (207, 0), who.points())
    revoked = [seen for seen in stage.requests(REVOKE) if body_of(seen).get("pay_code") == old]
    stage.expect_true("the till revoked it", revoked)


@LOST.case(allowance_minor=0)
def an_original_that_arrives_late(stage: Stage) -> None:
    """The original of a refused sale that arrives after all takes no points."""
    who = stage.shopper(500)
    stage.wire.next(SALES, Fault.HELD)
    code = who.pay_code(stage.now())
    told = stage.sell(stage.ticket(), member={"pay_code": code}, points_minor=300)
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    stage.wait(_UNTIL_IT_MAY_BE_REVOKED_SECONDS)
    stage.sync()
    arrived = [reply.code for reply in stage.wire.deliver_held()]
    stage.expect("the service says to the original", ["pay-code-revoked"], arrived)
    stage.sync()
    stage.expect("points left", (500, 0), who.points())


@LOST.case(allowance_minor=0)
def booked_after_all(stage: Stage) -> None:
    """A sale that was refused at the counter but booked after all is given back."""
    who = stage.shopper(500)
    stage.wire.next(SALES, Fault.LOSE_ANSWER)
    code = who.pay_code(stage.now())
    told = stage.sell(stage.ticket(), 1_000, member={"pay_code": code}, points_minor=300)
    stage.sync()
    stands = told.get("state") == SOLD
    stage.expect("points left", (207, 0) if stands else (500, 0), who.points())


@LOST.case()
def arrived_and_taken_alone(stage: Stage) -> None:
    """An attempt that arrived without an answer and was then taken alone is one sale."""
    stage.wire.next(SALES, Fault.LOSE_ANSWER)
    stage.sell(stage.ticket(), 1_500)
    stage.wire.next(UPLOADS, Fault.LOSE_ANSWER)
    stage.sync()
    stage.sync()
    expect_once(stage, stage.ticket())


@LOST.case()
def back_online(stage: Stage) -> None:
    """When the service answers again the till asks it again."""
    stage.wire.next(SALES, Fault.LOSE_ANSWER)
    stage.sell(stage.ticket("a"))
    stage.sync()
    who = stage.shopper(500)
    code = who.pay_code(stage.now())
    told = stage.sell(stage.ticket("b"), member={"pay_code": code}, points_minor=100)
    stage.expect("the cashier is told", SOLD, told.get("state"))
    expect_once(stage, stage.ticket("b"))


def _refunded(stage: Stage, sale: dict[str, Any]) -> int:
    return stage.refunded(sale["sale_id"])
