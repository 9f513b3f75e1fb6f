"""A statement's figures: opening and movements come to the closing, legs stay gross, the CSV is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.period_figures import ProgrammePeriod, ValueInForce
from ledger_service.settlement.errors import StatementUnbalanced
from ledger_service.settlement.netting import Payout
from ledger_service.settlement.papers.figures import Held, leg_sums, programmes_of
from ledger_service.settlement.papers.table import rows_of, statement_csv
from tests.unit.settlement.paper_sample import BAKER, CAFE, GROCER, LINES, POOL, PROGRAMME, sample

GOLDEN = Path(__file__).parent / "statement-2-9501101530003-netted.csv"


def test_a_programme_goes_from_its_opening_to_its_closing() -> None:
    (programme,) = sample().programmes
    assert programme.movements == {
        "earned": 500, "adjusted": 20, "converted": 0, "redeemed_here": -40, "redeemed_elsewhere": -310,
        "restored_here": 5, "restored_elsewhere": 30, "clawed_back": -7, "expired": -100,
    }  # fmt: skip
    # 10,000 points at a cent; a point is worth 1.1 cents at the close.
    assert programme.opening_micros == 100_000_000
    assert programme.revaluation_micros == 10_000_000
    moved = sum(programme.movements.values()) * 11_000
    assert programme.closing_micros == 100_000_000 + 10_000_000 + moved == 10_098 * 11_000


def test_both_directions_stay_gross_and_what_came_back_stands_apart() -> None:
    statement = sample()
    ours = [(g.creditor, g.terms_version, g.points, g.owed_micros) for g in statement.owed_by_us()]
    assert ours == [(BAKER, 1, 300, 2_955_000), (BAKER, 1, -30, -295_500), (CAFE, 2, 10, 108_350)]
    assert [(g.debtor, g.value_micros, g.fee_micros) for g in statement.owed_to_us()] == [
        (BAKER, 1_540_000, 30_800)
    ]
    assert [(g.points, g.value_micros) for g in statement.own()] == [(40, 400_000), (-5, -50_000)]
    assert statement.gross_net_micros == 1_509_200 - (2_955_000 - 295_500 + 108_350)


def test_what_is_held_out_and_what_was_decided_make_the_net() -> None:
    netting = sample().netting
    assert netting is not None
    assert netting.held == (Held(GROCER, BAKER, 1_000_000),)
    assert (netting.net_micros, netting.brought_in_micros) == (-8_650, 250_000)
    assert netting.payouts == (Payout(GROCER, CAFE, 1),)
    rounding = next(row for row in rows_of(sample()) if row.item == "rounding")
    assert rounding.owed_micros == -10_000 + 8_650


def test_the_csv_is_what_it_was() -> None:
    assert statement_csv(sample()) == GOLDEN.read_bytes()


def test_a_period_that_is_not_netted_says_nothing_of_payouts() -> None:
    text = statement_csv(replace(sample(), netting=None)).decode()
    assert "net of the legs" in text
    assert "payout" not in text
    assert "rounding" not in text


def test_a_pool_stands_behind_the_settlement_and_changes_nothing_of_it() -> None:
    text = statement_csv(replace(sample(), pools=(POOL,))).decode()
    rows = [line for line in text.splitlines() if line.startswith("pool,")]
    assert rows == [
        f"pool,into the pool,1,,{GROCER},{CAFE},,,,,5000000,,issue",
        f"pool,out of the pool,1,,{CAFE},{GROCER},,,,,3100000,,issue",
        f"pool,held by the pool,1,,{CAFE},{GROCER},,10098,1900000,,,,issue",
    ]
    without = [line for line in text.splitlines() if line not in rows]
    assert without == GOLDEN.read_text().splitlines()


def test_movements_that_miss_an_operation_are_refused() -> None:
    legs = leg_sums(LINES[1:])
    with pytest.raises(StatementUnbalanced) as refusal:
        programmes_of(GROCER, [PROGRAMME], legs)
    assert (refusal.value.programme, refusal.value.reached, refusal.value.counted) == (1, 10_398, 10_098)


_redemptions = st.tuples(st.sampled_from([GROCER, BAKER, CAFE]), st.integers(1, 10**9), st.integers(0, 10**9))


@given(
    st.integers(0, 10**12),
    st.lists(_redemptions, max_size=30),
    st.fixed_dictionaries({n: st.integers(0, 10**9) for n in ("earned", "clawed_back", "expired")}),
    st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)),
)
def test_opening_and_movements_are_the_closing_whatever_happens(
    opening: int, redeemed: list[tuple[int, int, int]], named: dict[str, int], values: tuple[int, int]
) -> None:
    lines, outstanding = [], opening + named["earned"] - named["clawed_back"] - named["expired"]
    for at, (acceptor, points, back) in enumerate(redeemed):
        for kind, change in ((Kind.REDEEM, points), (Kind.RESTORE, -min(back, points))):
            if change:
                gross = change * values[0]
                lines.append(ObligationLine(
                    1, 2 * at + (change < 0), 0, bytes(16), kind, 1, 1, change, GROCER, acceptor, gross, 0,
                    bytes(32),
                ))  # fmt: skip
            outstanding -= change
    before, after = ValueInForce(1, values[0]), ValueInForce(2, values[1])
    period = ProgrammePeriod(1, GROCER, opening, outstanding, before, after, **named)
    (stated,) = programmes_of(GROCER, [period], leg_sums(lines))
    moved = sum(points * values[1] for points in stated.movements.values())
    assert stated.opening_micros + stated.revaluation_micros + moved == stated.closing_micros
