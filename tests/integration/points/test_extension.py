"""One member's points get a later end by two people (D18); what the contract refuses, and what is adopted."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from ledger_service.db.models import alliance
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.operations import Extend
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.rules import SystemKind
from ledger_service.members.errors import MemberFrozen
from ledger_service.points.adjustments import Asked, Decision
from ledger_service.points.adoption import AdoptCommand
from ledger_service.points.errors import HouseTakesNoExtensions, NothingToExtend
from ledger_service.points.models import adjustment
from ledger_service.points.requests import AskAdjustment
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import FUEL, GROCER, START, Phone, Shop, line
from tests.integration.points.refusals import differences, frozen, on_account, refuse
from tests.integration.points.test_adoption import FACTS, before
from tests.integration.points.test_inactivity import lots
from tests.integration.points.test_points import epoch_end, operations

__all__ = ["before"]


def asked(shop: Shop, points: PointsService, phone: Phone, *epochs: int, amount: int = 40) -> bytes:
    wish = AskAdjustment(phone.number, "GROC", amount, "extension", "was in hospital", GROCER, *epochs)
    return points.ask_adjustment(wish, Asked("operator:ann", f"k{epochs}{amount}", shop.clock.at))


def decide(shop: Shop, points: PointsService, case: bytes) -> str:
    return str(points.decide_adjustment(Decision(case, "operator:bob", True, shop.clock.at)))


def stocked(shop: Shop, points: int = 40) -> tuple[Phone, int]:
    phone = shop.enrol()
    shop.stock(phone, 1, points)
    return phone, epoch_end(shop)[0]


def test_a_lot_gets_a_later_end_when_a_second_person_agrees(shop: Shop, points: PointsService) -> None:
    phone, epoch = stocked(shop, 60)
    case = asked(shop, points, phone, epoch, epoch + 3)
    assert lots(shop, phone) == {epoch: 60}
    assert decide(shop, points, case) == "approved"
    assert lots(shop, phone) == {epoch: 20, epoch + 3: 40}
    extended = operations(shop)[-1]
    assert isinstance(extended, Extend)
    assert (extended.leg.epoch, extended.leg.amount, extended.into_epoch) == (epoch, 40, epoch + 3)
    assert on_account(shop, SystemKind.EXTENSION, 1) == 0
    assert differences(shop) == []
    sale = shop.sell(phone, line("1", 900), at=FUEL, spend=[{"programme": "GROC", "points": 50}])
    assert lots(shop, phone) == {epoch + 3: 10}
    shop.refund(sale["sale_id"], at=FUEL)
    assert lots(shop, phone) == {epoch: 20, epoch + 3: 40}


def test_of_what_was_spent_meanwhile_only_the_rest_is_extended(shop: Shop, points: PointsService) -> None:
    phone, epoch = stocked(shop)
    first, second = (asked(shop, points, phone, epoch, epoch + 3, amount=amount) for amount in (40, 39))
    shop.sell(phone, line("1", 900), at=FUEL, spend=[{"programme": "GROC", "points": 30}])
    assert decide(shop, points, first) == "approved"
    assert lots(shop, phone) == {epoch + 3: 10}
    with pytest.raises(NothingToExtend):
        decide(shop, points, second)
    with shop.database.read() as conn:
        states = conn.execute(select(adjustment.c.state).order_by(adjustment.c.points)).scalars().all()
    assert states == ["asked", "approved"]


def test_an_end_is_never_brought_nearer_and_a_later_one_must_be_to_come(
    shop: Shop, points: PointsService
) -> None:
    phone, epoch = stocked(shop)
    for epochs, field in (
        ((epoch, epoch), "into_epoch"), ((epoch, epoch - 1), "into_epoch"), ((epoch, 41), "into_epoch"),
        ((41, 42), "epoch"), ((1, 2), "into_epoch"),
    ):  # fmt: skip
        with pytest.raises(MalformedField) as caught:
            asked(shop, points, phone, *epochs)
        assert caught.value.params["field"] == field
    case = asked(shop, points, phone, epoch, epoch + 1)
    ends = shop.catalogue.current().programmes[1].epoch_ends
    shop.clock.at = instant_of_seconds(ends[epoch])
    with pytest.raises(NothingToExtend):
        decide(shop, points, case)
    assert lots(shop, phone) == {epoch: 40}


def test_a_house_that_is_older_than_extensions_extends_nothing(shop: Shop, points: PointsService) -> None:
    phone, epoch = stocked(shop)
    row = {"id": 1, "name": "A", "currency": "USD", "gs1_prefix": "952", "chain_id": 1, "founded_at": START}
    places = dict.fromkeys(("clearing_house", "registry", "manager", "points_implementation"), b"\1" * 20)
    limits = {"per_permit_micros": 1, "per_day_micros": 1, "extends": False}
    with shop.database.begin() as conn:
        conn.execute(insert(alliance).values({**row, **places, **limits}))
    with pytest.raises(HouseTakesNoExtensions):
        asked(shop, points, phone, epoch, epoch + 3)


def test_an_extension_that_the_contract_refuses_freezes_the_member_s_programme(
    shop: Shop, points: PointsService
) -> None:
    phone, epoch = stocked(shop)
    again = asked(shop, points, phone, epoch + 3, epoch + 4)
    decide(shop, points, asked(shop, points, phone, epoch, epoch + 3))
    refuse(shop, [operations(shop)[-1].op_id], "EpochUnknown()")
    points.apply_set_aside(shop.clock.at)
    assert points.apply_set_aside(shop.clock.at) == 0
    assert frozen(shop, phone, 1)
    assert on_account(shop, SystemKind.EXTENSION, 1) == on_account(shop, SystemKind.SUSPENSE, 1) == 0
    assert [d for d in differences(shop) if not d.startswith("operation-set-aside")] == []
    with pytest.raises(MemberFrozen):
        decide(shop, points, again)


def test_an_extension_on_the_chain_is_adopted_by_a_restored_ledger(
    shop: Shop, before: Shop, points: PointsService
) -> None:
    phone, epoch = stocked(before)
    shop.enrol()
    service = PointsService(before.writer, before.database, before.catalogue, points._settings)
    decide(before, service, asked(before, service, phone, epoch, epoch + 3))
    issued, extended = operations(before)
    with pytest.raises(InsufficientPoints):
        shop.writer.submit(AdoptCommand(extended, dict(FACTS), shop.clock.at))
    for operation in (issued, extended):
        assert shop.writer.submit(AdoptCommand(operation, dict(FACTS), shop.clock.at))
    assert lots(shop, phone) == {epoch + 3: 40}
