"""What a merchant is paid, split to the owners of its stores; pure, and every sum exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger_service.settlement.bank.accounts import BankAccount
from ledger_service.settlement.bank.pain import Line
from ledger_service.settlement.netting import Payout


@dataclass(frozen=True, slots=True)
class Due:
    """What a period's lines owe an owner, in micros, and where its money goes; negative where more came back.

    What has no owner is due to the merchant itself, on its own account.
    """

    account: BankAccount
    owed_micros: int


def split_receipt(minor: int, owed: Sequence[int]) -> list[int]:
    """An amount in proportion to what is owed, by largest remainder, of equal ones to the first.

    Args:
        minor: what is there, in minor units, not negative.
        owed: weights; whoever is owed nothing or less gets nothing. At least one is positive.

    Returns:
        the parts in the same order; they sum to the amount exactly.
    """
    weights = [max(0, one) for one in owed]
    total = sum(weights)
    parts = [divmod(minor * weight, total) for weight in weights]
    missing = minor - sum(whole for whole, _ in parts)
    up = set(sorted(range(len(parts)), key=lambda at: (-parts[at][1], at))[:missing])
    return [whole + (at in up) for at, (whole, _) in enumerate(parts)]


def lines_of(payouts: Sequence[Payout], dues: Mapping[int, Sequence[Due]]) -> list[Line]:
    """What is to be transferred for these payouts, all of a period.

    A merchant with dues is not paid itself: all that it receives in the period is split once to its owners,
    and its payouts fill their parts one after the other, so that a few transfers come to both, each payout
    and each part, exactly. Where nobody is owed anything it is paid as others are.
    """
    lines = [[Line(number, payout)] for number, payout in enumerate(payouts)]
    for payee, due in dues.items():
        if any(one.owed_micros > 0 for one in due):
            mine = [number for number, payout in enumerate(payouts) if payout.payee == payee]
            parts = split_receipt(sum(payouts[n].minor for n in mine), [one.owed_micros for one in due])
            for number, split in _filled([(n, payouts[n]) for n in mine], parts, due):
                lines[number] = split
    return [line for of_payout in lines for line in of_payout]


def _filled(
    mine: Iterable[tuple[int, Payout]], parts: list[int], dues: Sequence[Due]
) -> Iterable[tuple[int, list[Line]]]:
    at = 0
    for number, payout in mine:
        left, found = payout.minor, list[Line]()
        while left:
            minor = min(left, parts[at])
            if minor:
                part = Payout(payout.payer, payout.payee, minor)
                found.append(Line(number, part, len(found) + 1, dues[at].account))
                left, parts[at] = left - minor, parts[at] - minor
            else:
                at += 1
        yield number, found
