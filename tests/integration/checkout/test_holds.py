"""Authorise, capture, void, extend, expire: points held once and given out at most once (INV-3, D17)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from ledger_service.checkout.errors import NotEnoughPoints, NothingToHold
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Redeem
from ledger_service.ledger.errors import ExtensionRefused, HoldClosed, HoldExpired, HoldUnknown
from ledger_service.ledger.models import lot
from ledger_service.ledger.queries import balance_as_of
from ledger_service.ledger.rules import ledger_base_of
from ledger_service.outbox.models import intent

from .shop import FUEL, Shop, line

SPEND = [{"programme": "GROC", "points": 100}]


def redeems(shop: Shop) -> list[Redeem]:
    with shop.database.read() as conn:
        payloads = conn.execute(select(intent.c.payload).order_by(intent.c.intent_id)).scalars()
        return [op for op in map(operation_of, payloads) if isinstance(op, Redeem)]


def test_a_hold_takes_points_out_of_reach_and_a_capture_redeems_them(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 150)
    hold = shop.authorise(phone, 500, SPEND)
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "held")) == (50, 100)
    with pytest.raises(NotEnoughPoints):
        shop.sell(phone, line("1", 100), spend=[{"programme": "GROC", "points": 51}])
    sale = shop.capture(hold["hold_id"], line("1", 500))
    assert (sale["points_value_minor"], sale["due_minor"], sale["hold_state"]) == (100, 400, "closed")
    assert shop.balance(phone, 1, "held") == 0
    assert shop.balance(phone, 1) == 54  # 4 earned on the money
    (redeem,) = redeems(shop)
    assert (redeem.flags, sum(leg.amount for leg in redeem.legs)) == (0, 100)


def test_several_captures_share_one_permit_as_a_series(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    authorised_at = seconds_floor(shop.clock.at)
    hold = shop.authorise(phone, 500, SPEND, several=True, ttl_seconds=7_200)["hold_id"]
    shop.clock.forward(hours=1)
    spend = [{"programme": "GROC", "points": 60}]
    first = shop.capture(hold, line("1", 60), spend=spend, final=False)
    assert first["hold_state"] == "open"
    second = shop.capture(hold, line("1", 500), final=False)
    assert (second["points_value_minor"], second["hold_state"]) == (40, "closed")
    operations = redeems(shop)
    assert [op.flags for op in operations] == [1, 1]
    assert {op.accepted_at for op in operations} == {authorised_at}
    assert len({op.nonce for op in operations}) == 1
    assert first["sale_id"] != second["sale_id"]
    assert [r["receipt"]["number"] for r in (first, second)] == [2, 3]


def test_a_final_partial_capture_frees_the_rest(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    hold = shop.authorise(phone, 500, SPEND)["hold_id"]
    shop.capture(hold, line("1", 30))
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "held")) == (70, 0)
    with pytest.raises(HoldClosed):
        shop.capture(hold, line("1", 10))


def test_a_hold_without_series_is_closed_by_its_one_capture_whatever_the_till_says(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    hold = shop.authorise(phone, 500, SPEND)["hold_id"]
    assert shop.capture(hold, line("1", 30), final=False)["hold_state"] == "closed"


def test_a_capture_beyond_the_hold_is_refused(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 300)
    hold = shop.authorise(phone, 500, SPEND, several=True)["hold_id"]
    with pytest.raises(NotEnoughPoints):
        shop.capture(hold, line("1", 500), spend=[{"programme": "GROC", "points": 101}])
    shop.capture(hold, line("1", 500), spend=[{"programme": "GROC", "points": 80}], final=False)
    with pytest.raises(NotEnoughPoints):
        shop.capture(hold, line("1", 500), spend=[{"programme": "GROC", "points": 21}], final=False)


def test_void_frees_the_points_and_closes_for_ever(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    hold = shop.authorise(phone, 500, SPEND)["hold_id"]
    assert shop.void(hold)["state"] == "closed"
    assert shop.balance(phone, 1) == 100
    with pytest.raises(HoldClosed):
        shop.void(hold)
    with pytest.raises(HoldClosed):
        shop.capture(hold, line("1", 1))
    with pytest.raises(HoldClosed):
        shop.extend(hold, 60)


def test_void_after_capture_is_refused(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    hold = shop.authorise(phone, 500, SPEND)["hold_id"]
    shop.capture(hold, line("1", 500))
    with pytest.raises(HoldClosed):
        shop.void(hold)


def test_a_hold_past_its_deadline_serves_no_more_and_the_job_frees_it_once(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    hold = shop.authorise(phone, 500, SPEND, ttl_seconds=60)["hold_id"]
    raw = bytes.fromhex(hold)
    shop.service.expire_hold(raw, shop.clock.at)
    assert shop.balance(phone, 1, "held") == 100
    shop.clock.forward(seconds=60)
    with pytest.raises(HoldExpired):
        shop.capture(hold, line("1", 500))
    with pytest.raises(HoldExpired):
        shop.extend(hold, 60)
    assert shop.service.expire_due_holds(shop.clock.at) == 1
    assert shop.service.expire_due_holds(shop.clock.at) == 0
    shop.service.expire_hold(raw, shop.clock.at)
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "held")) == (100, 0)


def test_a_hold_is_extended_up_to_three_days_after_its_acceptance(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    hold = shop.authorise(phone, 500, SPEND, ttl_seconds=60)["hold_id"]
    shop.extend(hold, 86_400)
    shop.clock.forward(hours=23)
    with pytest.raises(ExtensionRefused):
        shop.extend(hold, 3 * 86_400)
    shop.extend(hold, 2 * 86_400)
    shop.clock.at += timedelta(days=2) - timedelta(seconds=1)
    shop.capture(hold, line("1", 500))


def test_points_held_in_an_epoch_survive_its_end(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    epochs = shop.catalogue.current().programmes[1].epoch_ends
    last = epochs[epoch_in_stock(shop) - 1]
    shop.clock.at += timedelta(seconds=last - seconds_floor(shop.clock.at) - 30)
    hold = shop.authorise(phone, 500, SPEND, ttl_seconds=3_600)["hold_id"]
    shop.clock.forward(seconds=1_800)
    assert shop.capture(hold, line("1", 500))["points_value_minor"] == 100


def epoch_in_stock(shop: Shop) -> int:
    with shop.database.read() as conn:
        return int(conn.execute(select(lot.c.epoch).where(lot.c.available > 0)).scalar_one())


def test_another_merchant_does_not_see_the_hold(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    hold = shop.authorise(phone, 500, SPEND)["hold_id"]
    with pytest.raises(HoldUnknown):
        shop.capture(hold, line("1", 500), merchant_id=FUEL)
    with pytest.raises(HoldUnknown):
        shop.void(hold, merchant_id=FUEL)


def test_a_member_without_fitting_points_has_nothing_to_hold(shop: Shop) -> None:
    with pytest.raises(NothingToHold):
        shop.authorise(shop.enrol(), 500, {"max_value_minor": 100})


@pytest.mark.parametrize("skew", [-100, 50])
def test_a_till_whose_clock_is_off_makes_no_past_balance_negative(shop: Shop, skew: int) -> None:
    phone = shop.enrol()
    started = shop.clock.at
    shop.stock(phone, 1, 100)
    shop.clock.forward(seconds=20)
    taken = shop.accepted(shop.clock.at + timedelta(seconds=skew))
    hold = shop.authorise(phone, 500, SPEND, acceptance=taken)["hold_id"]
    shop.clock.forward(seconds=20)
    shop.void(hold)
    with shop.database.read() as conn:
        for seconds in range(-120, 200, 10):
            past = balance_as_of(conn, ledger_base_of(phone.member_id), started + timedelta(seconds=seconds))
            assert all(view.amount >= 0 for view in past), (seconds, past)
