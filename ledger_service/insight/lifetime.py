"""What customers will buy: BG/NBD for how often, gamma-gamma for how much, fitted to a merchant's purchases.

Pure: numbers in, numbers out; the same history gives the same model. Estimates, so floats are in place here;
what leaves is whole minor units, rounded down.

Source: Fader, Hardie & Lee, "Counting Your Customers" the Easy Way, Marketing Science 24 (2005) 275-284,
eq. 6 and 10; Fader & Hardie, The Gamma-Gamma Model of Monetary Value (2013), eq. 1a and 5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import exp, inf, lgamma, log
from typing import NamedTuple

_STEPS, _TERMS = 600, 20_000
_CLOSE = 1e-7
# exp(-12) to exp(16): wider than any history of purchases says.
_LEAST, _GREATEST = -12.0, 16.0
# Odds of exp(700) against its going on: surely gone, and still a float.
_SURELY = 700.0


class Past(NamedTuple):
    """A customer's purchases: how many after the first one, when the last was and how long ago the first,
    both in days from the first purchase."""

    again: int
    last: float
    age: float


class Often(NamedTuple):
    """How often customers buy and when they stop: rates are gamma (r, alpha days), stopping beta (a, b)."""

    r: float
    alpha: float
    a: float
    b: float


class Spend(NamedTuple):
    """What a purchase comes to: gamma (p) about a mean that is inverse gamma (q, gamma in minor units)."""

    p: float
    q: float
    gamma: float


def fit_often(pasts: Iterable[Past]) -> Often:
    """The model that makes these pasts likeliest."""
    weighed = list(Counter(pasts).items())
    ages = sum(past.age * n for past, n in weighed) / max(1, sum(n for _, n in weighed))
    start = (0.0, log(max(1.0, ages / 8)), 0.0, 0.5)
    best = _minimum(lambda at: -_often_likelihood(Often(*map(exp, at)), weighed), start)
    return Often(*map(exp, best))


def log_likelihood(model: Often, pasts: Iterable[Past]) -> float:
    """How likely these pasts are, as a natural logarithm."""
    return _often_likelihood(model, list(Counter(pasts).items()))


def fit_spend(spent: Sequence[tuple[int, float]]) -> Spend:
    """The model that makes these (purchases, mean of a purchase) likeliest; each mean is above nought."""
    # In units of a typical purchase, so that the bounds of the search hold in every currency.
    typical = sorted(mean for _, mean in spent)[len(spent) // 2]
    scaled = [(n, mean / typical) for n, mean in spent]
    best = _minimum(lambda at: -_spend_likelihood(Spend(*map(exp, at)), scaled), (1.0, 1.0, 0.0))
    found = Spend(*map(exp, best))
    return found._replace(gamma=found.gamma * typical)


def expected_purchases(model: Often, past: Past, days: float) -> float:
    """How many purchases a customer of this past makes in the next ``days``."""
    r, alpha, a, b = model
    a = 1.0001 if abs(a - 1) < 1e-4 else a
    x, z = past.again, days / (alpha + past.age + days)
    # Equation 10 after Euler's transformation, whose terms fall off however long the horizon is.
    c = a + b + x - 1 or 1e-9
    still: float = (1 - z) ** (a - 1) * _hypergeometric(a - 1, a + b - 1 - r, c, z)
    gone = 0.0
    if x:
        silent = (r + x) * (log(alpha + past.age) - log(alpha + past.last))
        gone = a / (b + x - 1) * exp(min(silent, _SURELY))
    expected: float = c / (a - 1) * (1 - still) / (1 + gone)
    return max(0.0, expected)


def expected_spend(model: Spend, purchases: int) -> tuple[float, float]:
    """(base, weight): a next purchase is expected to come to base + weight x the customer's mean so far."""
    certain = model.p * purchases + model.q - 1
    if certain <= 0:
        return model.p * model.gamma, 0.0
    return model.p * model.gamma / certain, model.p * purchases / certain


def _often_likelihood(model: Often, weighed: Sequence[tuple[Past, int]]) -> float:
    r, alpha, a, b = model
    of_again: dict[int, tuple[float, float]] = {}
    total, rates = 0.0, r * log(alpha) - lgamma(r)
    for past, n in weighed:
        x = past.again
        if x not in of_again:
            stays = lgamma(b + x) + lgamma(a + b) - lgamma(b) - lgamma(a + b + x)
            stops = log(a) - log(b + x - 1) if x else -inf
            of_again[x] = lgamma(r + x) + rates + stays, stops
        common, stops = of_again[x]
        alive = -(r + x) * log(alpha + past.age)
        total += n * (common + _log_sum(alive, stops - (r + x) * log(alpha + past.last)))
    return total


def _spend_likelihood(model: Spend, spent: Sequence[tuple[int, float]]) -> float:
    p, q, gamma = model
    total = 0.0
    for n, mean in spent:
        pn = p * n
        total += lgamma(pn + q) - lgamma(pn) - lgamma(q) + q * log(gamma)
        total += (pn - 1) * log(mean) + pn * log(n) - (pn + q) * log(gamma + mean * n)
    return total


def _log_sum(one: float, other: float) -> float:
    greater, less = max(one, other), min(one, other)
    return greater + log(1 + exp(less - greater))


def _hypergeometric(a: float, b: float, c: float, z: float) -> float:
    term = total = 1.0
    for k in range(_TERMS):
        term *= (a + k) * (b + k) / ((c + k) * (k + 1)) * z
        total += term
        if abs(term) <= abs(total) * 1e-12:
            break
    return total


Point = tuple[float, ...]


def _minimum(cost: Callable[[Point], float], start: Point) -> Point:
    """Where the cost is least, by Nelder and Mead's simplex (Computer Journal 7 (1965) 308)."""

    def bounded(at: Point) -> float:
        return cost(at) if all(_LEAST < one < _GREATEST for one in at) else inf

    size = len(start)
    corners = [start, *(tuple(v + (i == j) for j, v in enumerate(start)) for i in range(size))]
    simplex = sorted((bounded(corner), corner) for corner in corners)
    for _ in range(_STEPS):
        if simplex[-1][0] - simplex[0][0] <= _CLOSE * abs(simplex[0][0]):
            break
        simplex = sorted(_moved(bounded, simplex))
    return simplex[0][1]


def _moved(cost: Callable[[Point], float], simplex: list[tuple[float, Point]]) -> list[tuple[float, Point]]:
    *kept, (worst_cost, worst) = simplex
    middle = tuple(sum(values) / len(kept) for values in zip(*(at for _, at in kept), strict=True))

    def beyond(by: float) -> tuple[float, Point]:
        at = tuple(m + by * (m - w) for m, w in zip(middle, worst, strict=True))
        return cost(at), at

    mirrored = beyond(1.0)
    if mirrored[0] < kept[0][0]:
        return [*kept, min(mirrored, beyond(2.0))]
    if mirrored[0] < kept[-1][0]:
        return [*kept, mirrored]
    inside = beyond(0.5 if mirrored[0] < worst_cost else -0.5)
    if inside[0] < min(mirrored[0], worst_cost):
        return [*kept, inside]
    best = kept[0][1]
    shrunk = [tuple((v + b) / 2 for v, b in zip(at, best, strict=True)) for _, at in simplex[1:]]
    return [kept[0], *((cost(at), at) for at in shrunk)]
