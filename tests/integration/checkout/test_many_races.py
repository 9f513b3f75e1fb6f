"""The same races over and over with real connections: one winner each time, and the books balance at the
end (INV-2, INV-3, INV-10, INV-13)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.errors import NotEnoughPoints, RefundExceedsSale
from ledger_service.checkout.parsing import parse_capture, parse_void
from ledger_service.db.engine import Database
from ledger_service.kernel.ids import parse_id
from ledger_service.kernel.permits import FLAG_CUSTODIAL
from ledger_service.ledger.errors import HoldClosed, HoldExpired, InsufficientPoints
from ledger_service.points.errors import CustodialLimitExceeded

from .shop import START, Phone, Shop, StandingClock, line, loads, lots_equal_postings
from .test_races import at_once, body_of

DEEP = os.environ.get("ALLIANCE_TEST_DEEP") == "1"
LAST_POINTS = 10_000 if DEEP else 100
CLOSINGS = 1_000 if DEEP else 40
WAYS = 64
TTL_SECONDS = 60
HELD = [{"programme": "GROC", "points": 20}]
Shops = tuple[Shop, Shop]


@pytest.fixture
def shops(database: Database) -> Iterator[Shops]:
    """Two workers, each with its own writer and connection; the second one's clock is past all deadlines."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", StandingClock(START))
    two.catalogue.refresh()
    yield one, two
    one.close()
    two.close()
    lots_equal_postings(one)


def test_two_terminals_want_the_last_point_again_and_again_and_one_gets_it_each_time(shops: Shops) -> None:
    one, two = shops
    phone = one.enrol()
    winners: Counter[int] = Counter()
    for _ in range(LAST_POINTS):
        one.stock(phone, 1, 1)
        bodies = [body_of(one, phone, 1) for _ in shops]
        answers = at_once(lambda b=bodies[0]: one.send_sale(b), lambda b=bodies[1]: two.send_sale(b))
        won = [i for i, answer in enumerate(answers) if isinstance(answer, Answer)]
        assert len(won) == 1, answers
        assert isinstance(answers[1 - won[0]], (NotEnoughPoints, InsufficientPoints))
        winners[won[0]] += 1
    assert one.balance(phone, 1) == 0
    assert one.count("sale") == 2 * LAST_POINTS
    assert len(winners) == 2, "the race was no race"


def test_capture_void_and_deadline_of_one_hold_have_one_winner_and_refunds_take_back_only_a_capture(
    shops: Shops,
) -> None:
    one, _ = shops
    phone = one.enrol()
    one.stock(phone, 1, 20)
    ended: Counter[str] = Counter()
    for number in range(CLOSINGS):
        hold = one.authorise(phone, 90, HELD, ttl_seconds=TTL_SECONDS)
        state, sale = close_in_three_ways(shops, hold["hold_id"], number)
        ended[state] += 1
        assert one.balance(phone, 1) == (0 if sale else 20)
        assert one.balance(phone, 1, "held") == 0
        if sale:
            assert len(refunds_at_once(shops, sale, number)) == 1
        assert one.balance(phone, 1) == 20
    assert sum(ended.values()) == CLOSINGS
    assert len(ended) >= 2, f"the race was no race: {ended}"
    assert one.count("refund") == ended["captured"]


def test_a_refund_of_the_first_part_races_capture_void_and_deadline_of_the_rest(shops: Shops) -> None:
    one, two = shops
    phone = one.enrol()
    one.stock(phone, 1, 20)
    ended: Counter[str] = Counter()
    for number in range(CLOSINGS):
        held = one.authorise(phone, 90, HELD, several=True, ttl_seconds=TTL_SECONDS)["hold_id"]
        eight = [{"programme": "GROC", "points": 8}]
        first = one.capture(held, line("1", 8), spend=eight, final=False)["sale_id"]
        back = [lambda s=shop, f=first, k=number: s.refund(f, key=f"back {k}") for shop in (two, one)]
        (state, sale), *refunds = at_once(lambda h=held, k=number: close_in_three_ways(shops, h, k), *back)
        ended[state] += 1
        assert len({answer["refund_id"] for answer in refunds}) == 1, "one key, one refund"
        assert one.balance(phone, 1) == (8 if sale else 20)
        assert one.balance(phone, 1, "held") == 0
        if sale:
            assert len(refunds_at_once(shops, sale, number)) == 1
        assert one.balance(phone, 1) == 20
    assert len(ended) >= 2, f"the race was no race: {ended}"
    assert one.count("refund") == CLOSINGS + ended["captured"]


def refunds_at_once(shops: Shops, sale: str, number: int) -> set[str]:
    """The refunds made when each worker gets the whole sale back under two keys, all at once."""
    tills = [(shop, f"all back {number} {key}") for key in range(2) for shop in shops]
    answers = at_once(*[lambda s=shop, k=key: s.refund(sale, key=k) for shop, key in tills])
    assert all(isinstance(a, (dict, RefundExceedsSale)) for a in answers), answers
    return {answer["refund_id"] for answer in answers if isinstance(answer, dict)}


def close_in_three_ways(shops: Shops, hold_id: str, number: int) -> tuple[str, str]:
    """Capture, void and the deadline's job at once: which of them closed the hold, and the sale if one was
    made."""
    one, two = shops
    body = {"lines": [line("1", 90)], "reference": "c"}
    capture = one.write("capture", body), parse_capture(hold_id, body)
    void = two.write("void", {}, f"void {number}"), parse_void(hold_id, {})
    late = two.clock.at.replace(hour=23)
    calls = [
        lambda: one.service.capture(*capture),
        lambda: two.service.void(*void),
        lambda: two.service.expire_hold(parse_id(hold_id, "hold"), late),
    ]
    turn = number % 3  # who starts first has an edge
    answers = at_once(*calls[turn:], *calls[:turn])
    answers = answers[-turn:] + answers[:-turn] if turn else answers
    captured, voided, expired = answers
    won = [isinstance(captured, Answer), isinstance(voided, Answer), loads(expired)["expired"]]
    assert sum(won) == 1, answers
    assert all(isinstance(a, (Answer, HoldClosed, HoldExpired)) for a in answers)
    return ("captured", "voided", "expired")[won.index(True)], loads(captured)["sale_id"] if won[0] else ""


def earned_at_once(shops: Shops, phones: list[Phone], points: int) -> list[dict[str, Any]]:
    """What 64 sales of so many points earn, all at the same moment at two workers."""
    buyers = [(shops[i % 2], phones[i % len(phones)]) for i in range(WAYS)]
    answers = at_once(*[lambda s=s, p=p: s.sell(p, line("1", points * 100)) for s, p in buyers])
    return [earned for answer in answers for earned in answer["earned"]]


@pytest.fixture
def rivals(database: Database) -> Iterator[list[Shop]]:
    """Workers that a test founds as it likes; closed and compared at the end."""
    several = [Shop(database)]
    several.append(Shop(database, "w2", several[0].clock))
    yield several
    for shop in several:
        shop.close()
    lots_equal_postings(several[0])


def test_64_sales_at_once_draw_an_issuance_cap_down_to_its_last_whole_earn(rivals: list[Shop]) -> None:
    one, two = rivals
    one.found(cap=150)
    two.catalogue.refresh()
    phones = [one.enrol() for _ in range(8)]
    earned = earned_at_once((one, two), phones, 7)
    assert sum(e["points"] for e in earned) == sum(one.balance(p, 1) for p in phones) == 147
    assert {e["reason"] for e in earned if not e["points"]} == {"cap-exhausted"}


def test_64_sales_at_once_earn_a_members_daily_cap_exactly(rivals: list[Shop]) -> None:
    one, two = rivals
    one.found(daily_cap=100)
    two.catalogue.refresh()
    phone = one.enrol()
    earned = earned_at_once((one, two), [phone], 7)
    assert sum(e["points"] for e in earned) == one.balance(phone, 1) == 100


def test_64_codes_signed_in_custody_at_once_spend_the_days_limit_and_no_more(rivals: list[Shop]) -> None:
    one, two = rivals
    one.found()
    two.catalogue.refresh()
    phone = one.enrol(custody="custodial", flags=FLAG_CUSTODIAL)
    one.stock(phone, 1, 10_000)
    bodies = [body_of(one, phone, 90) for _ in range(WAYS)]
    calls = [lambda s=rivals[i % 2], b=body: s.send_sale(b) for i, body in enumerate(bodies)]
    answers = at_once(*calls)
    won = [a for a in answers if isinstance(a, Answer)]
    assert len(won) == 8  # eight times 90 points of a cent stay below eight dollars, nine do not
    assert all(isinstance(a, CustodialLimitExceeded) for a in answers if a not in won)
    assert one.balance(phone, 1) == 10_000 - 8 * 90
