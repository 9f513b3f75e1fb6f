"""Clocks that are wrong, and uploads that come late; these move the sandbox's clock, so they come last."""

from __future__ import annotations

from typing import Any

from ledger_service.certify.cases import Group
from ledger_service.certify.stage import REFUSED, SOLD, UPLOADS, WAITING, Stage, expect_once

CLOCK = Group()
_HOUR = 3_600


def _alone(stage: Stage, **more: Any) -> dict[str, Any]:
    stage.wire.up = False
    try:
        return stage.sell(stage.ticket(), 5_000, **more)
    finally:
        stage.wire.up = True


@CLOCK.case(needs="clock")
def an_hour_ahead_with_money(stage: Stage) -> None:
    """An hour ahead: a sale for money made alone is not lost, and counts from its own time."""
    who = stage.shopper(0)
    stage.set_clock(_HOUR)
    _alone(stage, member={"number": who.number})
    stage.sync()
    stage.set_clock(0)
    stage.sync()
    expect_once(stage, stage.ticket())
    stage.expect("points earned", (50, 0), who.points())


@CLOCK.case(needs="clock")
def an_hour_behind_with_money(stage: Stage) -> None:
    """An hour behind: a sale for money made alone is not lost."""
    stage.set_clock(-_HOUR)
    _alone(stage)
    stage.set_clock(0)
    stage.sync()
    expect_once(stage, stage.ticket())


@CLOCK.case(needs="clock")
def restarted_an_hour_ahead(stage: Stage) -> None:
    """After a restart an hour ahead every pay code is old: no points are taken alone."""
    who = stage.shopper(500)
    code = who.pay_code(stage.now())
    stage.restart(_HOUR)
    told = _alone(stage, member={"pay_code": code}, points_minor=100)
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    stage.set_clock(0)
    stage.sync()
    stage.expect("points left", (500, 0), who.points())


@CLOCK.case(needs="clock")
def restarted_an_hour_behind(stage: Stage) -> None:
    """After a restart an hour behind no points are taken alone."""
    who = stage.shopper(500)
    code = who.pay_code(stage.now())
    stage.restart(-_HOUR)
    told = _alone(stage, member={"pay_code": code}, points_minor=100)
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    stage.set_clock(0)
    stage.sync()
    stage.expect("points left", (500, 0), who.points())


@CLOCK.case(needs="clock")
def a_wrong_clock_online(stage: Stage) -> None:
    """A wall clock that is wrong does not matter while the service answers."""
    who = stage.shopper(500)
    stage.set_clock(_HOUR)
    code = who.pay_code(stage.now())
    told = stage.sell(stage.ticket(), member={"pay_code": code}, points_minor=100)
    stage.expect("the cashier is told", SOLD, told.get("state"))
    expect_once(stage, stage.ticket())


@CLOCK.case(needs="clock")
def a_statement_of_yesterday(stage: Stage) -> None:
    """An allowance's statement serves for a day: after that no points are taken alone."""
    who = stage.shopper(500)
    stage.pass_days(2)
    code = who.pay_code(stage.now())
    told = _alone(stage, member={"pay_code": code}, points_minor=100)
    stage.expect("the cashier is told", REFUSED, told.get("state"))


@CLOCK.case(needs="clock")
def two_days_late(stage: Stage) -> None:
    """Uploaded two days late, a sale earns as of now, and points taken are the merchant's loss."""
    who = stage.shopper(500)
    code = who.pay_code(stage.now())
    told = _alone(stage, member={"pay_code": code}, points_minor=300)
    stage.expect("the cashier is told", WAITING, told.get("state"))
    stage.pass_days(2)
    stage.sync()
    sale = expect_once(stage, stage.ticket())
    causes = [loss["cause"] for loss in stage.merchant.losses(sale.get("sale_id", ""))]
    stage.expect("what the merchant bears", ["uploaded-late"], causes)


@CLOCK.case(needs="clock")
def after_a_week(stage: Stage) -> None:
    """Uploaded after a week, a sale does not count: people are told, and it is not sent for ever."""
    _alone(stage)
    stage.pass_days(8)
    told = stage.sync()
    stage.expect("refused, and somebody is told", 1, told.get("refused"))
    stage.expect("sales booked", 0, len(stage.booked(stage.ticket())))
    sent = len(stage.requests(UPLOADS))
    stage.sync()
    stage.expect("uploads after that", sent, len(stage.requests(UPLOADS)))
