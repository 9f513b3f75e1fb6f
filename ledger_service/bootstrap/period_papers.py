"""A closed period's figures for all merchants' statements: from an index of the chain and the desk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy import Connection

from ledger_service.bootstrap.alliance import Alliance
from ledger_service.bootstrap.period_sums import PeriodSums
from ledger_service.chain.basis.flows import PoolSums, flows_of_period, issued_micros, pool_flows
from ledger_service.chain.client import Node
from ledger_service.chain.desk_reading import DeskReading
from ledger_service.chain.period_figures import outstanding_at_close, place_of, programme_periods
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
    netting_of,
    programmes_of,
)
from ledger_service.settlement.pool import PoolLine, next_lines, pool_lines


class Alliances(NamedTuple):
    """Whose period: chain, contracts, the desk where there is one, and the settlement currency."""

    chain_id: int
    contracts: Contracts
    desk: bytes | None
    currency: str


def alliances_of(found: Alliance) -> Alliances:
    """Whose periods those of this database are."""
    contracts = Contracts(found.clearing_house, found.registry)
    return Alliances(found.chain_id, contracts, found.settlement_desk, found.currency)


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
    pools: list[PoolLine] = field(default_factory=list)

    @staticmethod
    def as_closed(
        alliance: Alliances, facts: ChainFacts, merchants: list[int], programmes: list[ProgrammePeriod],
        legs: list[LegSum],
    ) -> PeriodData:  # fmt: skip
        """The figures of the close. Without a desk nobody disputes: what the lines come to is settled."""
        unit = micros_of_minor(1, exponent_of(alliance.currency))
        agreed = _by_the_lines(legs, unit) if alliance.desk is None else None
        return PeriodData(alliance, Stage.CLOSED, facts, merchants, programmes, legs, agreed)

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
            pools=tuple(p for p in self.pools if merchant in (p.flow.issuer, p.flow.basis.pool)),
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
    # Refused before its lines are read.
    place_of(conn, period)
    sums = PeriodSums(period)
    sums.read(conn)
    earlier = pool_lines(pool_flows(conn, period - 1))
    data = closed_data(
        conn, alliance, sums, outstanding_at_close(conn, period), earlier[-1] if earlier else ()
    )
    if node is None or alliance.desk is None or stage is Stage.CLOSED:
        return data
    desk = DeskReading(node, alliance.desk)
    round_ = desk.round(period)
    if not any(round_.root):
        return data
    facts = replace(data.facts, published_root=round_.statements, period_root=round_.root)
    agreed = _by_the_desk(desk, round_, (period, unit), data.legs)
    return replace(data, stage=Stage.NETTED, facts=facts, agreed=agreed)


def closed_data(
    conn: Connection, alliance: Alliances, sums: PeriodSums, held: Mapping[int, int],
    pooled: Sequence[PoolLine],
) -> PeriodData:  # fmt: skip
    """The figures of a closed period as of its close.

    Args:
        conn: a snapshot of an index.
        alliance: whose period.
        sums: of all its operations.
        held: points outstanding by programme at the close.
        pooled: the lines of pools of the period before.

    Raises:
        PeriodStillOpen: it is not closed.
        MalformedField: a currency that we do not know.
    """
    contracts, period = alliance.contracts, sums.period
    facts = ChainFacts(
        alliance.chain_id, contracts.registry, contracts.clearing_house, place_of(conn, period),
        sums.statements().root, settlement_desk=alliance.desk,
    )  # fmt: skip
    moved = sums.moved()
    programmes, legs = programme_periods(conn, period, moved, held), sums.legs()
    data = PeriodData.as_closed(alliance, facts, merchants_admitted(conn), programmes, legs)
    owed = Counter[int]()
    for leg in legs:
        owed[leg.programme] += leg.owed_micros
    of_pools = PoolSums(issued_micros(conn, moved.issued), owed, Counter(held))
    return replace(data, pools=next_lines(pooled, flows_of_period(conn, period, of_pools)))


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
