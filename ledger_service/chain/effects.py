"""Pure: what one operation does to balances, counters and nets, as the contracts do it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg, fee_micros_floor

COUNTERS = {
    Kind.ISSUE: "issued",
    Kind.REDEEM: "redeemed",
    Kind.RESTORE: "restored",
    Kind.CLAWBACK: "clawed_back",
    Kind.EXPIRE: "expired",
}
_CREDITS = frozenset({Kind.ISSUE, Kind.RESTORE})

BalanceKey = tuple[bytes, int, int]
TermsValue = tuple[int, int, int]
OriginalLeg = tuple[bytes, int]


@dataclass(slots=True)
class Effects:
    """Changes to add: points by (account, programme, epoch), counters by (programme, epoch, name), nets in
    micros by (period, merchant)."""

    balances: Counter[BalanceKey] = field(default_factory=Counter)
    counters: Counter[tuple[int, int, str]] = field(default_factory=Counter)
    nets: Counter[tuple[int, int]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Move:
    """What matters of an operation for balances; ``recipient`` only for a gift, ``original`` (leaf and leg
    index of the redemption) only for a restore, ``spread_bps`` only for a conversion."""

    kind: Kind
    merchant: int
    account: bytes
    recipient: bytes | None
    legs: tuple[Leg, ...]
    original: OriginalLeg | None = None
    spread_bps: int = 0


def changes_of(kind: Kind, legs: Sequence[Leg]) -> Iterator[tuple[Leg, int]]:
    """What an operation does to the points that members hold: its legs, those it takes away negative.

    Gifts, moves and extensions leave them what they were.
    """
    if kind is Kind.CONVERT:
        yield from ((leg, -leg.amount) for leg in legs[:-1])
        yield legs[-1], legs[-1].amount
    elif kind in COUNTERS:
        sign = 1 if kind in _CREDITS else -1
        yield from ((leg, sign * leg.amount) for leg in legs)


def add_move(effects: Effects, move: Move, sign: int) -> None:
    """The move's points and counters are in ``effects``; ``sign`` -1 takes a move back."""
    if move.kind is Kind.EXTEND:
        _add_extension(effects, move, sign)
        return
    if move.kind is Kind.CONVERT:
        _add_conversion(effects, move, sign)
        return
    credit = sign if move.kind in _CREDITS else -sign
    name = COUNTERS.get(move.kind)
    for leg in move.legs:
        effects.balances[move.account, leg.programme, leg.epoch] += credit * leg.amount
        if move.recipient is not None:
            effects.balances[move.recipient, leg.programme, leg.epoch] += sign * leg.amount
        if name is not None:
            effects.counters[leg.programme, leg.epoch, name] += sign * leg.amount


def _add_extension(effects: Effects, move: Move, sign: int) -> None:
    for leg, name, side in zip(move.legs, ("clawed_back", "restored"), (-sign, sign), strict=True):
        effects.balances[move.account, leg.programme, leg.epoch] += side * leg.amount
        effects.counters[leg.programme, leg.epoch, name] += sign * leg.amount


def _add_conversion(effects: Effects, move: Move, sign: int) -> None:
    for leg, points in changes_of(move.kind, move.legs):
        effects.balances[move.account, leg.programme, leg.epoch] += sign * points
        name = "issued" if points > 0 else "redeemed"
        effects.counters[leg.programme, leg.epoch, name] += sign * leg.amount


def owed_micros_floor(points: int, terms: TermsValue) -> int:
    """What an issuer owes for points at these terms: their value less the fee, which it keeps (D12)."""
    gross = points * terms[1]
    return gross - fee_micros_floor(gross, terms[2])


@dataclass(slots=True)
class Obligations:
    """Adds up nets in chain order, or takes them back in the opposite order.

    Args:
        terms: (issuer, value in micros per point, fee in bps) by (programme, terms version).
        restored: [points of the original leg, points restored of it so far] by (leaf, leg index); kept up
            to date.
    """

    terms: Mapping[tuple[int, int], TermsValue]
    restored: Mapping[OriginalLeg, list[int]]

    def add(self, effects: Effects, move: Move, period: int, sign: int) -> None:
        """The move's obligations, taken back where ``sign`` is -1, are in ``effects.nets``."""
        if move.kind not in (Kind.REDEEM, Kind.RESTORE, Kind.CONVERT):
            return
        for leg in move.legs[:-1] if move.kind is Kind.CONVERT else move.legs:
            terms = self.terms[leg.programme, leg.terms_version]
            if move.kind is Kind.CONVERT:
                terms = (terms[0], terms[1], move.spread_bps)
            micros = sign * (owed_micros_floor(leg.amount, terms) if move.original is None
                             else self._restore(move.original, leg.amount, terms, sign))  # fmt: skip
            if terms[0] != move.merchant:
                effects.nets[period, terms[0]] -= micros
                effects.nets[period, move.merchant] += micros

    def _restore(self, original: OriginalLeg, points: int, terms: TermsValue, sign: int) -> int:
        # A function of the cumulative restored points, so that every split gives the same total (INV-13).
        most, done = self.restored[original]
        after = done + points if sign > 0 else done
        before = after - points
        self.restored[original][1] = after if sign > 0 else before
        return owed_micros_floor(most - after, terms) - owed_micros_floor(most - before, terms)
