"""What funders of coupons owe for a period goes through the bank with the period's payouts."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

from sqlalchemy import insert

from ledger_service.checkout.couponing.models import coupon_debt
from ledger_service.settlement.bank.references import COUPONS_FROM, Reference, tag_of
from tests.api.service import ALLIANCE, FUEL, GROCER, Shop
from tests.api.test_settlement import PERIODS
from tests.api.test_settlement_papers import ACCOUNTS, ORDER, netted
from tests.unit.settlement.bank.banking import Told
from tests.unit.settlement.bank.banking import statement as bank_statement


def test_what_funders_of_coupons_owe_is_in_the_order_and_marked(any_shop: Shop) -> None:
    """The chain hears of the desk's payout alone; a file that comes again marks nothing anew."""
    with any_shop.serving.foundations.database.begin() as conn:
        debt = {"period": 1, "funder": int(GROCER), "acceptor": int(FUEL), "minor": 40}
        conn.execute(insert(coupon_debt).values(**debt))
    netted(any_shop)
    ordered = any_shop.must("operator", f"{PERIODS}/1/payment-orders", ORDER)
    assert (ordered["payouts"], ordered["pools"], ordered["coupons"]) == ([0], [], [0])
    document = b64decode(ordered["document"])
    assert b"<CtrlSum>1.35</CtrlSum>" in document  # 95 cents of the payout, 40 for coupons
    assert ALLIANCE.settlement_desk is not None
    reference = Reference(tag_of(ALLIANCE.chain_id, ALLIANCE.settlement_desk), 1, COUPONS_FROM).text
    assert reference.endswith("P1C0") and f"<EndToEndId>{reference}</EndToEndId>".encode() in document

    def read(*bookings: Told) -> Any:
        body = {"statement": b64encode(bank_statement(*bookings, balances=False)).decode()}
        return any_shop.must("operator", f"{PERIODS}/1/bank-statements", {**body, "accounts": ACCOUNTS})

    booked = Told("123456", reference, "0.40", "USD", creditor="654321")
    wrong = read(replace(booked, amount="0.41"), replace(booked, reference=f"{reference[:-1]}1"))
    assert (wrong["counts"], wrong["coupons_open"]) == ({"no such payout": 1, "wrong amount": 1}, [0])
    told = read(booked)
    assert (told["paid_now"], told["coupons_paid_now"], told["coupons_open"]) == ([], [0], [])
    again = read(booked)
    assert (again["coupons_paid_now"], again["coupons_paid_before"]) == ([], [0])
    back = read(replace(booked, direction="CRDT"))
    assert ([case["payment"] for case in back["coupon_cases"]], back["pool_cases"]) == ([0], [])
