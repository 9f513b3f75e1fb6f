"""The models of what customers buy, held against the figures that their authors published."""

from __future__ import annotations

from math import log
from pathlib import Path

import pytest

from ledger_service.insight import lifetime
from ledger_service.insight.lifetime import Often, Past, Spend

# CDNOW, 2,357 customers of the first quarter of 1997: purchases after the first, days from it to the last and
# to the end, mean of those purchases in cents, customers. From brucehardie.com/datasets, by 1/10 sample.
CDNOW = Path(__file__).parents[2] / "vectors" / "cdnow.txt"
# Fader, Hardie & Lee (2005), table 2, time in weeks; Fader & Hardie (2013), page 8, money in dollars.
OFTEN, SPEND = Often(0.243, 4.414, 0.793, 2.426), Spend(6.25, 3.74, 15.44)
LIKELIHOOD = -9_582.4


def rows() -> list[tuple[int, ...]]:
    return [tuple(map(int, line.split())) for line in CDNOW.read_text().splitlines()]


def pasts(unit: int = 1) -> list[Past]:
    return [Past(again, last / unit, age / unit) for again, last, age, _, n in rows() for _ in range(n)]


def test_the_fit_of_how_often_is_the_published_one() -> None:
    found = lifetime.fit_often(pasts())
    weekly = found._replace(alpha=found.alpha / 7)
    assert weekly == pytest.approx(OFTEN, rel=0.01)
    in_weeks = lifetime.log_likelihood(found, pasts()) + sum(past.again for past in pasts()) * log(7)
    assert in_weeks == pytest.approx(LIKELIHOOD, abs=0.05)


def test_the_fit_of_how_much_is_the_published_one() -> None:
    spent = [(again, mean / 100) for again, _, _, mean, n in rows() for _ in range(n) if again]
    assert len(spent) == 946
    assert lifetime.fit_spend(spent) == pytest.approx(SPEND, rel=0.01)


def test_what_is_expected_is_what_the_authors_worked_out() -> None:
    # Fader, Hardie & Lee, "Implementing the BG/NBD Model in Excel" (2005), page 7.
    assert lifetime.expected_purchases(OFTEN, Past(2, 30.43, 38.86), 39) == pytest.approx(1.226, abs=0.001)
    # Nobody buys in no time, and ever more in ever more time.
    some = [lifetime.expected_purchases(OFTEN, Past(0, 0, 12), days) for days in (0, 1, 52, 5_200)]
    assert some == sorted(some)
    assert some[0] == 0
    # Both sides of a = 1, where the closed form divides by nothing.
    near = [lifetime.expected_purchases(OFTEN._replace(a=a), Past(2, 30, 39), 39) for a in (0.999, 1, 1.001)]
    assert near[0] == pytest.approx(near[1], rel=0.01)
    assert near[1] == pytest.approx(near[2], rel=0.01)


def test_the_mean_of_one_who_buys_often_is_its_own() -> None:
    base, weight = lifetime.expected_spend(SPEND, 10_000)
    assert (round(base, 2), round(weight, 2)) == (0, 1)
    base, weight = lifetime.expected_spend(SPEND, 0)
    assert base + weight == pytest.approx(6.25 * 15.44 / 2.74)


def test_who_bought_every_day_and_then_no_more_is_surely_gone() -> None:
    assert lifetime.expected_purchases(OFTEN, Past(600, 600, 2_400), 365) < 1e-9
    assert lifetime.expected_purchases(OFTEN._replace(r=1e5, alpha=1e5), Past(1, 1, 3_650), 365) < 1e-9


def test_the_fit_of_how_much_is_the_same_in_a_currency_of_great_numbers() -> None:
    some = [(1 + i % 4, 10.0 + 7 * (i % 11)) for i in range(60)]
    p, q, gamma = lifetime.fit_spend(some)
    dear = lifetime.fit_spend([(n, mean * 1e7) for n, mean in some])
    assert dear == pytest.approx((p, q, gamma * 1e7), rel=0.001)
