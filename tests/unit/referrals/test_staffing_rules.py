"""Rotas: whose turn it is at any instant, and what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.referrals.staffing.errors import ShareRotaRefused
from ledger_service.referrals.staffing.rules import Rota, check_rota, in_force, on_duty, shifts

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = Rota(("ann", "bob", "小陳"), 60, START)


@pytest.mark.parametrize(
    ("after", "who"),
    [(-1, None), (0, "ann"), (59, "ann"), (60, "bob"), (120, "小陳"), (180, "ann"), (1_800_061, "bob")],
)
def test_the_turn_follows_from_the_instant_alone(after: int, who: str | None) -> None:
    assert on_duty(DAY, START + timedelta(minutes=after)) == who


def test_turns_are_cut_where_another_rota_takes_over_and_end_with_an_empty_one() -> None:
    evening = Rota(("cid",), 30, START + 2.5 * HOUR)
    nobody = Rota((), 5, START + 3.25 * HOUR)
    turns = shifts([DAY, evening, nobody], START, 9)
    assert [(t.begins_at - START, t.ends_at - START, t.cashier) for t in turns] == [
        (0 * HOUR, 1 * HOUR, "ann"), (1 * HOUR, 2 * HOUR, "bob"), (2 * HOUR, 2.5 * HOUR, "小陳"),
        (2.5 * HOUR, 3 * HOUR, "cid"), (3 * HOUR, 3.25 * HOUR, "cid"),
    ]  # fmt: skip
    assert shifts([], START, 9) == shifts([nobody], START, 9) == []
    assert shifts([DAY], START - HOUR, 1)[0].cashier == "ann"
    assert on_duty(nobody, START + 4 * HOUR) is None
    assert len(shifts([DAY], START, 24)) == 24


def test_of_rotas_that_have_begun_the_last_told_counts() -> None:
    corrected = Rota(("cid",), 60, START)
    assert in_force([DAY, corrected], START) is corrected
    assert in_force([DAY, corrected], START - HOUR) is None


@pytest.mark.parametrize(
    ("rota", "reason"), [(Rota(("a", "a"), 60, START), "twice"), (Rota(("a",), 60, START - HOUR), "begun")]
)
def test_a_rota_names_nobody_twice_and_is_told_before_it_begins(rota: Rota, reason: str) -> None:
    check_rota(DAY, START)
    with pytest.raises(ShareRotaRefused) as refused:
        check_rota(rota, START)
    assert refused.value.reason == reason
