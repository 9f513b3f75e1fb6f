"""A journal balances, entry by entry, and ties to the statement; its chart is the merchant's own."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace

import pytest

from ledger_service.settlement.errors import ChartMalformed
from ledger_service.settlement.papers.accounts import DEFAULT_CHART, Role, chart_of
from ledger_service.settlement.papers.journal import entries_of, journal_csv
from tests.unit.settlement.paper_sample import CAFE, POOL, sample


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(journal_csv(sample(), DEFAULT_CHART).decode(), newline="")))


def test_every_entry_balances_in_micros_and_in_minor_units() -> None:
    sums: dict[str, Counter[str]] = {}
    for row in rows():
        for name in ("debit_micros", "credit_micros", "debit_minor", "credit_minor"):
            sums.setdefault(row["entry"], Counter())[name] += int(row[name])
    assert len(sums) == 12
    for entry in sums.values():
        assert entry["debit_micros"] == entry["credit_micros"] > 0
        assert entry["debit_minor"] == entry["credit_minor"]


def balances() -> Counter[Role]:
    """Debit less credit by role."""
    found: Counter[Role] = Counter()
    for entry in entries_of(sample()):
        for line in entry.lines:
            found[line.role] += line.micros
    return found


def test_the_liability_moves_from_the_opening_to_the_closing_of_the_statement() -> None:
    (programme,) = sample().programmes
    assert balances()[Role.POINTS_LIABILITY] == programme.opening_micros - programme.closing_micros


def test_the_settlement_clears_receivables_and_payables_into_the_payout() -> None:
    found = balances()
    assert found[Role.SETTLEMENT_RECEIVABLE] == found[Role.SETTLEMENT_PAYABLE] == 0
    assert found[Role.PAYOUTS] == -10_000
    assert found[Role.ROUNDING] == 10_000 - 8_650
    # The dollar that is held out is owed less; the quarter that was decided is claimed no more.
    assert found[Role.DISPUTED] == -1_250_000


def test_fees_and_expiry_are_income_and_breakage_is_nowhere() -> None:
    found = balances()
    assert found[Role.FEE_INCOME] == -(45_000 - 4_500 + 1_650)
    assert found[Role.FEE_EXPENSE] == 30_800
    assert found[Role.EXPIRY_INCOME] == -100 * 11_000
    assert found[Role.POINTS_TAKEN] == -1_540_000
    assert not [role for role in Role if "breakage" in role.value]


def test_what_a_pool_holds_is_the_issuers_claim_and_the_pools_debt() -> None:
    for merchant, role, signed in ((POOL.flow.issuer, Role.POOL_DEPOSIT, 1), (CAFE, Role.POOL_HELD, -1)):
        told = replace(sample(), merchant=merchant, programmes=(), legs=(), netting=None, pools=(POOL,))
        (entry,) = entries_of(told)
        assert [(line.role, line.micros) for line in entry.lines] == [
            (role, signed * 1_900_000), (Role.POOL_SETTLEMENT, -signed * 1_900_000)
        ]  # fmt: skip


def test_a_chart_of_ones_own_keeps_what_it_does_not_name() -> None:
    chart = chart_of('{"points_liability": ["230500", "顧客點數負債"]}')
    assert chart[Role.POINTS_LIABILITY] == ("230500", "顧客點數負債")
    assert chart[Role.ROUNDING] == DEFAULT_CHART[Role.ROUNDING]
    assert "230500,顧客點數負債,points_liability" in journal_csv(sample(), chart).decode()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"breakage": ["1", "a"]}', '{"rounding": "1"}', '{"rounding": ["", "a"]}',
             '{"rounding": ["1"]}', '{"rounding": [1, "a"]}'],
)  # fmt: skip
def test_a_chart_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ChartMalformed):
        chart_of(text)
