"""Points become points of another programme: what is posted, and each refusal, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text, update

from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.events import ConversionAgreed
from ledger_service.kernel.operations import Convert, Operation
from ledger_service.kernel.permits import ConversionPermit, nonce_of
from ledger_service.kernel.secp256k1 import keccak256, sign_digest
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.models import lot
from ledger_service.ledger.rules import SystemKind
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.models import member
from ledger_service.merchants.models import merchant
from ledger_service.points.conversion import service
from ledger_service.points.conversion.command import ConversionRequest, Converted
from ledger_service.points.conversion.deals import Wish
from ledger_service.points.conversion.desk import ConversionDesk
from ledger_service.points.conversion.errors import (
    ConversionBelowLeast,
    ConversionNotOffered,
    ConversionPermitInvalid,
    ConversionRefused,
)
from ledger_service.points.errors import (
    CustodialLimitExceeded,
    IssuerSuspended,
    NotIssuable,
    ProgrammeUnknown,
)
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.models import permit_use, programme_terms
from ledger_service.points.service import PointsSettings
from tests.integration.checkout.shop import DOMAIN, FUEL, GROCER, START, Phone, Shop
from tests.integration.points.refusals import differences, on_account
from tests.integration.points.test_adoption import before
from tests.integration.points.test_points import operations
from tests.integration.points.test_reserves import limit

__all__ = ["before"]
SPREAD = 200
# A hundred points of the grocer (a cent each) at two percent are 196 of the fuel station (half a cent).
WISH, RECEIVES = Wish("GROC", "FUEL", 100), 196


def offer(shop: Shop, source: int = 1, target: int = 2, number: int = 1, **changes: int) -> None:
    since = changes.get("since", seconds_floor(START) - 1)
    agreed = ConversionAgreed(source, target, number, since, changes.get("spread", SPREAD))
    with shop.database.begin() as conn:
        service.note(conn, [agreed])
    shop.catalogue.refresh()


def desk_of(shop: Shop) -> ConversionDesk:
    settings = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(10, 10), shop.desk.worker)
    return ConversionDesk(shop.writer, shop.database, shop.catalogue, settings)


def signed(shop: Shop, phone: Phone, wish: Wish = WISH, **changes: Any) -> ConversionRequest:
    """A request under a permit for just this wish (``key``: of another's)."""
    by_code = shop.catalogue.current().by_code
    nonce = changes.get("nonce", nonce_of(phone.lane, next(phone.counter)))
    until = changes.get("valid_until", seconds_floor(shop.clock.at) + 60)
    least = changes.get("least", RECEIVES)
    ids = (by_code[wish.programme].programme_id, by_code[wish.target].programme_id)
    permit = ConversionPermit(phone.account, ids[0], wish.points, ids[1], least, nonce, until)
    signature = sign_digest(changes.get("key", phone.key), DOMAIN.digest(permit.struct_hash()))
    return ConversionRequest(phone.account, wish, least, nonce, until, signature)


def convert(shop: Shop, phone: Phone, wish: Wish = WISH, **changes: Any) -> Converted:
    found: Converted = desk_of(shop).convert(signed(shop, phone, wish, **changes), shop.clock.at)
    return found


def stocked(shop: Shop, points: int = 150) -> Phone:
    phone = shop.enrol()
    shop.stock(phone, 1, points)
    return phone


def refused(shop: Shop, phone: Phone, error: type[Exception], wish: Wish = WISH, **changes: Any) -> Any:
    """The refusal, with which nothing has changed."""
    tables = ("entry", "posting", "intent", "permit_use", "custodial_use")
    was = [shop.count(table) for table in tables], shop.balance(phone, 1), shop.balance(phone, 2)
    with pytest.raises(error) as caught:
        convert(shop, phone, wish, **changes)
    assert ([shop.count(table) for table in tables], shop.balance(phone, 1), shop.balance(phone, 2)) == was
    return caught.value


def last(shop: Shop) -> Convert:
    operation: Operation = operations(shop)[-1]
    assert isinstance(operation, Convert)
    return operation


def test_a_conversion_is_one_entry_that_sums_to_zero_and_one_operation(shop: Shop) -> None:
    phone = stocked(shop)
    offer(shop)
    done = convert(shop, phone)
    assert (done.points, done.received, shop.balance(phone, 1), shop.balance(phone, 2)) == (100, 196, 50, 196)
    operation = last(shop)
    assert (operation.merchant, operation.terms, operation.spread_bps) == (FUEL, 1, SPREAD)
    assert [leg.amount for leg in operation.legs] == [100, RECEIVES]
    assert on_account(shop, SystemKind.REDEMPTION, 1, FUEL) == 100
    assert on_account(shop, SystemKind.ISSUANCE, 2) == -RECEIVES
    with shop.database.read() as conn:
        (kinds,) = conn.execute(
            text("SELECT count(DISTINCT e.sequence) FROM entry AS e WHERE kind = 'convert'")
        ).all()
        used = conn.execute(select(permit_use.c.used_by)).scalars().all()
    assert kinds[0] == 1
    assert used == [done.op_id]
    assert differences(shop) == []


def test_the_quote_says_what_the_conversion_gives_and_until_when(shop: Shop) -> None:
    phone = stocked(shop)
    offer(shop)
    deal = desk_of(shop).quote(WISH, shop.clock.at)
    assert (deal.received(100), deal.spread_bps, deal.number) == (RECEIVES, SPREAD, 1)
    convert(shop, phone)
    with shop.database.read() as conn:
        mine = (lot.c.member_id == phone.member_id) & (lot.c.programme_id == 2)
        assert conn.execute(select(lot.c.epoch).where(mine)).scalar_one() == deal.epoch
    assert deal.expires_at == shop.catalogue.current().programmes[2].epoch_ends[deal.epoch - 1]


def test_the_soonest_end_goes_first_over_several_lots(shop: Shop) -> None:
    phone = shop.enrol()
    for _ in range(3):
        shop.stock(phone, 1, 40)
        shop.clock.forward(days=31)
    offer(shop)
    convert(shop, phone)
    *taken, into = last(shop).legs
    assert [leg.amount for leg in taken] == [40, 40, 20]
    assert [leg.epoch for leg in taken] == sorted(leg.epoch for leg in taken)
    assert into.amount == RECEIVES
    assert shop.balance(phone, 1) == 20


def test_more_than_eight_ends_are_too_many_for_one_permit(shop: Shop) -> None:
    phone = shop.enrol()
    for _ in range(9):
        shop.stock(phone, 1, 10)
        shop.clock.forward(days=31)
    offer(shop)
    assert refused(shop, phone, ConversionRefused, replace(WISH, points=90), least=1).reason == "epochs"
    convert(shop, phone, replace(WISH, points=80), least=1)
    assert len(last(shop).legs) == 9


def test_without_terms_in_force_nothing_converts(shop: Shop) -> None:
    phone = stocked(shop)
    refused(shop, phone, ConversionNotOffered)
    offer(shop, since=seconds_floor(START) + 10)
    refused(shop, phone, ConversionNotOffered)
    shop.clock.forward(seconds=10)
    refused(shop, phone, ConversionNotOffered, Wish("FUEL", "GROC", 1))
    convert(shop, phone, replace(WISH, points=10), least=19)
    offer(shop, number=2, since=seconds_floor(START) + 20, spread=10_000)
    shop.clock.forward(seconds=10)
    refused(shop, phone, ConversionNotOffered)


def test_two_programmes_that_are_are_named(shop: Shop) -> None:
    phone = stocked(shop)
    offer(shop)
    request = signed(shop, phone)
    for source, target in (("NONE", "FUEL"), ("GROC", "NONE"), ("GROC", "GROC")):
        wish, error = Wish(source, target, 1), ConversionRefused if source == target else ProgrammeUnknown
        with pytest.raises(error):
            desk_of(shop).convert(replace(request, wish=wish), shop.clock.at)
        with pytest.raises(error):
            desk_of(shop).quote(wish, shop.clock.at)


def test_a_permit_counts_once_in_time_and_from_the_member_s_own_device(shop: Shop) -> None:
    phone = stocked(shop)
    offer(shop)
    request = signed(shop, phone, replace(WISH, points=10), least=19)
    desk_of(shop).convert(request, shop.clock.at)
    with pytest.raises(ConversionPermitInvalid) as caught:
        desk_of(shop).convert(request, shop.clock.at)
    assert caught.value.reason == "used"
    assert refused(shop, phone, ConversionPermitInvalid, key=keccak256(b"thief")).reason == "signature"
    assert refused(shop, phone, ConversionPermitInvalid, nonce=nonce_of(9, 1)).reason == "lane"
    late = seconds_floor(shop.clock.at) - 1
    assert refused(shop, phone, ConversionPermitInvalid, valid_until=late).reason == "expired"
    altered = replace(signed(shop, phone), least_points=1)
    with pytest.raises(ConversionPermitInvalid):
        desk_of(shop).convert(altered, shop.clock.at)


def test_less_than_the_quote_is_refused_and_so_is_nothing(shop: Shop) -> None:
    phone = stocked(shop)
    offer(shop)
    found = refused(shop, phone, ConversionBelowLeast, least=RECEIVES + 1)
    assert found.params == {"receives": RECEIVES, "least_points": RECEIVES + 1}
    offer(shop, 1, 3)
    assert refused(shop, phone, ConversionRefused, Wish("GROC", "FLOR", 3), least=0).reason == "too-few"


def test_points_that_are_not_there_or_have_ended_do_not_convert(shop: Shop) -> None:
    phone = stocked(shop, 99)
    offer(shop)
    refused(shop, phone, InsufficientPoints)
    shop.stock(phone, 1, 1)
    with shop.database.read() as conn:
        epoch = int(conn.execute(select(lot.c.epoch).where(lot.c.programme_id == 1)).scalars().first() or 0)
    shop.clock.at = instant_of_seconds(shop.catalogue.current().programmes[1].epoch_ends[epoch - 1])
    refused(shop, phone, InsufficientPoints)
    shop.clock.forward(seconds=-1)
    convert(shop, phone)


def test_held_points_do_not_convert(shop: Shop) -> None:
    phone = stocked(shop, 100)
    offer(shop)
    shop.authorise(phone, 900, [{"programme": "GROC", "points": 30}], ttl_seconds=600)
    refused(shop, phone, InsufficientPoints)
    convert(shop, phone, replace(WISH, points=70), least=1)


@pytest.mark.parametrize("whose", [GROCER, FUEL])
def test_neither_issuer_is_suspended(shop: Shop, whose: int) -> None:
    phone = stocked(shop)
    offer(shop)
    with shop.database.begin() as conn:
        conn.execute(update(merchant).where(merchant.c.merchant_id == whose).values(status="suspended"))
    refused(shop, phone, IssuerSuspended)


def test_the_target_s_cap_holds_exactly(shop: Shop) -> None:
    phone = stocked(shop, 200)
    offer(shop)
    with shop.database.begin() as conn:
        cut = update(programme_terms).where(programme_terms.c.programme_id == 2)
        conn.execute(cut.values(issuance_cap=300))
        service.note(conn, [ConversionAgreed(3, 2, 1, 0, 0)])
    shop.catalogue.refresh()
    convert(shop, phone)
    found = refused(shop, phone, NotIssuable)
    assert found.reason == "cap-exhausted"
    convert(shop, phone, replace(WISH, points=53), least=1)
    assert shop.balance(phone, 2) == 196 + 103
    refused(shop, phone, NotIssuable, replace(WISH, points=2), least=1)


def test_the_reserve_of_the_target_s_issuer_limits_what_conversions_bring(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 400)
    offer(shop, 2, 1)
    back = Wish("FUEL", "GROC", 200)
    limit(shop, most=98)
    convert(shop, phone, back, least=98)
    assert refused(shop, phone, NotIssuable, back, least=98).reason == "cap-exhausted"
    limit(shop, most=98 + 98)
    convert(shop, phone, back, least=98)
    assert (shop.balance(phone, 1), shop.balance(phone, 2)) == (196, 0)


def test_who_is_frozen_unknown_or_a_household_converts_nothing(shop: Shop) -> None:
    phone = stocked(shop)
    offer(shop)
    stranger = replace(phone, account=b"\x77" * 20)
    refused(shop, stranger, MemberUnknown)
    for values, error in (({"status": "frozen"}, MemberFrozen), ({"household": True}, ConversionRefused)):
        with shop.database.begin() as conn:
            mine = member.c.member_id == phone.member_id
            conn.execute(update(member).where(mine).values(status="active", household=False))
            conn.execute(update(member).where(mine).values(values))
        refused(shop, phone, error)


def test_a_custodial_key_converts_within_its_limits(shop: Shop) -> None:
    phone = shop.enrol("custodial", 1)
    shop.stock(phone, 1, 900)
    offer(shop)
    refused(shop, phone, CustodialLimitExceeded, replace(WISH, points=501), least=1)
    convert(shop, phone, replace(WISH, points=500), least=1)
    refused(shop, phone, CustodialLimitExceeded, replace(WISH, points=301), least=1)
    convert(shop, phone, replace(WISH, points=300), least=1)
