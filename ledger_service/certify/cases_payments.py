"""What pays beside points on a phone: coupons, PINs, one-time codes, value cards, a household's points."""

from __future__ import annotations

from typing import Any

from ledger_service.certify.cases import Group
from ledger_service.certify.instruments import (
    CARD_PIN,
    PIN,
    code_sent,
    coupon,
    coupon_state,
    household,
    left_on,
    pin_set,
    value_card,
)
from ledger_service.certify.proxy import Fault
from ledger_service.certify.stage import REFUSED, SALES, SOLD, Stage, expect_once

PAYMENTS = Group()
_MATE_MINOR = 300


def _refused(stage: Stage, told: dict[str, Any], *codes: str) -> None:
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    if codes:
        stage.expect_true(f"the code is one of {', '.join(codes)}: {told.get('code')}", told["code"] in codes)


def _to_collect(stage: Stage, told: dict[str, Any], minor: int) -> None:
    seen = told.get("state"), told.get("due_minor")
    stage.expect("to collect, as the cashier is told", (SOLD, minor), seen)


def _booked_nowhere(stage: Stage, sale: str = "") -> None:
    """Whatever was booked under the case's ticket has been refunded whole."""
    found = stage.booked(stage.ticket(sale or "t"))
    open_ = [one["total_minor"] - stage.refunded(str(one["sale_id"])) for one in found]
    stage.expect("left of what was booked", 0, sum(open_))


# Coupons


def _with_coupon(stage: Stage, name: str, number: str, coupon_id: str) -> dict[str, Any]:
    """A basket of 10.00 with the coupon, for which the till alone would take 1.00 off."""
    coupons = {"ids": [coupon_id], "taken_minor": 100}
    return stage.sell(stage.ticket(name), member={"number": number}, coupons=coupons)


@PAYMENTS.case(needs="coupons")
def a_coupon_is_taken_off(stage: Stage) -> None:
    """What the service takes off for a coupon is not collected, and the next time it takes off nothing."""
    who = stage.shopper(0)
    mine = coupon(stage.merchant, who.number, stage.ticket())
    told = _with_coupon(stage, "a", who.number, mine)
    _to_collect(stage, told, 900)
    stage.expect("total booked", 900, expect_once(stage, stage.ticket("a")).get("total_minor"))
    told = _with_coupon(stage, "b", who.number, mine)
    _to_collect(stage, told, 1_000)


@PAYMENTS.case(needs="coupons")
def a_coupon_with_a_lost_answer(stage: Stage) -> None:
    """A basket with a coupon whose answer is lost is one sale, and the coupon is used once."""
    who = stage.shopper(0)
    mine = coupon(stage.merchant, who.number, stage.ticket())
    stage.wire.next(SALES, Fault.LOSE_ANSWER)
    _with_coupon(stage, "t", who.number, mine)
    stage.sync()
    stage.expect("total booked", 900, expect_once(stage, stage.ticket()).get("total_minor"))
    stage.expect("the coupon", "consumed", coupon_state(stage.merchant, who.number))


@PAYMENTS.case(needs="coupons")
def a_coupon_alone(stage: Stage) -> None:
    """A till alone says what it took off; the coupon is used on arrival; twice, the merchant bears it."""
    who = stage.shopper(0)
    mine = coupon(stage.merchant, who.number, stage.ticket())
    stage.wire.up = False
    for name in ("a", "b"):
        told = _with_coupon(stage, name, who.number, mine)
        stage.expect_true(f"the goods are handed over: {told.get('state')}", told.get("state") != REFUSED)
    stage.wire.up = True
    stage.wait(60)
    stage.sync()
    sales = [expect_once(stage, stage.ticket(name)) for name in ("a", "b")]
    stage.expect("totals booked", [900, 900], [one.get("total_minor") for one in sales])
    losses = [loss for one in sales for loss in stage.merchant.losses(str(one.get("sale_id")))]
    stage.expect("borne by the merchant", [100], [one.get("coupons_loss_minor") for one in losses])


# A card with its PIN, and one-time codes


def _by_pin(stage: Stage, name: str, card: str, pin: str = PIN) -> dict[str, Any]:
    """A basket of 10.00, of which points are to pay 3.00."""
    return stage.sell(stage.ticket(name), member={"card": card, "pin": pin}, points_minor=300)


@PAYMENTS.case(needs="pins")
def a_card_with_its_pin(stage: Stage) -> None:
    """A card with its PIN pays with points, and with another PIN it is refused in the service's words."""
    who, _ = stage.shopper_without_phone()
    card = pin_set(stage.merchant, who)
    _refused(stage, _by_pin(stage, "a", card, "1357"), "pin-wrong")
    stage.expect("sales booked", 0, len(stage.booked(stage.ticket("a"))))
    told = _by_pin(stage, "b", card)
    _to_collect(stage, told, 700)
    stage.expect("paid with points", 300, expect_once(stage, stage.ticket("b")).get("points_value_minor"))
    stage.expect("points left", (207, 0), who.points())
    said = " ".join([*(seen.request.path for seen in stage.wire.seen), str(stage.driver.said)])
    stage.expect_true("no address and no answer has the PIN", PIN not in said.replace(stage.run, ""))


@PAYMENTS.case(needs="pins")
def a_pin_with_a_lost_answer(stage: Stage) -> None:
    """A payment by PIN whose answer is lost is done once as it was told, or in the end not at all."""
    who, _ = stage.shopper_without_phone()
    card = pin_set(stage.merchant, who)
    stage.wire.next(SALES, Fault.LOSE_ANSWER)
    told = _by_pin(stage, "t", card)
    stage.wait(60)
    stage.sync()
    if told.get("state") == REFUSED:
        _booked_nowhere(stage)
        stage.expect("points left", (500, 0), who.points())
    else:
        expect_once(stage, stage.ticket())
        stage.expect("points left", (207, 0), who.points())


@PAYMENTS.case(needs="pins")
def a_pin_while_cut_off(stage: Stage) -> None:
    """A till alone takes no points for a PIN: only the service can judge it."""
    who, _ = stage.shopper_without_phone()
    card = pin_set(stage.merchant, who)
    stage.wire.up = False
    _refused(stage, _by_pin(stage, "t", card))
    stage.wire.up = True
    stage.wait(60)
    stage.sync()
    stage.expect("sales booked", 0, len(stage.booked(stage.ticket())))
    stage.expect("points left", (500, 0), who.points())


@PAYMENTS.case(needs="pins")
def a_payment_by_pin_that_arrives_late(stage: Stage) -> None:
    """A payment by PIN that was refused at the counter takes nothing when it arrives after all."""
    who, _ = stage.shopper_without_phone()
    card = pin_set(stage.merchant, who)
    stage.wire.next(SALES, Fault.HELD)
    _refused(stage, _by_pin(stage, "t", card))
    stage.wait(60)
    stage.sync()
    stage.wire.deliver_held()
    stage.sync()
    _booked_nowhere(stage)
    stage.expect("points left", (500, 0), who.points())


@PAYMENTS.case(needs="pins", at_home=True)
def a_one_time_code(stage: Stage) -> None:
    """A code that was sent to the member pays once."""
    who, phone = stage.shopper_without_phone()
    code = code_sent(stage.sandbox, stage.terminal.api_key, phone, 300)
    asked: dict[str, Any] = {"member": {"phone": phone, "code": code}, "points_minor": 300}
    told = stage.sell(stage.ticket("a"), **asked)
    _to_collect(stage, told, 700)
    _refused(stage, stage.sell(stage.ticket("b"), **asked), "code-wrong")
    stage.expect("sales booked", 0, len(stage.booked(stage.ticket("b"))))
    stage.expect("points left", (207, 0), who.points())


# Value cards


def _by_card(stage: Stage, name: str, code: str, minor: int) -> dict[str, Any]:
    """A basket of 10.00, of which the card is to pay so much, and cash the rest."""
    paid = [{"type": "stored_value", "amount_minor": minor, "card": code, "pin": CARD_PIN}]
    cash = [{"type": "cash", "amount_minor": 1_000 - minor}] if minor < 1_000 else []
    return stage.sell(stage.ticket(name), tenders=[*paid, *cash])


@PAYMENTS.case(needs="value-cards", at_home=True)
def a_value_card_pays(stage: Stage) -> None:
    """A value card pays what its tender says; what comes back goes back on it."""
    code = value_card(stage.merchant, stage.clerk.api_key, 800)
    told = _by_card(stage, "t", code, 600)
    stage.expect("the cashier is told", SOLD, told.get("state"))
    stage.expect("left on the card", 200, left_on(stage.merchant, stage.clerk.api_key, code))
    told = stage.refund(stage.ticket("r"), stage.ticket())
    stage.expect("the cashier is told of the refund", SOLD, told.get("state"))
    stage.expect("on the card again", 800, left_on(stage.merchant, stage.clerk.api_key, code))


@PAYMENTS.case(needs="value-cards", at_home=True)
def a_value_card_with_too_little(stage: Stage) -> None:
    """A value card that holds too little, or that nobody has, is refused, and nothing is sold."""
    code = value_card(stage.merchant, stage.clerk.api_key, 500)
    _refused(stage, _by_card(stage, "a", code, 501), "value-card-short")
    _refused(stage, _by_card(stage, "b", "4444-4444-4444-4444-4", 500), "value-card-unknown")
    stage.expect("sales booked", [0, 0], [len(stage.booked(stage.ticket(name))) for name in ("a", "b")])
    stage.expect("left on the card", 500, left_on(stage.merchant, stage.clerk.api_key, code))


@PAYMENTS.case(needs="value-cards", at_home=True)
def a_value_card_with_a_lost_answer(stage: Stage) -> None:
    """A payment by value card whose answer is lost is done once as it was told, or in the end not at all."""
    code = value_card(stage.merchant, stage.clerk.api_key, 800)
    stage.wire.next(SALES, Fault.LOSE_ANSWER)
    told = _by_card(stage, "t", code, 600)
    stage.wait(60)
    stage.sync()
    if told.get("state") == REFUSED:
        _booked_nowhere(stage)
        stage.expect("left on the card", 800, left_on(stage.merchant, stage.clerk.api_key, code))
    else:
        expect_once(stage, stage.ticket())
        stage.expect("left on the card", 200, left_on(stage.merchant, stage.clerk.api_key, code))


@PAYMENTS.case(needs="value-cards", at_home=True)
def a_value_card_while_cut_off(stage: Stage) -> None:
    """A till alone takes no value card: only the service knows what it holds."""
    code = value_card(stage.merchant, stage.clerk.api_key, 800)
    stage.wire.up = False
    _refused(stage, _by_card(stage, "t", code, 600))
    stage.wire.up = True
    stage.wait(60)
    stage.sync()
    stage.expect("sales booked", 0, len(stage.booked(stage.ticket())))
    stage.expect("left on the card", 800, left_on(stage.merchant, stage.clerk.api_key, code))


# Households


@PAYMENTS.case()
def a_household_pays(stage: Stage) -> None:
    """A mate's code pays with the household's points up to its limit; above it the cashier is told."""
    owner, mate = stage.shopper(0), stage.shopper(0)
    theirs = household(owner, mate, _MATE_MINOR, stage.now())
    stage.give_points(theirs.number, 1_000)
    # The mate's key counts from the service's second on, which the till has to hear of.
    stage.wait(60)
    stage.sync()
    for name, points, state in (("a", 200, SOLD), ("b", 200, REFUSED), ("c", 100, SOLD)):
        code = theirs.pay_code(stage.now())
        told = stage.sell(stage.ticket(name), member={"pay_code": code}, points_minor=points)
        stage.expect(f"the cashier is told of {points}", state, told.get("state"))
        if state == REFUSED:
            stage.expect("the code", "household-limit-reached", told.get("code"))
    stage.expect("the household's points", (1_000 - 300 + 8 + 9, 0), theirs.points())
    stage.expect("the mate's own points", (0, 0), mate.points())
