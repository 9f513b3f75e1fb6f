"""Sales while everything works, and what the service refuses for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger_service.certify.cases import Group
from ledger_service.certify.receipts import receipt_is_the_services
from ledger_service.certify.stage import REFUSED, REVOKE, SALES, SOLD, Stage, expect_once, line
from ledger_service.kernel.gs1 import with_check_digit

SELLING = Group()
_MOST_REQUESTS = 20
# 0.1 + 0.2 in cents, ninety-nine times: a till that adds up dollars as floats is a cent off somewhere.
_ODD_PRICES = [line(str(n), 10 + 20 * (n % 2) + n) for n in range(1, 100)]


def _expect_refused(stage: Stage, ticket: str, told: dict[str, Any], *codes: str) -> None:
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    stage.expect_true(f"the code is one of {', '.join(codes)}: {told.get('code')}", told.get("code") in codes)
    stage.expect("sales booked", 0, len(stage.booked(ticket)))
    stage.expect_true("the till does not ask for ever", len(stage.wire.seen) <= _MOST_REQUESTS)


@SELLING.case()
def money_without_a_member(stage: Stage) -> None:
    """A basket without a member is booked with the total that was rung up."""
    told = stage.sell(stage.ticket(), 1_234)
    stage.expect("the cashier is told", SOLD, told.get("state"))
    stage.expect("total booked", 1_234, expect_once(stage, stage.ticket()).get("total_minor"))


@SELLING.case()
def earn_by_number(stage: Stage) -> None:
    """A member that shows its number earns what the service says."""
    who = stage.shopper(0)
    stage.sell(stage.ticket(), 5_000, member={"number": who.number})
    expect_once(stage, stage.ticket())
    stage.expect("points earned", (50, 0), who.points())


@SELLING.case()
def points_pay_a_part(stage: Stage) -> None:
    """A signed pay code pays with points, and the cashier collects the rest."""
    who = stage.shopper(500)
    code = who.pay_code(stage.now())
    told = stage.sell(stage.ticket(), 1_000, member={"pay_code": code}, points_minor=300)
    sale = expect_once(stage, stage.ticket())
    stage.expect("paid with points", 300, sale.get("points_value_minor"))
    stage.expect("left to pay, as the cashier is told", 700, told.get("due_minor"))
    stage.expect("left to pay, as booked", 700, sale.get("due_minor"))


@SELLING.case()
def fewer_points_than_asked_for(stage: Stage) -> None:
    """Where fewer points are there than asked for, the cashier collects what the service says is left."""
    who = stage.shopper(120)
    told = stage.sell(stage.ticket(), 1_000, member={"pay_code": who.pay_code(stage.now())}, points_minor=300)
    sale = expect_once(stage, stage.ticket())
    stage.expect("left to pay, as booked", 880, sale.get("due_minor"))
    stage.expect("left to pay, as the cashier is told", 880, told.get("due_minor"))


@SELLING.case()
def odd_prices_add_up(stage: Stage) -> None:
    """Amounts are integers of the minor unit: ninety-nine odd prices add up to the cent."""
    stage.sell(stage.ticket(), lines=_ODD_PRICES)
    wanted = sum(one["amount_minor"] for one in _ODD_PRICES)
    stage.expect("total booked", wanted, expect_once(stage, stage.ticket()).get("total_minor"))


@SELLING.case()
def amounts_are_sent_as_integers(stage: Stage) -> None:
    """What is sent are integers, no decimal points and no floats."""
    stage.sell(stage.ticket(), lines=[line("1", 1_999, 3), line("2", 5, 1)])
    sent = [text for _, text in stage.attempts(stage.ticket())]
    stage.expect_true("the basket was sent", sent)
    stage.expect_true("no amount has a decimal point", all(".0," not in t and ".0}" not in t for t in sent))
    stage.expect("total booked", 2_004, expect_once(stage, stage.ticket()).get("total_minor"))


@SELLING.case()
def a_line_of_zero(stage: Stage) -> None:
    """A line of zero stays in the basket."""
    stage.sell(stage.ticket(), lines=[line("1", 0), line("2", 900)])
    stage.expect("total booked", 900, expect_once(stage, stage.ticket()).get("total_minor"))
    sent = [text for _, text in stage.attempts(stage.ticket())]
    stage.expect_true("both lines were sent", sent and sent[0].count('"line"') == 2)


@SELLING.case()
def two_hundred_lines(stage: Stage) -> None:
    """A basket of two hundred lines is one sale."""
    stage.sell(stage.ticket(), lines=[line(str(n), 100) for n in range(200)])
    stage.expect("total booked", 20_000, expect_once(stage, stage.ticket()).get("total_minor"))


@SELLING.case()
def a_double_click(stage: Stage) -> None:
    """The same ticket rung up again, by a double click, is the same sale."""
    first, second = stage.sell(stage.ticket()), stage.sell(stage.ticket())
    expect_once(stage, stage.ticket())
    stage.expect("the second answer is the first one", first.get("sale"), second.get("sale"))


@SELLING.case()
def keys_of_their_own(stage: Stage) -> None:
    """Every sale has an idempotency key of its own."""
    tickets = [stage.ticket(str(n)) for n in range(5)]
    for ticket in tickets:
        stage.sell(ticket)
    keys = {key for ticket in tickets for key, _ in stage.attempts(ticket)}
    stage.expect("keys", len(tickets), len(keys))
    stage.expect("sales booked", [1] * 5, [len(stage.booked(ticket)) for ticket in tickets])


@SELLING.case()
def the_signed_receipt_is_kept(stage: Stage) -> None:
    """The cashier's answer holds the receipt that the service has signed."""
    told = stage.sell(stage.ticket())
    booked = expect_once(stage, stage.ticket()).get("receipt")
    stage.expect("receipt", booked, told.get("receipt"))
    stage.expect_true("it is signed", receipt_is_the_services(told.get("receipt"), stage.sandbox))


@SELLING.case()
def a_number_that_nobody_has(stage: Stage) -> None:
    """A number that nobody has is refused, and nothing is booked."""
    told = stage.sell(stage.ticket(), member={"number": with_check_digit("95299000000000009")})
    _expect_refused(stage, stage.ticket(), told, "member-unknown")


@SELLING.case()
def an_old_pay_code(stage: Stage) -> None:
    """A pay code older than its minute is refused."""
    who = stage.shopper()
    code = who.pay_code(stage.now() - timedelta(seconds=300))
    told = stage.sell(stage.ticket(), member={"pay_code": code}, points_minor=100)
    _expect_refused(stage, stage.ticket(), told, "pay-code-expired")
    stage.expect("points left", (500, 0), who.points())


@SELLING.case()
def a_pay_code_twice(stage: Stage) -> None:
    """A pay code is good once."""
    who = stage.shopper()
    code = who.pay_code(stage.now())
    first = stage.sell(stage.ticket("a"), member={"pay_code": code}, points_minor=100)
    stage.expect("the first time", SOLD, first.get("state"))
    told = stage.sell(stage.ticket("b"), member={"pay_code": code}, points_minor=100)
    _expect_refused(stage, stage.ticket("b"), told, "pay-code-used")
    stage.expect("points left", (409, 0), who.points())


@SELLING.case()
def a_forged_pay_code(stage: Stage) -> None:
    """A pay code that a stranger's key signed is refused."""
    who = stage.shopper()
    code = who.pay_code(stage.now(), key=b"\x07" * 32)
    told = stage.sell(stage.ticket(), member={"pay_code": code}, points_minor=100)
    _expect_refused(stage, stage.ticket(), told, "pay-code-altered")
    stage.expect("points left", (500, 0), who.points())


@SELLING.case()
def more_than_the_phone_allows(stage: Stage) -> None:
    """More points than the phone has signed for are not taken."""
    who = stage.shopper()
    code = who.pay_code(stage.now(), most_minor=50)
    stage.sell(stage.ticket(), member={"pay_code": code}, points_minor=200)
    stage.expect_true("at most what was signed for has gone", sum(who.points()) >= 450)


@SELLING.case()
def a_frozen_member(stage: Stage) -> None:
    """A frozen member gets nothing and pays with nothing; the cashier is told."""
    who = stage.shopper()
    code = who.pay_code(stage.now())
    who.freeze(True)
    told = stage.sell(stage.ticket(), member={"pay_code": code}, points_minor=100)
    _expect_refused(stage, stage.ticket(), told, "member-frozen")


@SELLING.case()
def a_disabled_till(stage: Stage) -> None:
    """A till that was disabled sells nothing under its keys."""
    stage.merchant.disable(stage.terminal)
    told = stage.sell(stage.ticket(), member={"number": stage.shopper().number})
    stage.expect("the cashier is told", REFUSED, told.get("state"))
    stage.expect("sales booked", 0, len(stage.booked(stage.ticket())))


@SELLING.case()
def secrets_stay_where_they_belong(stage: Stage) -> None:
    """Pay codes and API keys stand in no address, and the API key in no answer."""
    who = stage.shopper()
    code = who.pay_code(stage.now())
    stage.sell(stage.ticket(), member={"pay_code": code}, points_minor=100)
    paths = " ".join(seen.request.path for seen in stage.wire.seen)
    stage.expect_true("no address has the code", code not in paths)
    stage.expect_true("no address has the API key", stage.terminal.api_key not in paths)
    said = str(stage.driver.said)
    stage.expect_true("no answer has the API key", stage.terminal.api_key not in said)
    stage.expect_true("something was sent", stage.requests(SALES) and not stage.requests(REVOKE))
