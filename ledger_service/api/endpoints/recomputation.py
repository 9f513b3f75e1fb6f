"""A settlement period made anew over HTTP: each line from what the chain told, beside the contract's nets."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection

from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.settlement import MICROS, period_number, period_row
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Nullable, Record, Text
from ledger_service.chain.errors import PeriodUnknown
from ledger_service.chain.period_lines import period_lines
from ledger_service.chain.periods import nets_of_period, period_of
from ledger_service.kernel.gs1 import gln_text
from ledger_service.settlement.netting import Obligation, nets_of
from ledger_service.settlement.statements import PairSums

MOST_LINES = 50_000
_NET = Record(
    {"merchant": Text(), "net_micros": MICROS, "recomputed_micros": MICROS, "difference_micros": MICROS},
    closed=False,
)  # fmt: skip
_PAIR = Record({"debtor": Text(), "creditor": Text(), "owed_micros": MICROS}, closed=False)
AGAIN = Route(
    "GET", "/v1/settlement/periods/<period>/recomputation", "recompute-settlement-period",
    scopes("audit:read"), "Every net of a period made anew from its lines", group="Settlement",
    problems=(PeriodUnknown,),
    success=Success(
        200, f"`agrees` is null where the period has more than {MOST_LINES} lines: then `alliance verify "
        "settlement` makes it, which also needs no word of ours.",
        Record({"period": Integer(1), "state": Text(), "lines": Integer(), "agrees": Nullable(Flag()),
                "nets": Listing(_NET), "pairs": Listing(_PAIR)}, closed=False)),
)  # fmt: skip
ROUTES = (AGAIN,)


@dataclass(frozen=True, slots=True)
class RecomputationDoor:
    """The endpoint of this module over the mirror."""

    administration: Administration

    def again(self, call: Call) -> Reply:
        """Nets as the contract has them and as the lines make them."""
        number = period_number(call.path["period"])

        def find(conn: Connection) -> Json:
            return period_row(period_of(conn, number)) | _compared(conn, number)

        return self.administration.read(find)


def served(door: RecomputationDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(AGAIN, door.again)]


def _compared(conn: Connection, number: int) -> Json:
    pairs, count = PairSums(number), 0
    with closing(period_lines(conn, number)) as lines:
        for line in islice(lines, MOST_LINES + 1):
            pairs.add(line)
            count += 1
    if count > MOST_LINES:
        return {"lines": count, "agrees": None, "nets": [], "pairs": []}
    found = pairs.statements().lines
    told = nets_of_period(conn, number)
    made = nets_of(Obligation(one.debtor, one.creditor, one.owed_micros) for one in found)
    both = [(gln, told.get(gln, 0), made.get(gln, 0)) for gln in sorted(told.keys() | made.keys())]
    nets = [
        {"merchant": gln_text(gln), "net_micros": str(told_net), "recomputed_micros": str(made_net),
         "difference_micros": str(made_net - told_net)}
        for gln, told_net, made_net in both
    ]  # fmt: skip
    shown = [
        {"debtor": gln_text(one.debtor), "creditor": gln_text(one.creditor),
         "owed_micros": str(one.owed_micros)}
        for one in found
    ]  # fmt: skip
    return {"lines": count, "agrees": all(a == b for _, a, b in both), "nets": nets, "pairs": shown}
