"""Tills that cannot ask: what they may take alone, what they keep, and how it is merged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger_service.certify.cases import Group
from ledger_service.certify.proxy import Fault
from ledger_service.certify.stage import REFUSED, SALES, UPLOADS, WAITING, Stage, expect_once, seconds_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.gs1 import with_check_digit

ALONE = Group()


def _alone(stage: Stage, ticket: str, minor: int = 1_000, **more: Any) -> dict[str, Any]:
    """A sale while the cable is pulled."""
    stage.wire.up = False
    try:
        return stage.sell(ticket, minor, **more)
    finally:
        stage.wire.up = True


@ALONE.case()
def money_alone(stage: Stage) -> None:
    """A sale for money counts while the till is alone, and is booked once when it is not."""
    before = stage.now()
    told = _alone(stage, stage.ticket(), 1_234)
    stage.expect("the cashier is told", WAITING, told.get("state"))
    stage.sync()
    stage.expect("total booked", 1_234, expect_once(stage, stage.ticket()).get("total_minor"))
    rows = stage.merchant.uploads(stage.terminal)
    stage.expect("states of what was uploaded", ["certain"], [row["state"] for row in rows])
    off = [abs(seconds_of(row["sold_at"]) - seconds_floor(before)) for row in rows]
    stage.expect_true(f"it counts from when it was sold: {off} s off", off and off[0] <= 120)


@ALONE.case()
def earn_alone(stage: Stage) -> None:
    """A member that shows its number alone earns when it is merged."""
    who = stage.shopper(0)
    _alone(stage, stage.ticket(), 5_000, member={"number": who.number})
    stage.sync()
    expect_once(stage, stage.ticket())
    stage.expect("points earned", (50, 0), who.points())


@ALONE.case()
def points_alone(stage: Stage) -> None:
    """A signed pay code pays alone within the allowance, and nothing is lost."""
    who = stage.shopper(500)
    code = who.pay_code(stage.now())
    told = _alone(stage, stage.ticket(), 1_000, member={"pay_code": code}, points_minor=300)
    stage.expect("the cashier is told", WAITING, told.get("state"))
    stage.sync()
    sale = expect_once(stage, stage.ticket())
    stage.expect("paid with points", 300, sale.get("points_value_minor"))
    stage.expect("lost", [], stage.merchant.losses(sale.get("sale_id", "")))


@ALONE.case()
def above_the_allowance(stage: Stage) -> None:
    """Above its allowance a till takes no points alone."""
    who = stage.shopper(2_000)
    taken = 0
    for n in range(4):
        code = who.pay_code(stage.now())
        told = _alone(stage, stage.ticket(str(n)), 400, member={"pay_code": code}, points_minor=400)
        taken += 400 * (told.get("state") == WAITING)
    stage.expect("taken alone", 800, taken)
    stage.sync()
    lost = [stage.merchant.losses(s["sale_id"]) for n in range(4) for s in stage.booked(stage.ticket(str(n)))]
    stage.expect("lost", [], [loss for some in lost for loss in some])


@ALONE.case(allowance_minor=0)
def without_an_allowance(stage: Stage) -> None:
    """Without an allowance a till takes no points alone."""
    who = stage.shopper()
    code = who.pay_code(stage.now())
    told = _alone(stage, stage.ticket(), member={"pay_code": code}, points_minor=300)
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    stage.sync()
    stage.expect("points left", (500, 0), who.points())


@ALONE.case()
def digits_alone(stage: Stage) -> None:
    """Eighteen digits need the service."""
    told = _alone(stage, stage.ticket(), member={"pay_code": "123456789012345678"}, points_minor=100)
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    stage.sync()
    stage.expect("sales booked", 0, len(stage.booked(stage.ticket())))


def _refused_alone(stage: Stage, code: str, points: int = 100) -> None:
    told = _alone(stage, stage.ticket(), member={"pay_code": code}, points_minor=points)
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    stage.sync()
    stage.expect("sales booked", 0, len(stage.booked(stage.ticket())))


@ALONE.case()
def the_same_code_twice_alone(stage: Stage) -> None:
    """A till does not take the same code twice alone."""
    who = stage.shopper(500)
    code = who.pay_code(stage.now())
    _alone(stage, stage.ticket("a"), member={"pay_code": code}, points_minor=100)
    _refused_alone(stage, code)


@ALONE.case()
def an_old_code_alone(stage: Stage) -> None:
    """An old code is refused alone."""
    _refused_alone(stage, stage.shopper().pay_code(stage.now() - timedelta(seconds=300)))


@ALONE.case()
def a_code_from_the_future_alone(stage: Stage) -> None:
    """A code that no phone can have signed yet is refused alone."""
    _refused_alone(stage, stage.shopper().pay_code(stage.now() + timedelta(hours=3)))


@ALONE.case()
def an_altered_code_alone(stage: Stage) -> None:
    """A code that was altered is refused alone."""
    code = stage.shopper().pay_code(stage.now())
    _refused_alone(stage, code[:-3] + ("AAA" if code[-3:] != "AAA" else "BBB"))


@ALONE.case()
def above_the_permit_alone(stage: Stage) -> None:
    """More than the code permits is refused alone."""
    _refused_alone(stage, stage.shopper().pay_code(stage.now(), most_minor=50))


@ALONE.case()
def above_the_basket_alone(stage: Stage) -> None:
    """More points than the basket costs are refused alone."""
    _refused_alone(stage, stage.shopper().pay_code(stage.now()), points=5_000)


@ALONE.case()
def an_upload_with_a_lost_answer(stage: Stage) -> None:
    """An upload whose answer is lost is sent again, item by item the same, and booked once."""
    _upload_through(stage, Fault.LOSE_ANSWER)


@ALONE.case()
def an_upload_cut_off(stage: Stage) -> None:
    """An upload whose answer is cut off."""
    _upload_through(stage, Fault.CUT_ANSWER)


@ALONE.case()
def an_upload_while_unavailable(stage: Stage) -> None:
    """An upload that meets 503."""
    _upload_through(stage, Fault.UNAVAILABLE)


def _upload_through(stage: Stage, fault: Fault) -> None:
    tickets = [stage.ticket(str(n)) for n in range(3)]
    for ticket in tickets:
        _alone(stage, ticket)
    stage.wire.next(UPLOADS, fault)
    stage.sync()
    stage.sync()
    for ticket in tickets:
        expect_once(stage, ticket)
        items = {item for key, item in stage.attempts(ticket) if '"sold_at"' in item}
        stage.expect("what was uploaded of it", 1, len(items))


@ALONE.case()
def thirty_alone(stage: Stage) -> None:
    """Thirty sales of an outage are all merged."""
    tickets = [stage.ticket(str(n)) for n in range(30)]
    told = [_alone(stage, ticket, 100 + n).get("state") for n, ticket in enumerate(tickets)]
    stage.expect("the cashier is told", [WAITING] * 30, told)
    stage.sync()
    rows = stage.merchant.uploads(stage.terminal)
    stage.expect("sales merged", 30, sum(row["state"] == "certain" for row in rows))


@ALONE.case()
def killed_after_the_answer(stage: Stage) -> None:
    """After kill -9 after the cashier was told: the sale is still there."""
    told = _alone(stage, stage.ticket())
    stage.expect("the cashier is told", WAITING, told.get("state"))
    stage.kill()
    stage.set_clock(0)
    stage.sync()
    expect_once(stage, stage.ticket())


@ALONE.case()
def killed_while_uploading(stage: Stage) -> None:
    """After kill -9 in the middle of an upload: everything is booked once."""
    for n in range(3):
        _alone(stage, stage.ticket(str(n)))
    stage.wire.next(UPLOADS, Fault.LOSE_ANSWER, then=stage.kill)
    stage.into_the_void("sync")
    stage.set_clock(0)
    stage.sync()
    for n in range(3):
        expect_once(stage, stage.ticket(str(n)))


@ALONE.case()
def what_waits_is_kept(stage: Stage) -> None:
    """What the service lets wait is kept and sent again."""
    who = stage.shopper(0)
    _alone(stage, stage.ticket(), 5_000, member={"number": who.number})
    who.freeze(True)
    told = stage.sync()
    stage.expect("still queued", 1, told.get("queued"))
    stage.expect("sales booked meanwhile", 0, len(stage.booked(stage.ticket())))
    who.freeze(False)
    stage.sync()
    expect_once(stage, stage.ticket())
    stage.expect("points earned", (50, 0), who.points())


@ALONE.case()
def what_is_refused_is_told(stage: Stage) -> None:
    """What the service refuses for good is told to people, and not sent for ever."""
    _alone(stage, stage.ticket(), member={"number": with_check_digit("95299000000000009")})
    told = stage.sync()
    stage.expect("refused, and somebody is told", 1, told.get("refused"))
    sent = len(stage.requests(UPLOADS))
    stage.sync()
    stage.expect("uploads after that", sent, len(stage.requests(UPLOADS)))


@ALONE.case()
def one_code_at_two_tills(stage: Stage) -> None:
    """A code shown at two tills pays once; the second till's sale stands, and its loss is told."""
    who = stage.shopper(500)
    code = who.pay_code(stage.now())
    body = {
        "store": stage.merchant.store, "currency": stage.sandbox.currency, "reference": "other till",
        "lines": [{"line": "1", "category": "GROCERY", "quantity": 1, "amount_minor": 300}],
        "member": {"pay_code": code}, "spend": {"max_value_minor": 300},
    }  # fmt: skip
    _alone(stage, stage.ticket(), 300, member={"pay_code": code}, points_minor=300)
    stage.sandbox.office.post(stage.clerk.api_key, SALES, body)
    stage.sync()
    sale = expect_once(stage, stage.ticket())
    stage.expect("paid with points", 0, sale.get("points_value_minor"))
    causes = [loss["cause"] for loss in stage.merchant.losses(sale.get("sale_id", ""))]
    stage.expect("what the merchant bears", ["pay-code-used"], causes)
    stage.expect("points left", (200, 0), who.points())
