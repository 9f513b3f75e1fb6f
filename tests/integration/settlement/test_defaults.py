"""A payout of a merchant in default says that its reserve pays."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.cli.settle import document_of
from tests.integration.settlement.test_banking import Desk
from tests.unit.settlement.bank.banking import PAYOUTS


def test_what_a_merchant_in_default_owes_is_paid_out_of_its_reserve() -> None:
    payer = PAYOUTS[0].payer
    standing = replace(Desk().standing(12), members=[])
    assert not any(one["from_reserve"] for one in document_of(standing)["payouts"])
    told = document_of(replace(standing, in_default=frozenset({payer})))["payouts"]
    assert [one["from_reserve"] for one in told] == [p.payer == payer for p in PAYOUTS]
    assert told[0]["from_reserve"]
