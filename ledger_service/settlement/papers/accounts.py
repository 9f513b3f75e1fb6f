"""The chart of accounts of a journal: data of the merchant's, with numbers to begin with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from ledger_service.settlement.errors import ChartMalformed

_LONGEST = 100


class Role(StrEnum):
    """What an account is for."""

    POINTS_LIABILITY = "points_liability"
    POINTS_ISSUED = "points_issued"
    POINTS_CONVERTED = "points_converted"
    POINTS_REDEEMED = "points_redeemed"
    POINTS_TAKEN = "points_taken"
    EXPIRY_INCOME = "expiry_income"
    FEE_INCOME = "fee_income"
    FEE_EXPENSE = "fee_expense"
    SETTLEMENT_RECEIVABLE = "settlement_receivable"
    SETTLEMENT_PAYABLE = "settlement_payable"
    DISPUTED = "disputed"
    PAYOUTS = "payouts"
    POOL_DEPOSIT = "pool_deposit"
    POOL_HELD = "pool_held"
    POOL_SETTLEMENT = "pool_settlement"
    REVALUATION = "revaluation"
    ROUNDING = "rounding"


class Account(NamedTuple):
    """A number and a name of the merchant's own books."""

    number: str
    name: str


Chart = Mapping[Role, Account]
DEFAULT_CHART: Chart = {
    Role.POINTS_LIABILITY: Account("2400", "Points outstanding"),
    Role.POINTS_ISSUED: Account("4900", "Revenue deferred for points issued"),
    Role.POINTS_CONVERTED: Account("2410", "Points converted between programmes"),
    Role.POINTS_REDEEMED: Account("4910", "Revenue of own points redeemed"),
    Role.POINTS_TAKEN: Account("1290", "Sales paid with points of others"),
    Role.EXPIRY_INCOME: Account("4920", "Income from expired points"),
    Role.FEE_INCOME: Account("4930", "Fees kept on own points redeemed elsewhere"),
    Role.FEE_EXPENSE: Account("6930", "Fees borne on points of others"),
    Role.SETTLEMENT_RECEIVABLE: Account("1410", "Settlement receivable by issuer"),
    Role.SETTLEMENT_PAYABLE: Account("2420", "Settlement payable by acceptor"),
    Role.DISPUTED: Account("1420", "Settlement disputed"),
    Role.PAYOUTS: Account("1430", "Settlement payouts"),
    Role.POOL_DEPOSIT: Account("1440", "Held by pools for own points"),
    Role.POOL_HELD: Account("2430", "Held as a pool for issuers"),
    Role.POOL_SETTLEMENT: Account("1450", "Payable to and by pools"),
    Role.REVALUATION: Account("6940", "Revaluation of points"),
    Role.ROUNDING: Account("6950", "Rounding of settlement"),
}


def chart_of(text: str) -> Chart:
    """A chart in JSON: role to ``[number, name]``; roles that it leaves out keep what they have.

    Raises:
        ChartMalformed: no such thing.
    """
    try:
        given = json.loads(text)
    except ValueError:
        raise ChartMalformed("it is no JSON") from None
    if not isinstance(given, dict):
        raise ChartMalformed("it is no object")
    return {**DEFAULT_CHART, **dict(_account(role, account) for role, account in given.items())}


def _account(role: str, account: object) -> tuple[Role, Account]:
    if role not in tuple(Role):
        raise ChartMalformed(f"there is no role {role!r}")
    match account:
        case [str(number), str(name)] if 0 < len(number) <= _LONGEST and 0 < len(name) <= _LONGEST:
            return Role(role), Account(number, name)
    raise ChartMalformed(f"{role} is not a number and a name")
