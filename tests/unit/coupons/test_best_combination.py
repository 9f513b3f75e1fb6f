"""The search finds what trying every combination finds, whatever the order of the input."""

from __future__ import annotations

from itertools import combinations
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger_service.coupons.deciding.allowing import Rules
from ledger_service.coupons.deciding.benefits import buy_and_get, fixed_price, free_item, percent_off
from ledger_service.coupons.deciding.effects import NOTHING_OFF, Amount, Fixed
from ledger_service.coupons.deciding.facts import Goods
from ledger_service.coupons.deciding.offers import Offer, Stack, Step, lawful
from ledger_service.coupons.deciding.searching import search
from ledger_service.coupons.deciding.weighing import Weights, applied, bits

GROUPS = ("", "a", "b", "c")


@st.composite
def baskets(draw):
    size = draw(st.integers(1, 4))
    amounts = draw(st.lists(st.integers(0, 400), min_size=size, max_size=size))
    pieces = draw(st.lists(st.integers(1, 4), min_size=size, max_size=size))
    offers = [draw(an_offer(size, amounts, pieces, n)) for n in range(draw(st.integers(0, 7)))]
    return amounts, pieces, offers, draw(st.integers(0, 5))


@st.composite
def an_offer(draw, size, amounts, pieces, number):
    lines = tuple(sorted(draw(st.sets(st.integers(0, size - 1), min_size=1))))
    of = tuple(sorted(draw(st.sets(st.integers(0, size - 1), min_size=1))))
    basket = [Goods(str(i), a, p) for i, (a, p) in enumerate(zip(amounts, pieces, strict=True))]
    bps = draw(st.sampled_from((500, 1_000, 5_000, 10_000)))
    buy, get, minor = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 300))
    effects = (
        (Step.PERCENT, fixed_price(basket, lines, minor // 3)),
        (Step.PIECES, free_item(basket, draw(st.sampled_from(((), of))), lines, buy, get - 1)),
        (Step.PIECES, buy_and_get(basket, of, lines, (buy, get, bps))),
        (Step.PERCENT, percent_off(basket, lines, bps, None if buy == 1 else minor)),
        (Step.AMOUNT, Amount(lines, minor)),
        (Step.BESIDE, NOTHING_OFF),
    )
    step, effect = draw(st.sampled_from(effects))
    some = st.frozensets(st.sampled_from(GROUPS), max_size=2)
    stack = Stack(
        draw(st.sampled_from(GROUPS)), draw(st.integers(0, 9)) == 0, draw(st.integers(1, 3)), draw(some),
        draw(some) if draw(st.booleans()) else frozenset(),
    )  # fmt: skip
    definition = draw(st.integers(1, 4))
    expires_at, most = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return Offer(f"k{number}", definition, 1, expires_at, step, effect, stack, most)


def _crossing():
    """The best two stand without the first, whose group keeps out one and whose definition the other."""
    one, other = Fixed(((0, 1),)), Fixed(((1, 1),))
    stacks = Stack("a", most_per_group=1), Stack("b", most_per_group=1)
    offers = [
        Offer("k0", 1, 1, 1, Step.PERCENT, one, stacks[0], 1),
        Offer("k1", 2, 1, 1, Step.PERCENT, one, stacks[0], 1),
        Offer("k2", 1, 1, 1, Step.PERCENT, other, stacks[1], 1),
    ]
    return [1, 1], [1, 1], offers, 2


def best_by_trying_all(weights, most):
    tried = [(0, frozenset())]
    for size in range(1, most + 1):
        for places in combinations(range(len(weights.offers)), size):
            if lawful([weights.offers[i] for i in places], most, weights.pieces):
                tried.append((weights.of(sum(1 << i for i in places)), frozenset(places)))
    weight, places = max(tried, key=lambda pair: pair[0])
    return weight, {weights.offers[i].key for i in places}


def names(found):
    return {o.key for o in found.chosen}


def discount(found, amounts):
    return sum(part for _, parts in applied(found.chosen, amounts) for _, part in parts)


@settings(max_examples=500, deadline=None)
@example(_crossing(), Random(1))
@given(baskets(), st.randoms(use_true_random=False))
def test_the_search_finds_what_trying_everything_finds(basket, chance):
    amounts, pieces, offers, most = basket
    weights = Weights(offers, amounts, pieces)
    found = search(weights, most, 10_000)
    weight, keys = best_by_trying_all(weights, most)
    assert found.gap_minor == 0
    assert names(found) == keys
    assert discount(found, amounts) == weights.minor_of(weight)
    shuffled = list(offers)
    chance.shuffle(shuffled)
    assert names(search(Weights(shuffled, amounts, pieces), most, 10_000)) == keys


@settings(max_examples=150, deadline=None)
@given(baskets())
def test_no_line_goes_below_zero_and_a_further_coupon_never_lowers_the_best(basket):
    amounts, pieces, offers, most = basket
    best = 0
    for count in range(len(offers) + 1):
        found = search(Weights(offers[:count], amounts, pieces), most, 10_000)
        left = list(amounts)
        for _, parts in applied(found.chosen, amounts):
            for line, part in parts:
                assert part > 0
                left[line] -= part
        assert min(left) >= 0
        assert sum(amounts) - sum(left) >= best
        best = sum(amounts) - sum(left)


@settings(max_examples=150, deadline=None)
@example(_crossing(), 0)
@given(baskets(), st.integers(0, 3))
def test_a_search_that_ran_out_of_nodes_says_a_gap_that_holds(basket, nodes):
    amounts, pieces, offers, most = basket
    weights = Weights(offers, amounts, pieces)
    found = search(weights, most, nodes)
    best = weights.minor_of(best_by_trying_all(weights, most)[0])
    assert lawful(found.chosen, most, pieces)
    assert discount(found, amounts) <= best <= discount(found, amounts) + found.gap_minor
    assert found.nodes <= nodes


@settings(max_examples=200, deadline=None)
@given(baskets(), st.randoms(use_true_random=False))
def test_the_masks_of_the_search_let_stand_together_what_the_rule_lets(basket, chance):
    amounts, pieces, offers, _ = basket
    weights = Weights(offers, amounts, pieces)
    rules = Rules(weights.offers, pieces)
    chosen, open_ = 0, (1 << len(weights.offers)) - 1
    while open_:
        i = chance.choice(bits(open_))
        chosen |= 1 << i
        open_ = rules.open_after(chosen, open_, i)
        for j in set(range(len(weights.offers))) - set(bits(chosen)):
            allowed = lawful(weights.chosen(chosen | 1 << j), len(offers), pieces)
            assert bool(open_ >> j & 1) == allowed
    for n, mask in enumerate(rules.members):
        assert (chosen & mask).bit_count() <= rules.room[n]
    real = sum(part for _, parts in applied(weights.chosen(chosen), amounts) for _, part in parts)
    assert weights.minor_of(weights.of(chosen)) == real
