"""A closed period's figures for all merchants' statements: from an index of the chain and the desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy import Connection

from ledger_service.chain.client import Node
from ledger_service.chain.desk_reading import DeskReading
from ledger_service.chain.period_figures import place_of, programme_periods
from ledger_service.chain.period_lines import period_lines
from ledger_service.chain.settings import Contracts
from ledger_service.chain.settlement_office import Round
from ledger_service.chain.status import merchants_admitted
from ledger_service.kernel.money import exponent_of, micros_of_minor
from ledger_service.kernel.period_figures import ProgrammePeriod
from ledger_service.settlement.netting import Obligation, Payout, nets_of, payouts_of, rounded
from ledger_service.settlement.papers.figures import (
    ChainFacts,
    Held,
    LegSum,
    Stage,
    Statement,
    leg_sums,
    netting_of,
    programmes_of,
)
from ledger_service.settlement.statements import statements_of


class Alliances(NamedTuple):
    """Whose period: chain, contracts, the desk where there is one, and the settlement currency."""

    chain_id: int
    contracts: Contracts
    desk: bytes | None
    currency: str


@dataclass(frozen=True, slots=True)
class Agreed:
    """Nets in micros and in minor units, what is held out, and the payouts, of all merchants."""

    nets: dict[int, int]
    minors: dict[int, int]
    held: list[Held] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PeriodData:
    """All that the statements of one closed period are made of; sums in memory, no lines."""

    alliance: Alliances
    stage: Stage
    facts: ChainFacts
    merchants: list[int]
    programmes: list[ProgrammePeriod]
    legs: list[LegSum]
    agreed: Agreed | None

    def statement(self, merchant: int) -> Statement:
        """The statement of one merchant.

        Raises:
            StatementUnbalanced: a programme's movements do not come to its closing (INV-4).
        """
        unit = micros_of_minor(1, exponent_of(self.alliance.currency))
        legs = tuple(leg for leg in self.legs if merchant in (leg.debtor, leg.creditor))
        made = Statement(
            merchant, self.alliance.currency, unit, self.stage,
            programmes_of(merchant, self.programmes, legs), legs, self.facts,
        )  # fmt: skip
        if self.agreed is None:
            return made
        agreed = self.agreed
        net = (made.gross_net_micros, agreed.nets.get(merchant, 0))
        told = netting_of(merchant, net, agreed.held, agreed.payouts, agreed.minors.get(merchant, 0))
        return replace(made, netting=told)


def period_data(
    conn: Connection, node: Node | None, alliance: Alliances, period: int, stage: Stage | None = None
) -> PeriodData:
    """The figures of a closed period.

    Args:
        conn: a snapshot of an index: the bridge's mirror, or one that was read anew.
        node: asked for the desk's word; may be None where the alliance has no desk.
        alliance: whose period.
        period: its number.
        stage: ``CLOSED`` leaves out what came after the close; None takes the furthest stage there is.

    Raises:
        PeriodStillOpen: it is not closed.
        MalformedField: a currency that we do not know.
        AdminRefused: no desk stands where the alliance's should.
    """
    unit = micros_of_minor(1, exponent_of(alliance.currency))
    place = place_of(conn, period)
    legs = leg_sums(period_lines(conn, period, own=True))
    root = statements_of(period, period_lines(conn, period)).root
    desk = None if node is None or alliance.desk is None else DeskReading(node, alliance.desk)
    round_ = None if desk is None or stage is Stage.CLOSED else desk.round(period)
    netted = round_ is not None and any(round_.root)
    facts = ChainFacts(
        alliance.chain_id, alliance.contracts.registry, alliance.contracts.clearing_house, place, root,
        round_.statements if round_ is not None and netted else None,
        round_.root if round_ is not None and netted else None, alliance.desk,
    )  # fmt: skip
    agreed = None
    if alliance.desk is None:
        agreed = _by_the_lines(legs, unit)
    elif desk is not None and round_ is not None and netted:
        agreed = _by_the_desk(desk, round_, (period, unit), legs)
    return PeriodData(
        alliance, Stage.NETTED if netted else Stage.CLOSED, facts, merchants_admitted(conn),
        programme_periods(conn, period), legs, agreed,
    )  # fmt: skip


def _by_the_lines(legs: Sequence[LegSum], unit: int) -> Agreed:
    """Without a desk nobody disputes: what the lines come to is settled."""
    between = [leg for leg in legs if leg.debtor != leg.creditor]
    nets = nets_of(Obligation(leg.debtor, leg.creditor, leg.owed_micros) for leg in between)
    minors = rounded(nets, unit)
    return Agreed(nets, minors, [], payouts_of(minors))


def _by_the_desk(desk: DeskReading, round_: Round, of: tuple[int, int], legs: Sequence[LegSum]) -> Agreed:
    period, unit = of
    nets = desk.nets(period, desk.members(round_.count))
    minors = rounded(nets, unit)
    pairs = sorted({(leg.debtor, leg.creditor) for leg in legs if leg.debtor != leg.creditor})
    held = desk.held(period, pairs) if round_.adjusted else {}
    return Agreed(nets, minors, [Held(*pair, micros) for pair, micros in held.items()], payouts_of(minors))
