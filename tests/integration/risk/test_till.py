"""What rules do at a till: nothing without any, then allow, ask the phone, hold, refuse; each on record."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.paycode_errors import PayCodeAltered
from ledger_service.kernel.permits import nonce_of
from ledger_service.members.models import member
from ledger_service.points.models import pending_issue
from ledger_service.risk.challenges import Asked, answer
from ledger_service.risk.errors import HeldForReview, RefusedByRules, StepUpRequired
from tests.integration.checkout.attaching import attach
from tests.integration.checkout.shop import GROCER, line, loads

from .guarded import GuardedShop, rule

POINTS_100 = [{"programme": "GROC", "points": 100}]
SPENDS_A_DAY = rule(
    "spends-a-day", "velocity", "refuse", "spend", count="spends", window_seconds=86_400, most=2
)


def refusal(action: Any) -> DomainError:
    with pytest.raises(DomainError) as caught:
        action()
    return caught.value


def test_without_rules_nothing_is_judged_or_counted(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.earn(phone, 50_000, cashier="c1")
    shop.pay(phone, 1_000, POINTS_100)
    assert shop.count("risk_decision") == shop.count("risk_tally") == 0


def test_a_velocity_rule_refuses_what_is_above_it_and_books_nothing(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.earn(phone, 100_000)
    shop.rule(SPENDS_A_DAY)
    for _ in range(2):
        shop.clock.forward(minutes=1)
        shop.pay(phone, 1_000, POINTS_100)
    shop.clock.forward(minutes=1)
    sales, points = shop.count("sale"), shop.balance(phone, 1)
    error = refusal(lambda: shop.pay(phone, 1_000, POINTS_100, "again"))
    assert (type(error), error.params) == (RefusedByRules, {"reason": "limit-reached"})
    assert (shop.count("sale"), shop.balance(phone, 1)) == (sales, points)
    assert shop.decisions()[-1] == ("refuse", ["spends-a-day"])
    # A refusal stores nothing under its key: after the window the very same request goes through.
    shop.clock.forward(days=3)
    assert shop.pay(phone, 1_000, POINTS_100, "again")["due_minor"] == 900


def test_merchants_count_what_happened_at_them_alone(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 1_000)
    shop.rule(
        rule("two", "velocity", "refuse", "sale", count="sales", window_seconds=900, most=1), scope=GROCER
    )
    shop.stock(phone, 2, 10)
    shop.stock(phone, 2, 10)
    shop.earn(phone, 1_000)
    assert isinstance(refusal(lambda: shop.earn(phone, 1_000)), RefusedByRules)


def test_above_the_permits_cap_the_phone_is_asked_and_its_answer_passes(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.earn(phone, 100_000)
    shop.rule(rule("cap", "permit_cap", "step_up", "spend"))
    small = {"max_value_micros": 500_000}
    asked = refusal(lambda: shop.pay(phone, 2_000, POINTS_100, code=small))
    assert isinstance(asked, StepUpRequired)
    assert (asked.merchant, asked.amount_minor) == (f"{GROCER:013d}", 100)
    assert int(asked.nonce) >> 32 == phone.lane
    answer = {"nonce": int(asked.nonce), "max_value_micros": 1_000_000}
    sold = shop.pay(phone, 2_000, POINTS_100, step_up=asked.challenge, code=answer)
    assert sold["due_minor"] == 1_900
    assert [outcome for outcome, _ in shop.decisions()] == ["step_up", "allow"]


@pytest.mark.parametrize("wrong", ["nonce", "cap", "late", "used", "another"])
def test_an_answer_that_is_none_asks_again(shop: GuardedShop, wrong: str) -> None:
    phone, other = shop.enrol(), shop.enrol()
    for one in (phone, other):
        shop.earn(one, 100_000)
    shop.rule(rule("always", "amount", "step_up", "spend", most=50))
    asked = refusal(lambda: shop.pay(phone, 2_000, POINTS_100))
    assert isinstance(asked, StepUpRequired)
    answer, payer = {"nonce": int(asked.nonce), "max_value_micros": 1_000_000}, phone
    if wrong == "nonce":
        answer["nonce"] = nonce_of(1, 77)
    elif wrong == "cap":
        answer["max_value_micros"] = 999_999
    elif wrong == "late":
        shop.clock.forward(seconds=301)
    elif wrong == "used":
        shop.pay(phone, 2_000, POINTS_100, step_up=asked.challenge, code=answer)
        answer = {**answer, "nonce": nonce_of(1, 78)}
    else:
        payer = other
    again = refusal(lambda: shop.pay(payer, 2_000, POINTS_100, step_up=asked.challenge, code=answer))
    assert isinstance(again, StepUpRequired)
    assert again.challenge != asked.challenge


def test_a_custodial_answer_is_met_by_another_factor_first(shop: GuardedShop) -> None:
    phone = shop.enrol("custodial", flags=1)
    shop.earn(phone, 100_000)
    shop.rule(rule("always", "amount", "step_up", "spend", most=50))
    asked = refusal(lambda: shop.pay(phone, 2_000, POINTS_100))
    assert isinstance(asked, StepUpRequired)
    assert isinstance(
        refusal(lambda: shop.pay(phone, 2_000, POINTS_100, step_up=asked.challenge)), StepUpRequired
    )
    meet_in(shop, bytes.fromhex(asked.challenge), phone.member_id)
    assert shop.pay(phone, 2_000, POINTS_100, step_up=asked.challenge)["due_minor"] == 1_900


def meet_in(shop: GuardedShop, challenge_id: bytes, member_id: int, *, confirms: bool = True) -> None:
    """The member answers on its page."""
    asked = Asked(challenge_id, member_id, frozenset({1}))
    shop.writer.run(lambda conn: answer(conn, asked, shop.clock.at, confirms=confirms))


def test_own_card_is_told_politely_and_held(shop: GuardedShop) -> None:
    phone, customer = shop.enrol(), shop.enrol()
    shop.staff("anna", phone)
    shop.rule(rule("own", "own_card", "hold", "sale"))
    shop.earn(customer, 5_000, cashier="anna")
    shop.earn(phone, 5_000, cashier="bert")
    held = shop.earn(phone, 5_000, cashier="anna")
    assert held["earned"][0]["awaits"] == "care:review"
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending")) == (50, 50)
    with shop.database.read() as conn:
        row = conn.execute(select(pending_issue)).one()
    assert (row.awaits, row.lapses) == ("care:review", False)
    assert shop.count("risk_review") == 1
    assert [outcome for outcome, _ in shop.decisions()].count("hold") == 1


def test_what_is_held_is_sold_without_points_unless_the_till_insists(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.earn(phone, 100_000)
    shop.rule(rule("big", "amount", "hold", "spend", most=50))
    error = refusal(lambda: shop.pay(phone, 2_000, POINTS_100))
    assert (type(error), error.params) == (HeldForReview, {"reason": "points-not-now"})
    sold = shop.pay(phone, 2_000, {"max_value_minor": 100})
    assert (sold["due_minor"], sold["earned"][0]["points"]) == (2_000, 20)
    assert shop.balance(phone, 1) == 1_000
    assert shop.balance(phone, 1, "pending") == 20


def test_an_authorisation_is_judged_like_a_payment(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.earn(phone, 100_000)
    shop.rule(rule("big", "amount", "hold", "spend", most=50))
    assert isinstance(refusal(lambda: shop.authorise(phone, 2_000, {"max_value_minor": 100})), HeldForReview)
    hold = shop.authorise(phone, 2_000, {"max_value_minor": 40})
    assert hold["held_value_minor"] == 40


def test_a_new_device_on_an_old_account_is_asked_and_a_new_account_is_not(shop: GuardedShop) -> None:
    old, new = shop.enrol(), shop.enrol()
    for one in (old, new):
        shop.earn(one, 100_000)
    shop.age(old, 400, device_days=0)
    shop.age(new, 0)
    shop.rule(rule("new", "new_device", "step_up", "spend", seconds=86_400, least_minor=50))
    # No older device could vouch for this one, and it does not vouch for itself.
    assert isinstance(refusal(lambda: shop.pay(old, 2_000, POINTS_100)), HeldForReview)
    shop.pay(old, 2_000, [{"programme": "GROC", "points": 10}])
    shop.pay(new, 2_000, POINTS_100)


def test_what_a_new_device_pays_an_older_one_confirms(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.earn(phone, 100_000)
    shop.age(phone, 400)
    second = shop.second_device(phone)
    shop.rule(rule("new", "new_device", "step_up", "spend", seconds=86_400))
    asked = refusal(lambda: shop.pay(second, 2_000, POINTS_100))
    assert isinstance(asked, StepUpRequired)
    assert int(asked.nonce) >> 32 == phone.lane
    answer = {"nonce": int(asked.nonce)}
    with pytest.raises(PayCodeAltered):
        shop.pay(second, 2_000, POINTS_100, step_up=asked.challenge, code=answer)
    assert shop.pay(phone, 2_000, POINTS_100, step_up=asked.challenge, code=answer)["due_minor"] == 1_900


def test_what_custody_signs_for_digits_the_members_phone_confirms(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.earn(phone, 100_000)
    digits = shop.second_device(phone, flags=1)
    shop.rule(rule("always", "amount", "step_up", "spend", most=50))
    asked = refusal(lambda: shop.pay(digits, 2_000, POINTS_100))
    assert isinstance(asked, StepUpRequired)
    answer = {"nonce": int(asked.nonce)}
    assert shop.pay(phone, 2_000, POINTS_100, step_up=asked.challenge, code=answer)["due_minor"] == 1_900


def test_an_exchange_is_judged_on_both_its_sides_and_refused_whole(shop: GuardedShop) -> None:
    phone = shop.enrol()
    sold = shop.earn(phone, 3_000)
    back = rule("back", "velocity", "refuse", "refund", count="refunds", window_seconds=900, most=1)
    big = rule("big", "amount", "refuse", "sale", most=9_000)
    shop.rule(back, big)
    body = shop.sale_body(line("n", 10_000), member={"number": phone.number}, cashier="anna")
    body |= {"sale": sold["sale_id"], "returned": [{"line": "1", "quantity": 1}]}
    assert isinstance(refusal(lambda: shop.exchange(body)), RefusedByRules)
    assert (shop.count("refund"), shop.balance(phone, 1)) == (0, 30)
    shop.exchange({**body, "lines": [line("n", 4_000)]})
    assert [found for found, _ in shop.decisions()].count("allow") == 2
    assert shop.balance(phone, 1) == 40


def test_a_dormant_account_is_asked_also_right_after_a_small_purchase(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.rule(rule("asleep", "dormant", "step_up", "spend", seconds=180 * 86_400))
    shop.earn(phone, 100_000)
    shop.clock.forward(days=200)
    shop.earn(phone, 100)
    assert isinstance(refusal(lambda: shop.pay(phone, 2_000, POINTS_100)), StepUpRequired)
    shop.clock.forward(days=1)
    shop.pay(phone, 2_000, POINTS_100)


def test_loops_and_returns_without_a_receipt_are_counted(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.earn(phone, 100_000)
    loops = rule("loops", "velocity", "refuse", "refund", count="loops", window_seconds=86_400, most=1)
    bare = rule("bare", "velocity", "hold", "unreceipted", count="unreceipted", window_seconds=86_400, most=0)
    shop.rule(loops, bare)
    shop.publish(GROCER, without_receipt={"most_minor": 10_000, "most_per_day": 9})
    paid = [shop.pay(phone, 2_000, POINTS_100) for _ in range(2)]
    shop.refund(paid[0]["sale_id"])
    assert isinstance(refusal(lambda: shop.refund(paid[1]["sale_id"])), RefusedByRules)
    shop.take_back(phone, 500)
    assert shop.count("unreceipted_return") == shop.count("risk_review") == 1


def test_a_lost_answer_is_replayed_and_counted_once(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.rule(SPENDS_A_DAY)
    first = shop.earn(phone, 100_000, "k")
    assert shop.earn(phone, 100_000, "k") == first
    assert len(shop.decisions()) == 1


def test_erased_and_unknown_members_are_refused_as_ever(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.rule(SPENDS_A_DAY)
    with shop.database.begin() as conn:
        conn.execute(member.update().values(status="frozen"))
    assert refusal(lambda: shop.earn(phone, 100)).code == "member-frozen"
    assert shop.decisions() == []


def test_receipts_that_join_too_often_are_held_then_refused(shop: GuardedShop) -> None:
    phone = shop.enrol()
    receipts = [loads(shop.send_sale(shop.sale_body(line("1", 5_000))))["sale_id"] for _ in range(3)]
    shop.rule(
        rule("often", "velocity", "hold", "attach", count="attaches", window_seconds=86_400, most=1),
        rule("too-often", "velocity", "refuse", "attach", count="attaches", window_seconds=86_400, most=2),
    )
    assert attach(shop, receipts[0], phone)["earned"][0]["points"] == 50
    assert attach(shop, receipts[1], phone)["earned"][0]["points"] == 50
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending")) == (50, 50)
    assert isinstance(refusal(lambda: attach(shop, receipts[2], phone)), RefusedByRules)
    assert (shop.count("sale_attachment"), shop.count("risk_review")) == (2, 1)
    assert [outcome for outcome, _ in shop.decisions()] == ["allow", "hold", "refuse"]
