"""From obligations to payouts, pure: nets sum to zero, are rounded once, take n - 1 payments at most."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ledger_service.settlement.errors import NetsUnbalanced


class Obligation(NamedTuple):
    """What one merchant owes another; micros of the settlement currency, negative where reversals prevail."""

    debtor: int
    creditor: int
    micros: int


class Payout(NamedTuple):
    """A payment that settles; minor units, always positive."""

    payer: int
    payee: int
    minor: int


def nets_of(obligations: Iterable[Obligation]) -> dict[int, int]:
    """Each merchant's net in micros, positive for who is owed, ascending by merchant; the sum is 0."""
    nets: Counter[int] = Counter()
    for debtor, creditor, micros in obligations:
        nets[debtor] -= micros
        nets[creditor] += micros
    return {merchant: nets[merchant] for merchant in sorted(nets)}


def rounded(nets: Mapping[int, int], micros_of_one_minor: int) -> dict[int, int]:
    """The nets in minor units by largest remainder: each within a unit of the exact net, the sum still zero.

    Every net is rounded down, and the units that are then missing go to the largest remainders; of equal ones
    to the lower merchant number, so that everybody computes the same.

    Args:
        nets: micros by merchant.
        micros_of_one_minor: 10,000 for a cent, 1,000,000 for a yen.

    Raises:
        NetsUnbalanced: they do not sum to zero.
    """
    difference = sum(nets.values())
    if difference:
        raise NetsUnbalanced(difference)
    parts = {merchant: divmod(micros, micros_of_one_minor) for merchant, micros in nets.items()}
    missing = -sum(minor for minor, _ in parts.values())
    by_remainder = sorted(parts, key=lambda merchant: (-parts[merchant][1], merchant))
    up = frozenset(by_remainder[:missing])
    return {merchant: parts[merchant][0] + (merchant in up) for merchant in sorted(parts)}


def payouts_of(minors: Mapping[int, int]) -> list[Payout]:
    """The payments that bring every merchant to zero: the least total there can be, at most n - 1 of them.

    Nobody both pays and is paid, so the total is the sum of what is owed to creditors. Who owes exactly what
    another is owed pays that one; of the rest the greatest debt meets the greatest claim, so each payment
    closes one of the two. Equal amounts meet in the order of merchant numbers.

    Raises:
        NetsUnbalanced: they do not sum to zero.
    """
    difference = sum(minors.values())
    if difference:
        raise NetsUnbalanced(difference)
    twins, rest = _exact_pairs(minors)
    return sorted(twins + _greatest_first(rest))


def _exact_pairs(minors: Mapping[int, int]) -> tuple[list[Payout], dict[int, int]]:
    owed: dict[int, list[int]] = {}
    for merchant in sorted(minors, reverse=True):
        if minors[merchant] > 0:
            owed.setdefault(minors[merchant], []).append(merchant)
    pairs, rest = [], dict(minors)
    for merchant in sorted(minors):
        waiting = owed.get(-minors[merchant])
        if waiting:
            payee = waiting.pop()
            pairs.append(Payout(merchant, payee, minors[payee]))
            rest[merchant] = rest[payee] = 0
    return pairs, rest


def _greatest_first(minors: Mapping[int, int]) -> list[Payout]:
    payers = [(minor, merchant) for merchant, minor in minors.items() if minor < 0]
    payees = [(-minor, merchant) for merchant, minor in minors.items() if minor > 0]
    heapq.heapify(payers)
    heapq.heapify(payees)
    payouts = []
    while payers:
        owes, payer = payers[0]
        claims, payee = payees[0]
        minor = min(-owes, -claims)
        payouts.append(Payout(payer, payee, minor))
        _reduce(payers, minor)
        _reduce(payees, minor)
    return payouts


def _reduce(heap: list[tuple[int, int]], minor: int) -> None:
    amount, merchant = heap[0]
    if amount + minor:
        heapq.heapreplace(heap, (amount + minor, merchant))
    else:
        heapq.heappop(heap)
