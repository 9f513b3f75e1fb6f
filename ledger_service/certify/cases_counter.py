"""What a counter is asked for beside sales and refunds: exchanges, late receipts, holds, the day, papers."""

from __future__ import annotations

from typing import Any

from ledger_service.certify.cases import Group
from ledger_service.certify.proxy import Fault
from ledger_service.certify.shoppers import Shopper
from ledger_service.certify.stage import REFUSED, SOLD, WAITING, Stage, expect_once, line

COUNTER = Group()
EXCHANGES, HOLDS = "/v1/exchanges", "/v1/authorisations"
_ALL_FOUR = [{"line": "1", "quantity": 4}]
_DEARER = [line("2", 1_500)]


def _sold(stage: Stage, **more: Any) -> str:
    """Four pieces for 10.00 under the case's ticket; the sale's id."""
    stage.sell(stage.ticket(), lines=[line("1", 1_000, 4)], **more)
    return str(expect_once(stage, stage.ticket()).get("sale_id"))


def _refused(stage: Stage, told: dict[str, Any], code: str) -> None:
    stage.expect("the cashier is told", (REFUSED, code), (told.get("state"), told.get("code")))


def _exchange(stage: Stage) -> dict[str, Any]:
    return stage.driver.ask(
        "exchange", ticket=stage.ticket("x"), of=stage.ticket(), returned=_ALL_FOUR, lines=_DEARER
    )


@COUNTER.case(needs="exchange")
def an_exchange(stage: Stage) -> None:
    """Goods are exchanged for dearer ones: one deed, and the difference is collected."""
    sale = _sold(stage)
    told = _exchange(stage)
    stage.expect("the cashier is told", SOLD, told.get("state"))
    stage.expect("to collect, as the cashier is told", 500, told.get("to_pay_minor"))
    stage.expect("refunded, as booked", 1_000, stage.refunded(sale))
    stage.expect("sold, as booked", [1_500], [one["total_minor"] for one in stage.booked(stage.ticket("x"))])


@COUNTER.case(needs="exchange")
def an_exchange_with_a_lost_answer(stage: Stage) -> None:
    """An exchange whose answer is lost is done once."""
    sale = _sold(stage)
    stage.wire.next(EXCHANGES, Fault.LOSE_ANSWER)
    told = _exchange(stage)
    stage.expect_true(f"done, or not said to be: {told.get('state')}", told.get("state") in (SOLD, WAITING))
    stage.sync()
    stage.expect("in the end the cashier is told", SOLD, _exchange(stage).get("state"))
    stage.expect("refunded, as booked", 1_000, stage.refunded(sale))
    stage.expect("sales of it", 1, len(stage.booked(stage.ticket("x"))))
    keys = {seen.request.header("idempotency-key") for seen in stage.requests(EXCHANGES)}
    stage.expect("keys under which it was sent", 1, len(keys))


@COUNTER.case(needs="attach")
def a_receipt_that_comes_late(stage: Stage) -> None:
    """A receipt without a member joins one afterwards and earns; it joins nobody else."""
    first, second = stage.shopper(0), stage.shopper(0)
    _sold(stage)
    told = _attach(stage, "a", first)
    stage.expect("the cashier is told", SOLD, told.get("state"))
    stage.expect("points earned", (10, 0), first.points())
    _refused(stage, _attach(stage, "b", second), "sale-has-member")
    stage.expect("points of the other", (0, 0), second.points())


def _attach(stage: Stage, name: str, who: Shopper) -> dict[str, Any]:
    member = {"number": who.number}
    return stage.driver.ask(
        "attach", ticket=stage.ticket(name), of=stage.ticket(), member=member, cashier="c1"
    )


@COUNTER.case(needs="takeback")
def goods_without_a_receipt(stage: Stage) -> None:
    """Goods without a receipt are taken back as the merchant's rule says, for what the service says."""
    who = stage.shopper(0)
    asked = {"member": {"number": who.number}, "lines": [line("1", 1_000)]}
    told = stage.driver.ask("takeback", ticket=stage.ticket("a"), **asked)
    stage.expect("the cashier is told", SOLD, told.get("state"))
    stage.expect("store credit, less what they would have earned", 990, told.get("store_credit_minor"))
    again = stage.driver.ask("takeback", ticket=stage.ticket("b"), **asked)
    _refused(stage, again, "return-without-receipt-limited")


@COUNTER.case(needs="hold")
def a_hold_becomes_a_sale(stage: Stage) -> None:
    """Points that are held are spent when the hold is captured, and no sooner."""
    who = stage.shopper(500)
    stage.expect("the cashier is told", SOLD, _hold(stage, who).get("state"))
    stage.expect("points", (200, 300), who.points())
    told = stage.driver.ask(
        "capture", ticket=stage.ticket("c"), of=stage.ticket(), lines=[line("1", 1_000)], points_minor=300
    )
    stage.expect("the cashier is told of the sale", SOLD, told.get("state"))
    stage.expect("left to pay, as the cashier is told", 700, told.get("due_minor"))
    stage.expect("points after the sale", (207, 0), who.points())


@COUNTER.case(needs="hold")
def a_hold_that_is_given_up(stage: Stage) -> None:
    """A hold that is given up frees its points, and nothing is sold of it."""
    who = stage.shopper(500)
    _hold(stage, who)
    told = stage.driver.ask("void", ticket=stage.ticket("v"), of=stage.ticket())
    stage.expect("the cashier is told", SOLD, told.get("state"))
    stage.expect("points", (500, 0), who.points())
    late = stage.driver.ask(
        "capture", ticket=stage.ticket("c"), of=stage.ticket(), lines=[line("1", 1_000)], points_minor=300
    )
    _refused(stage, late, "hold-closed")


@COUNTER.case(needs="hold")
def a_hold_with_a_lost_answer(stage: Stage) -> None:
    """A hold whose answer is lost holds the points once."""
    who = stage.shopper(500)
    code = who.pay_code(stage.now())
    stage.wire.next(HOLDS, Fault.LOSE_ANSWER)
    _hold(stage, who, code)
    stage.sync()
    stage.expect("in the end the cashier is told", SOLD, _hold(stage, who, code).get("state"))
    stage.expect("points", (200, 300), who.points())


def _hold(stage: Stage, who: Shopper, code: str = "") -> dict[str, Any]:
    member = {"pay_code": code or who.pay_code(stage.now())}
    return stage.driver.ask(
        "hold", ticket=stage.ticket(), lines=[line("1", 1_000)], member=member, points_minor=300
    )


@COUNTER.case(needs="close")
def a_day_is_closed(stage: Stage) -> None:
    """The till closes its day, and tells whether the ledger has the same."""
    _sold(stage)
    date = stage.now().date().isoformat()
    totals = stage.merchant.day(date)
    told = stage.driver.ask("close", ticket=stage.ticket("a"), date=date, totals=totals)
    stage.expect("a day that balances", (SOLD, "balanced"), (told.get("state"), told.get("found")))
    other = [{**one, "count": one["count"] + 1} for one in totals]
    told = stage.driver.ask("close", ticket=stage.ticket("b"), date=date, totals=other)
    stage.expect("a day that does not", (SOLD, "differs"), (told.get("state"), told.get("found")))


@COUNTER.case(needs="papers")
def an_invoice_keeps_its_number(stage: Stage) -> None:
    """The number of the invoice is booked with the sale, finds it again, and serves no other sale."""
    number = f"AB{int(stage.run, 16) % 10**8:08d}"
    invoice = {"scheme": "tw", "number": number}
    sale = _sold(stage, invoice=invoice)
    stage.expect("found by its number", [sale], [one["sale_id"] for one in stage.merchant.by_invoice(number)])
    told = stage.sell(stage.ticket("b"), invoice=invoice)
    _refused(stage, told, "invoice-number-used")
    stage.expect("sales booked", 0, len(stage.booked(stage.ticket("b"))))


@COUNTER.case(needs="papers")
def tenders_add_up(stage: Stage) -> None:
    """How a basket was paid is booked with it; tenders that do not add up are refused."""
    paid = [{"type": "cash", "amount_minor": 400}, {"type": "card", "amount_minor": 600}]
    sale = stage.merchant.sale(_sold(stage, tenders=paid))
    seen = {one["type"]: one["amount_minor"] for one in sale.get("tenders") or []}
    stage.expect("tenders booked", {"cash": 400, "card": 600}, seen)
    told = stage.sell(stage.ticket("b"), tenders=paid[:1])
    _refused(stage, told, "tenders-do-not-add-up")


@COUNTER.case(needs="papers")
def a_card_earns(stage: Stage) -> None:
    """A member that shows a card earns, and a card that nobody has is refused."""
    who = stage.shopper(0)
    stage.sell(stage.ticket(), 5_000, member={"card": stage.merchant.card(who.number)})
    expect_once(stage, stage.ticket())
    stage.expect("points earned", (50, 0), who.points())
    told = stage.sell(stage.ticket("b"), member={"card": "9999999999999995"})
    stage.expect("the cashier is told", REFUSED, told.get("state"))
