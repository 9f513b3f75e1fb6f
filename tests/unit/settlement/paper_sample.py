"""A period made by hand: own and foreign redemptions, what came back, expiry, a dispute, new terms."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.period_figures import PeriodPlace, ProgrammePeriod, ValueInForce
from ledger_service.kernel.pools import Basis, BasisKind, PoolFlow
from ledger_service.settlement.netting import Payout
from ledger_service.settlement.papers.figures import (
    ChainFacts,
    Held,
    Stage,
    Statement,
    leg_sums,
    netting_of,
    programmes_of,
)
from ledger_service.settlement.pool import PoolLine

GROCER, BAKER, CAFE = 9501101530003, 9501101530010, 9501101530027
PLACE = PeriodPlace(2, 88, b"\x11" * 32, 1_490_000_000, 3, 4, 2)
FACTS = ChainFacts(
    31337, b"\x01" * 20, b"\x02" * 20, PLACE, b"\x22" * 32, b"\x22" * 32, b"\x33" * 32, b"\x04" * 20
)
LINES = [
    ObligationLine(3, 0, 0, bytes(16), Kind.REDEEM, 1, 1, 300, GROCER, BAKER, 3_000_000, 45_000, bytes(32)),
    ObligationLine(3, 1, 0, bytes(16), Kind.REDEEM, 1, 1, 40, GROCER, GROCER, 400_000, 6_000, bytes(32)),
    ObligationLine(3, 2, 0, bytes(16), Kind.REDEEM, 2, 1, 77, BAKER, GROCER, 1_540_000, 30_800, bytes(32)),
    ObligationLine(4, 0, 0, bytes(16), Kind.RESTORE, 1, 1, -30, GROCER, BAKER, -300_000, -4_500, bytes(32)),
    ObligationLine(4, 1, 0, bytes(16), Kind.RESTORE, 1, 1, -5, GROCER, GROCER, -50_000, -750, bytes(32)),
    ObligationLine(4, 2, 0, bytes(16), Kind.REDEEM, 1, 2, 10, GROCER, CAFE, 110_000, 1_650, bytes(32)),
]
PROGRAMME = ProgrammePeriod(
    1, GROCER, 10_000, 10_098, ValueInForce(1, 10_000), ValueInForce(2, 11_000),
    earned=500, adjusted=20, clawed_back=7, expired=100, extended=60,
)  # fmt: skip

# At issue 500 points of a cent went into the café's pool; 3.1 dollars of what was spent came out of it.
POOL = PoolLine(
    PoolFlow(1, GROCER, Basis(BasisKind.ISSUE, 0, CAFE), 5_000_000, 3_100_000, 10_098, 11_000),
    5_000_000, 3_100_000, 1_900_000, 3_100_000,
)  # fmt: skip


def sample() -> Statement:
    """The grocer's statement: a cent is due to the café, a dollar is disputed, a quarter was decided."""
    legs = tuple(leg for leg in leg_sums(LINES) if GROCER in (leg.debtor, leg.creditor))
    programmes = programmes_of(GROCER, [PROGRAMME], legs)
    made = Statement(GROCER, "USD", 10_000, Stage.NETTED, programmes, legs, FACTS)
    net = made.gross_net_micros
    told = netting_of(
        GROCER, (net, net + 1_000_000 + 250_000), [Held(GROCER, BAKER, 1_000_000)],
        [Payout(GROCER, CAFE, 1), Payout(BAKER, CAFE, 9)], -1,
    )  # fmt: skip
    return replace(made, netting=told)
