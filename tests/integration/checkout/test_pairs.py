"""Points at an acceptor with terms of its own: what is quoted, sold, held, captured and given back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.events import PairTermsAgreed, PairTermsGone
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Operation, Redeem, Restore
from ledger_service.outbox.models import intent
from ledger_service.points.pairs.service import note

from .shop import FLORIST, FUEL, GROCER, Phone, Shop, line

SPEND = [{"programme": "FUEL", "points": 100}]


def agree(shop: Shop, version: int, *, days: int, value: int, fee: int = 40) -> None:
    """The index tells that fuel station and grocer have agreed on terms from so many days on."""
    start = seconds_floor(shop.clock.at) + days * 86_400
    with shop.database.begin() as conn:
        note(conn, [PairTermsAgreed(2, version, GROCER, start, value, fee)])
    shop.catalogue.refresh()


def queued(shop: Shop) -> list[Operation]:
    with shop.database.read() as conn:
        payloads = conn.execute(select(intent.c.payload).order_by(intent.c.intent_id)).scalars()
        return [op for op in map(operation_of, payloads) if isinstance(op, Redeem | Restore)]


def cited(shop: Shop) -> list[int]:
    """The terms version of each redemption and restore, in their order."""
    return [(op.legs[0] if isinstance(op, Redeem) else op.leg).terms_version for op in queued(shop)]


def quoted(shop: Shop, phone: Phone, at: int) -> dict[str, Any]:
    body = {"store": shop.sale_body(at=at)["store"], "currency": "USD", "lines": [line("1", 900)],
            "member": {"pay_code": phone.pay_code(shop.clock.at)}}  # fmt: skip
    (payable,) = [p for p in shop.quote(body, at)["payable"] if p["programme"] == "FUEL"]
    return {name: payable[name] for name in ("value_minor", "point_value_micros", "fee_bps", "terms_version")}


def test_a_sale_cites_the_pair_s_terms_at_that_acceptor_alone_from_their_instant_on(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 1_000)
    agree(shop, 2, days=8, value=8_000)
    shop.clock.forward(days=8, seconds=-1)
    before = shop.sell(phone, line("1", 900), at=GROCER, spend=SPEND)
    shop.clock.forward(seconds=1)
    pair = shop.sell(phone, line("1", 900), at=GROCER, spend=SPEND)
    for at in (FLORIST, FUEL):
        assert shop.sell(phone, line("1", 900), at=at, spend=SPEND)["points_value_minor"] == 50
    assert (before["points_value_minor"], pair["points_value_minor"]) == (50, 80)
    assert cited(shop) == [1, 2, 1, 1]
    assert pair["spent"][0]["terms_version"] == 2


def test_a_quote_tells_value_and_fee_of_the_place(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 1_000)
    agree(shop, 2, days=0, value=8_000)
    usual = {"value_minor": 500, "point_value_micros": 5_000, "fee_bps": 100, "terms_version": 1}
    assert quoted(shop, phone, FLORIST) == usual
    assert quoted(shop, phone, GROCER) == {
        "value_minor": 800, "point_value_micros": 8_000, "fee_bps": 40, "terms_version": 2,
    }  # fmt: skip


def test_a_hold_keeps_the_terms_of_its_acceptance_when_the_pair_begins_before_the_capture(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 1_000)
    agree(shop, 2, days=8, value=8_000)
    shop.clock.forward(days=8, minutes=-5)
    hold = shop.authorise(phone, 900, SPEND)
    quote = quoted(shop, phone, GROCER)
    shop.clock.forward(minutes=10)
    sale = shop.capture(hold["hold_id"], line("1", 900))
    assert (sale["points_value_minor"], cited(shop)) == (50, [1])
    assert (quote["terms_version"], quoted(shop, phone, GROCER)["terms_version"]) == (1, 2)


def test_a_refund_after_the_pair_has_ended_cites_what_the_sale_did(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 1_000)
    agree(shop, 2, days=0, value=8_000)
    agree(shop, 4, days=9, value=0, fee=0)
    sale = shop.sell(phone, line("1", 500), line("2", 400), at=GROCER, spend=SPEND)
    shop.clock.forward(days=9)
    later = shop.sell(phone, line("1", 900), at=GROCER, spend=SPEND)
    shop.refund(sale["sale_id"], [("1", 1)])
    shop.refund(sale["sale_id"], [("2", 1)])
    assert (sale["points_value_minor"], later["points_value_minor"]) == (80, 50)
    assert cited(shop) == [2, 1, 2, 2]
    restored = [op.leg.amount for op in queued(shop) if isinstance(op, Restore)]
    assert sum(restored) == 100


def test_an_offline_sale_is_judged_by_the_terms_of_its_own_time(shop: Shop) -> None:
    """The catalogue answers for any past instant, whatever is in force when the till comes back."""
    agree(shop, 2, days=1, value=8_000)
    agree(shop, 3, days=5, value=0, fee=0)
    agree(shop, 5, days=9, value=9_000)
    programme, now = shop.catalogue.current().programmes[2], seconds_floor(shop.clock.at)
    versions = [programme.terms_at(GROCER, now + d * 86_400) for d in (0, 1, 4, 5, 8, 9)]
    assert [t.version for t in versions if t is not None] == [1, 2, 2, 1, 1, 5]
    assert programme.next_version == 4  # general terms whose answer was lost would have it


def test_what_a_reorganisation_takes_back_is_cited_no_more(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 1_000)
    agree(shop, 2, days=0, value=8_000)
    with shop.database.begin() as conn:
        note(conn, [PairTermsGone(2, 2)])
    shop.catalogue.refresh()
    assert shop.sell(phone, line("1", 900), at=GROCER, spend=SPEND)["points_value_minor"] == 50
    agree(shop, 3, days=0, value=8_000)
    agree(shop, 3, days=0, value=8_000)
    assert shop.sell(phone, line("1", 900), at=GROCER, spend=SPEND)["points_value_minor"] == 80
    assert cited(shop) == [1, 3]
