"""Conversions that the chain refuses, that a restored database adopts, and under terms that have changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from ledger_service.checkout.errors import ProgrammeFrozenForMember
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.events import ConversionAgreed
from ledger_service.ledger.rules import SystemKind
from ledger_service.points.adoption import AdoptCommand
from ledger_service.points.conversion import service
from ledger_service.points.conversion.deals import Wish
from ledger_service.points.conversion.errors import ConversionBelowLeast, ConversionRefused
from ledger_service.points.models import programme_terms
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import FUEL, START, Shop, line
from tests.integration.points.refusals import differences, frozen, on_account, refuse
from tests.integration.points.test_adoption import FACTS, before
from tests.integration.points.test_conversions import RECEIVES, convert, last, offer, refused, stocked
from tests.integration.points.test_points import operations

__all__ = ["before"]


def test_a_refused_conversion_goes_to_suspense_and_freezes_both_programmes(
    shop: Shop, points: PointsService
) -> None:
    phone = stocked(shop)
    offer(shop)
    refuse(shop, [convert(shop, phone).op_id], "ConversionNotInForce()")
    points.apply_set_aside(shop.clock.at)
    assert points.apply_set_aside(shop.clock.at) == 0
    assert frozen(shop, phone, 1) and frozen(shop, phone, 2)
    assert on_account(shop, SystemKind.REDEMPTION, 1, FUEL) == on_account(shop, SystemKind.ISSUANCE, 2) == 0
    assert on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 100
    assert on_account(shop, SystemKind.SUSPENSE, 2, FUEL) == -RECEIVES
    assert [d for d in differences(shop) if not d.startswith("operation-set-aside")] == []
    with pytest.raises(ProgrammeFrozenForMember):
        shop.sell(phone, line("1", 90), spend=[{"programme": "FUEL", "points": 1}])
    assert refused(shop, phone, ConversionRefused, Wish("GROC", "FUEL", 1), least=1).reason == "frozen"


def test_an_adopted_conversion_gives_the_same_lots_and_uses_its_permit(shop: Shop, before: Shop) -> None:
    phone = stocked(before)
    shop.enrol()
    offer(before)
    convert(before, phone)
    done = operations(before)
    for operation in done:
        assert shop.writer.submit(AdoptCommand(operation, dict(FACTS), shop.clock.at))
        assert not shop.writer.submit(AdoptCommand(operation, dict(FACTS), shop.clock.at))
    assert (shop.balance(phone, 1), shop.balance(phone, 2)) == (50, RECEIVES)
    assert [one.leaf() for one in operations(shop)] == [one.leaf() for one in done]
    assert shop.count("permit_use") == 1
    assert differences(shop) == []


def test_terms_of_another_time_are_judged_by_their_own_values(shop: Shop) -> None:
    phone = stocked(shop)
    offer(shop)
    later = seconds_floor(START) + 60
    with shop.database.begin() as conn:
        row = {"programme_id": 2, "version": 2, "effective_from": later, "point_value_micros": 20_000}
        rest = {"fee_bps": 0, "issuance_cap": 10**9, "validity_epochs": 12}
        conn.execute(insert(programme_terms).values({**row, **rest}))
        service.note(conn, [ConversionAgreed(3, 2, 1, 0, 0)])
    shop.catalogue.refresh()
    shop.clock.at = START + timedelta(seconds=60)
    found = refused(shop, phone, ConversionBelowLeast)
    assert found.receives == 49
    assert convert(shop, phone, least=49).received == 49
    assert last(shop).legs[-1].terms_version == 2
