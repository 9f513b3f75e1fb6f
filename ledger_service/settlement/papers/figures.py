"""The figures of a merchant's statement, pure: programmes from opening to closing, legs gross, the net."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.period_figures import PeriodPlace, ProgrammePeriod
from ledger_service.settlement.errors import StatementUnbalanced
from ledger_service.settlement.netting import Payout
from ledger_service.settlement.pool import PoolLine


class Stage(StrEnum):
    """How far the period had come: a dispute may change a net until it is netted, and nothing after."""

    CLOSED = "closed"
    NETTED = "netted"


@dataclass(frozen=True, slots=True, order=True)
class LegSum:
    """What one issuer owes one acceptor for points of one programme under one version of its terms.

    Redemptions and what came back of them stand apart, so each figure is gross. Points and micros of what
    came back are negative. ``debtor`` is ``creditor`` where a merchant took its own points.
    """

    debtor: int
    creditor: int
    programme: int
    terms_version: int
    came_back: bool
    lines: int
    points: int
    value_micros: int
    fee_micros: int

    @property
    def owed_micros(self) -> int:
        """The value less the fee, which the issuer keeps."""
        return self.value_micros - self.fee_micros


@dataclass(frozen=True, slots=True)
class ProgrammeStatement:
    """A programme of the merchant's own; redeemed and restored points are positive, here and elsewhere."""

    figures: ProgrammePeriod
    redeemed_here: int
    redeemed_elsewhere: int
    restored_here: int
    restored_elsewhere: int

    @property
    def movements(self) -> dict[str, int]:
        """What changed the points that members hold, signed, in the order of the statement."""
        f = self.figures
        return {
            "earned": f.earned, "adjusted": f.adjusted, "converted": f.converted,
            "redeemed_here": -self.redeemed_here, "redeemed_elsewhere": -self.redeemed_elsewhere,
            "restored_here": self.restored_here, "restored_elsewhere": self.restored_elsewhere,
            "clawed_back": -f.clawed_back, "expired": -f.expired,
        }  # fmt: skip

    @property
    def opening_micros(self) -> int:
        """The opening points at what a point was worth then."""
        return self.figures.opening * self.figures.value_before.micros

    @property
    def revaluation_micros(self) -> int:
        """What another point value makes of the opening points; movements are valued at the closing one."""
        return self.figures.opening * self.figures.value_after.micros - self.opening_micros

    @property
    def closing_micros(self) -> int:
        """The closing points at what a point is worth at the close: the liability."""
        return self.figures.closing * self.figures.value_after.micros


@dataclass(frozen=True, slots=True)
class Held:
    """Micros that a dispute has held out of what one merchant owes another."""

    debtor: int
    creditor: int
    micros: int


@dataclass(frozen=True, slots=True)
class Netting:
    """What a period came to for one merchant, minor units of the currency.

    ``net_micros`` is what the legs and the adjustments come to, ``brought_in_micros`` what was decided of
    earlier disputes; ``payouts`` are the merchant's own.
    """

    net_micros: int
    brought_in_micros: int
    held: tuple[Held, ...]
    minor: int
    payouts: tuple[Payout, ...]


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """What lets anybody recompute the statement; roots are None where the chain does not hold them."""

    chain_id: int
    registry: bytes
    clearing_house: bytes
    place: PeriodPlace
    statements_root: bytes
    published_root: bytes | None = None
    period_root: bytes | None = None
    settlement_desk: bytes | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A merchant's statement of a closed period; legs in both directions, never netted against each other."""

    merchant: int
    currency: str
    micros_of_one_minor: int
    stage: Stage
    programmes: tuple[ProgrammeStatement, ...]
    legs: tuple[LegSum, ...]
    facts: ChainFacts
    netting: Netting | None = None
    # Of programmes that settle otherwise, where the merchant is the issuer or holds the pool.
    pools: tuple[PoolLine, ...] = ()

    @property
    def period(self) -> int:
        """The period's number."""
        return self.facts.place.period

    def owed_by_us(self) -> tuple[LegSum, ...]:
        """Own points that other merchants took."""
        return tuple(g for g in self.legs if g.debtor == self.merchant != g.creditor)

    def owed_to_us(self) -> tuple[LegSum, ...]:
        """Points of other merchants that were taken here."""
        return tuple(g for g in self.legs if g.creditor == self.merchant != g.debtor)

    def own(self) -> tuple[LegSum, ...]:
        """Own points taken here: nobody owes anything for them."""
        return tuple(g for g in self.legs if g.creditor == g.debtor)

    @property
    def gross_net_micros(self) -> int:
        """What the legs alone come to; positive is owed to the merchant."""
        return sum(g.owed_micros for g in self.owed_to_us()) - sum(g.owed_micros for g in self.owed_by_us())


class LegSums:
    """Lines of a period by merchants, programme, terms and direction; in memory stand the sums."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, int, int, int, bool], list[int]] = {}

    def add(self, line: ObligationLine) -> None:
        """The line is in the sums."""
        came_back = line.kind is Kind.RESTORE
        key = (line.debtor, line.creditor, line.programme, line.terms_version, came_back)
        found = self._sums.get(key)
        if found is None:
            found = self._sums[key] = [0, 0, 0, 0]
        found[0] += 1
        found[1] += line.points
        found[2] += line.value_micros
        found[3] += line.fee_micros

    def all(self) -> list[LegSum]:
        """The sums, ascending."""
        return [LegSum(*key, *self._sums[key]) for key in sorted(self._sums)]


def leg_sums(lines: Iterable[ObligationLine]) -> list[LegSum]:
    """All lines of a period, summed."""
    sums = LegSums()
    for line in lines:
        sums.add(line)
    return sums.all()


def programmes_of(
    merchant: int, figures: Iterable[ProgrammePeriod], legs: Iterable[LegSum]
) -> tuple[ProgrammeStatement, ...]:
    """The merchant's own programmes, each from opening to closing.

    Raises:
        StatementUnbalanced: opening and movements do not come to the closing of the counters.
    """
    points: Counter[tuple[int, bool, bool]] = Counter()
    for leg in legs:
        if leg.debtor == merchant:
            points[leg.programme, leg.creditor == merchant, leg.came_back] += abs(leg.points)
    found = []
    for one in figures:
        if one.issuer != merchant:
            continue
        sums = (points[one.programme, here, back] for back in (False, True) for here in (True, False))
        stated = ProgrammeStatement(one, *sums)
        reached = one.opening + sum(stated.movements.values())
        if reached != one.closing:
            raise StatementUnbalanced(one.programme, reached, one.closing)
        found.append(stated)
    return tuple(found)


def netting_of(
    merchant: int, net: tuple[int, int], held: Iterable[Held], payouts: Iterable[Payout], minor: int
) -> Netting:
    """What a period came to for one merchant.

    Args:
        merchant: whose.
        net: what the legs alone come to, and with the adjustments; micros.
        held: of all pairs.
        payouts: of all merchants.
        minor: the rounded net.
    """
    mine = tuple(h for h in held if merchant in (h.debtor, h.creditor))
    # What a debtor need not pay yet is in its favour, and the other way round.
    kept = sum(h.micros if h.debtor == merchant else -h.micros for h in mine)
    own = tuple(p for p in payouts if merchant in (p.payer, p.payee))
    return Netting(net[1], net[1] - net[0] - kept, mine, minor, own)
