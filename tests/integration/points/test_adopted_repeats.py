"""A request that is repeated after its operation was adopted is told so by its code, and books nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ledger_service.checkout.parsing import parse_authorise, parse_capture
from ledger_service.db.engine import Database, open_database
from ledger_service.db.schema import create_everything
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.operations import Clawback, Issue, Operation, Redeem, Restore
from ledger_service.kernel.paycode_errors import PayCodeExpired
from ledger_service.kernel.permits import FLAG_CUSTODIAL, nonce_of
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.models import entry
from ledger_service.points.adjustments import AdjustmentLimits, Asked, Decision
from ledger_service.points.adoption import AdoptCommand
from ledger_service.points.errors import CustodialLimitExceeded, OperationAdopted
from ledger_service.points.models import custodial_use
from ledger_service.points.requests import AskAdjustment
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.alone import OfflineShop
from tests.integration.checkout.shop import (
    DOMAIN,
    FUEL,
    GROCER,
    Phone,
    Shop,
    line,
    loads,
    lots_equal_postings,
)
from tests.integration.points.test_points import make_pending, operations

FACTS = {"batch": 3, "block": 40, "asked_by": "operator:ann", "agreed_by": "operator:ben"}
SPEND = {"max_value_minor": 30}


class Accident:
    """A shop whose database is lost, and the one that a backup brings back: it knows the member's stock."""

    def __init__(self, lost: Database, restored: Database, flags: int = 0) -> None:
        self.before, self.after = OfflineShop(lost), OfflineShop(restored)
        for shop in (self.before, self.after):
            shop.found()
            self.phone: Phone = shop.enrol("custodial" if flags else "device", flags)
            shop.stock(self.phone, 1, 100)
            shop.stock(self.phone, 3, 300)
        self.after._keys = count(1_000)

    def done(self) -> list[Operation]:
        """What was sent after the backup."""
        return operations(self.before)[2:]

    def adopt(self) -> list[Operation]:
        adopt(self.after, *self.done())
        return self.done()

    def close(self) -> None:
        for shop in (self.before, self.after):
            shop.close()
        lots_equal_postings(self.after)


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path}/lost.db")
    create_everything(database)
    yield database
    database.close()


@pytest.fixture
def accident(lost: Database, database: Database) -> Iterator[Accident]:
    made = Accident(lost, database)
    yield made
    made.close()


@pytest.fixture
def of_custody(lost: Database, sqlite_database: Database) -> Iterator[Accident]:
    """The member's key is in custody."""
    made = Accident(lost, sqlite_database, FLAG_CUSTODIAL)
    yield made
    made.close()


def entries(shop: Shop) -> int:
    with shop.database.read() as conn:
        return conn.execute(select(func.count()).select_from(entry)).scalar_one()


def told(shop: Shop, again: object) -> OperationAdopted:
    """The refusal of a repeated request, which books nothing."""
    before = entries(shop)
    with pytest.raises(OperationAdopted) as refused:
        again()  # type: ignore[operator]  # a call of the till
    assert entries(shop) == before
    return refused.value


def test_a_sale_that_only_earned_is_told_where_its_operation_stands(accident: Accident) -> None:
    body = accident.before.sale_body(line("1", 5_000), member={"number": accident.phone.number})
    accident.before.send_sale(body, "first")
    (issue,) = accident.adopt()
    refusal = told(accident.after, lambda: accident.after.send_sale(body, "first"))
    assert refusal.params == {"operation": id_text(issue.op_id), "batch": 3, "block": 40}
    assert accident.after.balance(accident.phone, 1) == 150
    assert accident.after.sell(accident.phone, line("1", 100))["earned"][0]["points"] == 1


@pytest.mark.parametrize("later", [0, 7200], ids=["at-once", "when-the-code-has-expired"])
def test_a_sale_that_spent_is_not_taken_for_one_with_a_used_or_expired_code(
    accident: Accident, later: int
) -> None:
    code = accident.phone.pay_code(accident.before.clock.at)
    body = accident.before.sale_body(line("1", 90), at=FUEL, member={"pay_code": code}, spend=SPEND)
    accident.before.send_sale(body, "paid", FUEL)
    done = accident.adopt()
    accident.after.clock.forward(seconds=later)
    refusal = told(accident.after, lambda: accident.after.send_sale(body, "paid", FUEL))
    assert refusal.operation == id_text(next(o.op_id for o in done if isinstance(o, Redeem)))
    assert accident.after.balance(accident.phone, 1) == 70


def test_a_code_that_expired_before_anything_was_booked_is_still_an_expired_code(accident: Accident) -> None:
    code = accident.phone.pay_code(accident.before.clock.at)
    body = accident.before.sale_body(line("1", 90), at=FUEL, member={"pay_code": code}, spend=SPEND)
    accident.after.clock.forward(seconds=7200)
    with pytest.raises(PayCodeExpired):
        accident.after.send_sale(body, "never", FUEL)


def test_captures_and_refunds_are_told_too(accident: Accident) -> None:
    before, after, phone = accident.before, accident.after, accident.phone
    sold = before.sell(phone, line("1", 200), at=FUEL, spend=SPEND)
    held = before.authorise(phone, 100, SPEND)["hold_id"]
    body = {"lines": [line("1", 40)], "reference": "c"}
    capture = before.write("capture", body, "taken")
    before.service.capture(capture, parse_capture(held, body))
    before.refund(sold["sale_id"], at=FUEL, key="back")
    accident.adopt()
    told(after, lambda: after.service.capture(capture, parse_capture(held, body)))
    refusal = told(after, lambda: after.refund(sold["sale_id"], at=FUEL, key="back"))
    undone = [o for o in accident.done() if isinstance(o, (Clawback, Restore))]
    assert refusal.operation in {id_text(o.op_id) for o in undone}
    assert after.balance(phone, 1) == before.balance(phone, 1) + before.balance(phone, 1, "held")


def test_a_refund_of_a_sale_that_the_backup_knew_is_told_and_not_a_fault(accident: Accident) -> None:
    for shop in (accident.before, accident.after):
        body = shop.sale_body(line("1", 3_000), member={"number": accident.phone.number})
        sale_id = loads(shop.send_sale(body, "known"))["sale_id"]
    accident.before.refund(sale_id, key="back")
    (clawback,) = accident.done()[1:]
    adopt(accident.after, clawback)
    refusal = told(accident.after, lambda: accident.after.refund(sale_id, key="back"))
    assert refusal.operation == id_text(clawback.op_id)
    assert accident.after.balance(accident.phone, 1) == 100


def test_points_that_were_pending_before_they_vested_are_not_promised_again(accident: Accident) -> None:
    for shop in (accident.before, accident.after):
        make_pending(shop, 2)
    body = accident.before.sale_body(line("1", 5_000), member={"number": accident.phone.number})
    accident.before.send_sale(body, "first")
    accident.before.clock.forward(days=2)
    room(accident.before).vest_due(accident.before.clock.at)
    accident.adopt()
    told(accident.after, lambda: accident.after.send_sale(body, "first"))
    assert accident.after.balance(accident.phone, 1, "pending") == 0
    assert accident.after.balance(accident.phone, 1) == 150


def test_points_that_are_pending_still_are_free_as_they_are_on_the_chain(accident: Accident) -> None:
    for shop in (accident.before, accident.after):
        make_pending(shop, 2)
        body = shop.sale_body(line("1", 5_000), member={"number": accident.phone.number})
        shop.send_sale(body, "known")
    accident.before.clock.forward(days=2)
    room(accident.before).vest_due(accident.before.clock.at)
    (issue,) = accident.adopt()
    assert isinstance(issue, Issue)
    after, phone = accident.after, accident.phone
    assert (after.balance(phone, 1, "pending"), after.balance(phone, 1)) == (0, 150)
    after.clock.forward(days=9)
    room(after).vest_due(after.clock.at)
    assert (after.balance(phone, 1), operations(after)[2:]) == (150, [issue])


def test_an_approved_adjustment_is_told_to_whoever_approves_it_again(accident: Accident) -> None:
    asked = Asked("operator:ann", "ask", accident.before.clock.at)
    wish = AskAdjustment(accident.phone.number, "GROC", 40, "goodwill", "late", GROCER)
    for shop in (accident.before, accident.after):
        adjustment = room(shop).ask_adjustment(wish, asked)
    word = Decision(adjustment, "operator:ben", True, accident.before.clock.at)
    room(accident.before).decide_adjustment(word)
    (issue,) = accident.adopt()
    refusal = told(accident.after, lambda: room(accident.after).decide_adjustment(word))
    assert refusal.operation == id_text(issue.op_id)


def test_offline_sales_are_told_one_by_one_and_are_nobodys_loss(accident: Accident) -> None:
    before, after, phone = accident.before, accident.after, accident.phone
    till = before.till()
    after.till()
    earning = till.earn(before.clock.at, phone, 5_000)
    paying = till.spend(before.clock.at, phone.pay_code(before.clock.at), 30, 30)
    assert {one.state for one in before.upload(till)} == {"certain"}
    adopt(after, *accident.done())
    other = till.earn(before.clock.at, phone, 700)
    outcomes = after.upload(till, [earning, paying, other])
    assert [one.state for one in outcomes] == ["refused", "refused", "certain"]
    assert all(isinstance(one.error, OperationAdopted) and one.error.block == 40 for one in outcomes[:2])
    assert after.losses() == (0, 0)
    assert after.balance(phone, 1) == 100 + 50 - 30 + 7


def test_what_a_custodial_key_spent_before_counts_against_its_day(of_custody: Accident) -> None:
    after, phone = of_custody.after, of_custody.phone
    three = {"max_value_minor": 300}
    for _ in range(2):
        of_custody.before.sell(phone, line("1", 300), at=FUEL, spend=three)
    for spent in [o for o in of_custody.done() if isinstance(o, Redeem)]:
        adopt(after, spent, custodial_micros=3_000_000)
    with pytest.raises(CustodialLimitExceeded):
        after.sell(phone, line("1", 300), at=FUEL, spend=three)
    assert after.sell(phone, line("1", 300), at=FUEL, spend={"max_value_minor": 200})["spent"]


def test_a_capture_of_a_hold_that_the_backup_knew_counts_once(of_custody: Accident) -> None:
    for shop in (of_custody.before, of_custody.after):
        code = of_custody.phone.pay_code(shop.clock.at, nonce=nonce_of(1, 77))
        body = shop.sale_body(line("1", 300), member={"pay_code": code}, spend={"max_value_minor": 300})
        write = shop.write("authorise", body, "hold")
        held = loads(shop.service.authorise(write, parse_authorise(body)))["hold_id"]
    of_custody.before.capture(held, line("1", 300))
    (taken,) = [o for o in of_custody.done() if isinstance(o, Redeem)]
    with pytest.raises(InsufficientPoints):  # its points are held, until the hold's end
        adopt(of_custody.after, taken, custodial_micros=3_000_000)
    of_custody.after.void(held)
    counted = spent_today(of_custody.after)
    adopt(of_custody.after, taken, custodial_micros=3_000_000)
    assert spent_today(of_custody.after) == counted != [0]


def spent_today(shop: Shop) -> list[int]:
    with shop.database.read() as conn:
        return list(conn.execute(select(custodial_use.c.spent_micros)).scalars())


def adopt(shop: Shop, *operations_: Operation, custodial_micros: int = 0) -> None:
    for operation in operations_:
        assert shop.writer.submit(AdoptCommand(operation, dict(FACTS), shop.clock.at, custodial_micros))


def room(shop: Shop) -> PointsService:
    settings = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(100, 150), "w1")
    return PointsService(shop.writer, shop.database, shop.catalogue, settings)
