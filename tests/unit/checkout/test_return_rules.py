"""Where goods may come back and when, and what comes back without a receipt."""

from __future__ import annotations

import pytest

from ledger_service.checkout.return_errors import (
    ReturnAtAnotherMerchant,
    ReturnAtAnotherStore,
    ReturnTooLate,
    ReturnWithoutReceiptLimited,
    ReturnWithoutReceiptRefused,
)
from ledger_service.checkout.return_rules import (
    DEFAULT,
    Order,
    Place,
    ReturnPolicy,
    Where,
    WithoutReceipt,
    check_return,
    check_without_receipt,
    policy_body,
    policy_of,
)

SOLD = Place(1, 11)
DAY = 86_400


def test_without_a_rule_every_store_of_the_merchant_takes_back_at_any_time() -> None:
    assert check_return({}, SOLD, Place(1, 12), 9_999 * DAY) == DEFAULT
    with pytest.raises(ReturnAtAnotherMerchant):
        check_return({}, SOLD, Place(2, 21), 0)


def test_a_merchant_may_take_back_only_where_it_sold_and_only_for_some_days() -> None:
    strict = {1: ReturnPolicy(Where.SAME_STORE, within_days=30)}
    check_return(strict, SOLD, SOLD, 30 * DAY)
    with pytest.raises(ReturnTooLate):
        check_return(strict, SOLD, SOLD, 30 * DAY + 1)
    for store in (12, None):
        with pytest.raises(ReturnAtAnotherStore):
            check_return(strict, SOLD, Place(1, store), 0)


@pytest.mark.parametrize(
    ("seller", "taker", "allowed"),
    [
        (ReturnPolicy(Where.PARTNERS, frozenset({2})), ReturnPolicy(takes_back_for=frozenset({1})), True),
        (ReturnPolicy(Where.PARTNERS, frozenset({2})), DEFAULT, False),
        (ReturnPolicy(Where.MERCHANT, frozenset({2})), ReturnPolicy(takes_back_for=frozenset({1})), False),
        (ReturnPolicy(Where.PARTNERS, frozenset({3})), ReturnPolicy(takes_back_for=frozenset({1})), False),
        (DEFAULT, ReturnPolicy(takes_back_for=frozenset({1})), False),
    ],
)
def test_partners_take_back_where_both_say_so(
    seller: ReturnPolicy, taker: ReturnPolicy, allowed: bool
) -> None:
    policies = {1: seller, 2: taker}
    if allowed:
        assert check_return(policies, SOLD, Place(2, 21), 0) == seller
        return
    with pytest.raises(ReturnAtAnotherMerchant):
        check_return(policies, SOLD, Place(2, 21), 0)


def test_what_comes_back_without_a_receipt_is_bounded_by_amount_and_by_day() -> None:
    rule = ReturnPolicy(without_receipt=WithoutReceipt(2_000, 2))
    check_without_receipt(rule, 2_000, 1)
    for amount, before in ((2_001, 0), (1, 2)):
        with pytest.raises(ReturnWithoutReceiptLimited):
            check_without_receipt(rule, amount, before)
    with pytest.raises(ReturnWithoutReceiptRefused):
        check_without_receipt(DEFAULT, 1, 0)


def test_a_rule_survives_its_row() -> None:
    rule = ReturnPolicy(
        Where.PARTNERS, frozenset({9}), frozenset({8}), Order.POINTS_FIRST, 14, WithoutReceipt(500, 1)
    )
    assert policy_of(policy_body(rule)) == rule
    assert policy_of(policy_body(DEFAULT)) == policy_of({}) == DEFAULT
