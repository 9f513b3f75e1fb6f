"""Any split of a refund adds up to one whole refund: money, restored points, recovery and debt (D10)."""

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.checkout.reversal_rules import (
    EarnedPart,
    Recovered,
    Settled,
    SoldLine,
    Source,
    earn_to_reverse,
    recover,
    restored_at,
    returned_at,
)
from ledger_service.points.rules import points_for_spend_floor

# Pieces or grams: the rules do not know what a quantity counts.
COUNTS = st.one_of(st.integers(1, 6), st.integers(1, 5_000))
LINES = st.lists(st.tuples(COUNTS, st.integers(0, 2_000), st.integers(0, 2_000)), min_size=1, max_size=5).map(
    lambda raw: [SoldLine(str(i), *line) for i, line in enumerate(raw)]
)


@dataclass
class Till:
    """Plays refunds of one sale against a world in which nothing else happens."""

    lines: list[SoldLine]
    parts: list[EarnedPart]
    issued: list[int]
    available: list[int]
    pending: list[bool]
    points_first: bool = False
    pieces: dict[str, int] = field(default_factory=dict)
    paid_out: int = 0
    withheld: int = 0
    exact: tuple[int, ...] = ()
    recovered: list[Recovered] = field(default_factory=list)
    reversed_before: list[int] = field(default_factory=list)
    settled: dict[int, Settled] = field(default_factory=dict)

    def end_return_window(self, index: int) -> None:
        """The earn of one programme is the member's for good, as the sale stands now."""
        self.settle()
        returned = returned_at(self.lines, self.pieces, points_first=self.points_first)
        self.settled.setdefault(index, Settled(returned, self.exact[index]))

    def refund(self, line: str, quantity: int) -> int:
        """What the member gets in money for these pieces."""
        self.pieces[line] = self.pieces.get(line, 0) + quantity
        return self.settle()

    def settle(self) -> int:
        self.recovered = self.recovered or [Recovered() for _ in self.parts]
        self.reversed_before = self.reversed_before or [0 for _ in self.parts]
        returned = returned_at(self.lines, self.pieces, points_first=self.points_first)
        sources = []
        for i, (part, prior) in enumerate(zip(self.parts, self.recovered, strict=True)):
            pending = self.issued[i] - prior.pending if self.pending[i] else 0
            available = 0 if self.pending[i] else self.available[i] - prior.available
            before, settled = self.reversed_before[i], self.settled.get(i)
            sources.append(Source(part, prior, before, self.issued[i], pending, available, settled))
        recovery = recover(sources, self.lines, returned, 2)
        for old, new in zip(self.recovered, recovery.programmes, strict=True):
            assert new.points >= old.points
            assert new.debt >= old.debt
        assert recovery.withheld_minor >= self.withheld
        self.recovered, self.withheld = list(recovery.programmes), recovery.withheld_minor
        self.exact = recovery.withheld
        self.reversed_before = [earn_to_reverse(s.part, self.lines, s.returned(returned)) for s in sources]
        payout = returned.cash_minor - self.withheld - self.paid_out
        self.paid_out += payout
        return payout


def _base(draw: st.DrawFn, line: SoldLine, points_earn: bool) -> tuple[int, int]:
    """What earned of a line: tax, coupons and whatever else took off its money, and perhaps of its points."""
    points = st.sampled_from([0, line.points_minor, line.points_minor // 2] if points_earn else [0])
    return draw(st.integers(0, line.cash_minor)), draw(points)


def steps_of(draw: st.DrawFn, lines: list[SoldLine]) -> list[tuple[str, int]]:
    """All of every line, in up to six portions each, in any order."""
    steps = []
    for line in lines:
        cuts = draw(st.lists(st.integers(0, line.quantity), max_size=5))
        edges = [0, *sorted(cuts), line.quantity]
        steps += [(line.line, b - a) for a, b in itertools.pairwise(edges) if b > a]
    return draw(st.permutations(steps))


@st.composite
def sales(draw: st.DrawFn, most_value: int = 200_000, points_earn: bool = True) -> Till:
    lines = draw(LINES)
    parts, issued, available, pending = [], [], [], []
    for programme in range(1, 1 + draw(st.integers(1, 3))):
        rate_points, rate_minor = draw(st.integers(1, 9)), draw(st.integers(1, 300))
        percents = tuple(draw(st.sampled_from([0, 100, 100, 150, 1_000])) for _ in lines)
        bases = draw(st.sampled_from([(), tuple(_base(draw, line, points_earn) for line in lines)]))
        earning = bases or [(line.cash_minor, 0) for line in lines]
        weighted = sum(p * sum(base) for p, base in zip(percents, earning, strict=True))
        earned = min(points_for_spend_floor(weighted, rate_points, rate_minor), draw(st.integers(0, 500)))
        value = draw(st.integers(1, most_value))
        parts.append(EarnedPart(programme, earned, rate_points, rate_minor, percents, value, bases))
        issued.append(draw(st.integers(0, earned)))
        available.append(draw(st.integers(0, 500)))
        pending.append(draw(st.booleans()))
    return Till(lines, parts, issued, available, pending, draw(st.booleans()))


def copy_of(till: Till) -> Till:
    return Till(till.lines, till.parts, till.issued, till.available, till.pending, till.points_first)


@given(sales(), st.data())
def test_any_split_of_a_refund_ends_where_one_whole_refund_ends(till: Till, data: st.DataObject) -> None:
    """INV-13, by pieces and by weight, whatever of the lines earned."""
    whole = copy_of(till)
    whole.recovered = [Recovered() for _ in whole.parts]
    whole.reversed_before = [0 for _ in whole.parts]
    whole.pieces = {line.line: line.quantity for line in whole.lines}
    whole.settle()
    for line, quantity in steps_of(data.draw, till.lines):
        assert till.refund(line, quantity) >= 0
    assert till.paid_out == whole.paid_out
    assert till.recovered == whole.recovered


def test_a_programme_that_is_settled_takes_no_money_of_what_comes_back_later() -> None:
    """17 cents came back one by one behind an end at two of them: the second one owed 30 points, not 20."""
    line = SoldLine("0", 100, 17, 0)
    parts = [EarnedPart(1, 0, 7, 82, (150,), 131_073), EarnedPart(2, 170, 1, 1, (1_000,), 1)]
    ends = []
    for steps in ([88], [1] * 88):
        till = Till([line], parts, [0, 0], [0, 0], [False, False])
        till.refund("0", 12)
        till.end_return_window(0)
        for quantity in steps:
            till.refund("0", quantity)
        ends.append((till.paid_out, till.recovered))
    assert ends[0] == ends[1]
    assert ends[0][1][1].debt == 20


@given(sales(), st.randoms(use_true_random=False), st.data())
def test_after_a_return_window_every_split_ends_alike_and_takes_nothing_more_of_its_earn(
    till: Till, random: object, data: st.DataObject
) -> None:
    steps = [line.line for line in till.lines for _ in range(line.quantity)]
    random.shuffle(steps)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    early = data.draw(st.integers(0, len(steps)))
    ending = data.draw(st.sets(st.sampled_from(range(len(till.parts)))))
    whole = copy_of(till)
    for line in steps[:early]:
        till.refund(line, 1)
        whole.refund(line, 1)
    for one in (till, whole):
        for index in ending:
            one.end_return_window(index)
    kept = {index: till.recovered[index] for index in ending}
    withheld = {index: till.exact[index] for index in ending}
    for line in steps[early:]:
        assert till.refund(line, 1) >= 0
    for line in steps[early:]:
        whole.pieces[line] = whole.pieces.get(line, 0) + 1
    whole.settle()
    assert (till.paid_out, till.recovered) == (whole.paid_out, whole.recovered)
    for index in ending:
        assert (till.recovered[index], till.exact[index]) == (kept[index], withheld[index])


@given(sales())
def test_a_whole_refund_recovers_the_whole_earn_and_leaves_no_free_point(till: Till) -> None:
    for line in till.lines:
        till.refund(line.line, line.quantity)
    assert all(r.points <= most for r, most in zip(till.recovered, till.issued, strict=True))
    points_worth = sum(
        (r.points + r.debt) * p.value_micros for p, r in zip(till.parts, till.recovered, strict=True)
    )
    earned_worth = sum(p.points * p.value_micros for p in till.parts)
    rounding = 10_000 + sum(p.value_micros for p in till.parts)
    assert earned_worth <= points_worth + till.withheld * 10_000 < earned_worth + rounding


@given(sales(most_value=1, points_earn=False))
def test_an_ordinary_programme_never_makes_a_debt_while_money_goes_back(till: Till) -> None:
    """Points worth less than the money that earned them: the money given back always covers them."""
    for line in till.lines:
        till.refund(line.line, line.quantity)
    assert all(r.debt == 0 for r in till.recovered)


def test_the_order_is_available_points_then_money_then_debt() -> None:
    lines = [SoldLine("1", 2, 1_000, 0)]
    thrifty = EarnedPart(1, 100, 10, 100, (100,), 10_000)
    till = Till(lines, [thrifty], [100], [40], [False])
    assert till.refund("1", 1) == 490
    assert till.recovered == [Recovered(0, 40, 0)]
    assert till.refund("1", 1) == 450
    assert till.recovered == [Recovered(0, 40, 0)]
    generous = EarnedPart(1, 1_500, 150, 100, (100,), 10_000)
    till = Till(lines, [generous], [1_500], [0], [False])
    assert till.refund("1", 2) == 0
    assert till.recovered == [Recovered(0, 0, 500)]


def test_pending_points_go_first() -> None:
    till = Till([SoldLine("1", 2, 1_000, 0)], [EarnedPart(1, 10, 1, 100, (100,), 10_000)], [10], [99], [True])
    assert till.refund("1", 1) == 500
    assert till.recovered == [Recovered(5, 0, 0)]


def test_a_capped_earn_is_reversed_only_when_the_rest_would_have_earned_less() -> None:
    lines = [SoldLine("1", 10, 10_000, 0)]
    part = EarnedPart(1, 50, 1, 100, (100,), 10_000)
    undone = [earn_to_reverse(part, lines, returned_at(lines, {"1": n})) for n in (0, 5, 6, 9, 10)]
    assert undone == [0, 0, 10, 40, 50]


@given(LINES, st.lists(st.integers(1, 10**6), min_size=1, max_size=8), st.data())
def test_restored_points_grow_with_the_state_and_end_at_the_legs(
    lines: list[SoldLine], legs: list[int], data: st.DataObject
) -> None:
    paid = sum(line.points_minor for line in lines)
    some = {line.line: data.draw(st.integers(0, line.quantity)) for line in lines}
    full = {line.line: line.quantity for line in lines}
    partly = restored_at(legs, returned_at(lines, some).points_minor, paid)
    wholly = restored_at(legs, returned_at(lines, full).points_minor, paid)
    assert all(a <= b for a, b in zip(partly, wholly, strict=True))
    assert wholly == (legs if paid else [0] * len(legs))


@given(LINES, st.data())
def test_points_go_first_line_by_line_and_either_order_ends_at_the_same(
    lines: list[SoldLine], data: st.DataObject
) -> None:
    some = {line.line: data.draw(st.integers(0, line.quantity)) for line in lines}
    full = {line.line: line.quantity for line in lines}
    first = returned_at(lines, some, points_first=True)
    for line, cash, points in zip(lines, first.cash, first.points, strict=True):
        assert not cash or points == line.points_minor
    assert returned_at(lines, full, points_first=True) == returned_at(lines, full)
