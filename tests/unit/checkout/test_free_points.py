"""Buying, spending what it earned, and returning: whoever goes round in that loop never comes out richer.

Played on the rules alone, with every basis of an earn rule, both orders of a return, pieces and weights. The
member's wealth is money, points and what points bought elsewhere, less the debt.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from ledger_service.checkout.basket import LineDetail, Tax, Tender
from ledger_service.checkout.earning import percents_of
from ledger_service.checkout.requests import Line
from ledger_service.checkout.reversal_rules import (
    EarnedPart,
    Recovered,
    SoldLine,
    Source,
    earn_to_reverse,
    recover,
    restored_at,
    returned_at,
)
from ledger_service.checkout.rules import points_part_of_lines
from ledger_service.checkout.tender_rules import earning_parts, payable_amounts
from ledger_service.kernel.money import micros_of_minor, minor_of_micros_floor
from ledger_service.points.basis import NO_MERCHANDISE, Basis, TenderType
from ledger_service.points.rules import EarnRule, debt_collected, earn

CENT = micros_of_minor(1, 2)
KINDS = ("merchandise", "service", "tobacco", "gift_card")


@dataclass
class Member:
    """What a member has, in micros, points and points owed; ``value`` is what a point is worth in micros."""

    value: int
    money: int = 0
    points: int = 0
    debt: int = 0
    consumed: int = 0

    @property
    def wealth(self) -> int:
        return self.money + self.consumed + (self.points - self.debt) * self.value

    def spend_elsewhere(self, points: int) -> None:
        self.points -= points
        self.consumed += minor_of_micros_floor(points * self.value, 2) * CENT


@dataclass
class Bought:
    """One sale of the member and how much of it has come back."""

    member: Member
    lines: list[SoldLine]
    part: EarnedPart
    issued: int
    paid: int
    spent: int
    points_first: bool
    pieces: dict[str, int] = field(default_factory=dict)
    recovered: Recovered = field(default_factory=Recovered)
    reversed_before: int = 0
    restored: int = 0
    paid_out: int = 0
    withheld: int = 0

    def give_back(self, line: str, quantity: int) -> None:
        """As a refund does: the earn is undone, then the spend is restored, then money goes back."""
        self.pieces[line] = self.pieces.get(line, 0) + quantity
        returned = returned_at(self.lines, self.pieces, points_first=self.points_first)
        member, prior = self.member, self.recovered
        available = max(member.points - self.restored, 0)
        source = Source(self.part, prior, self.reversed_before, self.issued, 0, available)
        recovery = recover([source], self.lines, returned, 2)
        self.recovered = recovery.programmes[0]
        self.reversed_before = earn_to_reverse(self.part, self.lines, returned)
        member.points -= self.recovered.available - prior.available
        member.debt += self.recovered.debt - prior.debt
        self.withheld = max(self.withheld, recovery.withheld_minor)
        payout = returned.cash_minor - self.withheld - self.paid_out
        assert payout >= 0
        self.paid_out += payout
        member.money += payout * CENT
        restored = restored_at([self.spent], returned.points_minor, self.paid)[0] if self.paid else 0
        member.points += restored - self.restored
        self.restored = restored


def some_basis(rng: random.Random) -> Basis:
    idle = frozenset(t for t in (TenderType.POINTS, TenderType.COUPON) if rng.random() < 0.7)
    none = frozenset[str]()
    kinds = [rng.choice([NO_MERCHANDISE, none]) for _ in range(2)]
    return Basis(rng.random() < 0.5, idle, *kinds)


def some_line(rng: random.Random, name: str) -> Line:
    amount, quantity = rng.randrange(3_000), rng.choice([rng.randrange(1, 7), rng.randrange(1, 2_000)])
    tax = Tax(500, amount // 21, True) if rng.random() < 0.5 else None
    return Line(name, rng.choice("FG"), quantity, amount, detail=LineDetail(rng.choice(KINDS), tax=tax))


def buy(rng: random.Random, member: Member) -> Bought:
    """A basket, paid in money, points and perhaps a coupon that is worth its money."""
    excluded = frozenset("G") if rng.random() < 0.3 else frozenset[str]()
    rule = EarnRule(1, 0, rng.randrange(1, 200), rng.randrange(1, 200), excluded, basis=some_basis(rng))
    lines = [some_line(rng, str(i)) for i in range(rng.randrange(1, 4))]
    payable = payable_amounts(lines, [rule.basis])
    spent = rng.randrange(member.points + 1)
    paid = min(minor_of_micros_floor(spent * member.value, 2), sum(payable))
    spent = min(spent, -(-paid * CENT // member.value))
    parts = points_part_of_lines(payable, paid)
    cash = [line.amount_minor - part for line, part in zip(lines, parts, strict=True)]
    coupon = rng.randrange(sum(cash) + 1) if rng.random() < 0.3 else 0
    tenders = [Tender("coupon", coupon), Tender("cash", sum(cash) - coupon)] if coupon else []
    earning = earning_parts(rule.basis, lines, cash, tenders)
    percents = percents_of(rule, lines, 0)
    earned = earn(rule, zip(percents, earning.whole, strict=True), None).points
    member.money -= sum(cash) * CENT
    member.points -= spent
    collected = debt_collected(member.debt, earned)
    member.debt -= collected
    member.points += earned - collected
    bases = tuple(zip(earning.cash, earning.points or [0] * len(cash), strict=True))
    part = EarnedPart(1, earned, rule.rate_points, rule.rate_minor, percents, member.value, bases)
    sold = [
        SoldLine(line.line, line.quantity, money, points)
        for line, money, points in zip(lines, cash, parts, strict=True)
    ]
    return Bought(member, sold, part, earned - collected, paid, spent, rng.random() < 0.5)


def portions(rng: random.Random, lines: list[SoldLine]) -> list[tuple[str, int]]:
    """All of every line in one to three portions, in any order."""
    found = []
    for line in lines:
        cuts = [rng.randrange(line.quantity + 1) for _ in range(rng.randrange(3))]
        edges = sorted({0, line.quantity, *cuts})
        found += [(line.line, edges[i + 1] - edges[i]) for i in range(len(edges) - 1)]
    rng.shuffle(found)
    return found


def go_round(rng: random.Random) -> None:
    member = Member(rng.choice([1, 500, 10_000, 33_333, 250_000]), points=rng.choice([0, 50, 3_000]))
    for _ in range(rng.randrange(1, 4)):
        before = member.wealth
        bought = buy(rng, member)
        for line, quantity in portions(rng, bought.lines):
            if rng.random() < 0.5:
                member.spend_elsewhere(rng.randrange(member.points + 1))
            bought.give_back(line, quantity)
        assert member.wealth <= before
        assert bought.restored == bought.spent


@pytest.mark.parametrize("loops", [1_000, pytest.param(10_000, marks=pytest.mark.deep)])
def test_whoever_buys_spends_and_returns_is_no_richer(loops: int) -> None:
    """INV-13 and D10."""
    for seed in range(loops):
        go_round(random.Random(seed))
