"""What issuers and pools owe each other for a closed period; a merchant sees its own as issuer or pool."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.settlement import MICROS, period_number
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.paper_ports import PaidBeside, PoolLines
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Named, Nullable, Record, Text
from ledger_service.chain.errors import PeriodStillOpen
from ledger_service.kernel.gs1 import gln_text
from ledger_service.settlement.bank.off_desk import OffDesk
from ledger_service.settlement.bank.references import POOLS_FROM
from ledger_service.settlement.errors import FiguresNotReady
from ledger_service.settlement.pool import PoolLine, document_of

_PAYMENT = Record(
    {"payer": shapes.GLN, "payee": shapes.GLN, "amount_minor": Integer(1), "paid": Flag()})  # fmt: skip
_LINE = Named("PoolLine", Record(
    {"programme": Integer(1), "basis": Text(), "issuer": shapes.GLN, "pool": shapes.GLN,
     "reserve_bps": Integer(0, 10_000), "outstanding": Integer(), "paid_in_micros": MICROS,
     "paid_out_micros": MICROS, "owed_micros": MICROS, "held_micros": MICROS,
     "payment": Nullable(_PAYMENT)}, closed=False))  # fmt: skip
LIST = Route(
    "GET", "/v1/settlement/periods/<period>/pools", "list-settlement-pools", scopes("sale:read"),
    "What issuers and pools owe each other for a closed period", group="Settlement", query=PAGE_QUERY,
    problems=(PeriodStillOpen, FiguresNotReady, CursorRefused),
    success=Success(200, "A page, by programme; of programmes that settle at issue or by a reserve. It is "
                    "paid beside the desk. Positive `owed_micros` are owed to the pool. `payment` is what "
                    "the period's payment order has of it, in minor units, and whether a bank's statement "
                    "marked it; null where no whole unit is due.",
                    paged("pools", _LINE)),
)  # fmt: skip
ROUTES = (LIST,)


@dataclass(frozen=True, slots=True)
class SettlementPoolsDoor:
    """The endpoint of this module over kept figures."""

    administration: Administration
    cursors: Cursors
    lines: PoolLines
    beside: PaidBeside

    def list_all(self, call: Call) -> Reply:
        """Pools that the caller is a party to, or all."""
        number, own = period_number(call.path["period"]), call.caller.merchant_id
        page = self.cursors.page(f"settlement-pools:{number}:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = [line for line in self.lines(conn, number) if _is_of(line, own)]
            behind = [line for line in found if line.flow.programme > (page.after_number or 0)]
            rows, cursor = self.cursors.cut(page, behind[: page.limit + 1], lambda one: one.flow.programme)
            beside = self.beside(conn, number) if rows else OffDesk()
            return {"pools": [_row(line, beside) for line in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: SettlementPoolsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(LIST, door.list_all)]


def _is_of(line: PoolLine, own: int | None) -> bool:
    return own in (None, line.flow.issuer, line.flow.basis.pool)


def _row(line: PoolLine, beside: OffDesk) -> Json:
    told = {
        name: str(value) if name.endswith("_micros") else value for name, value in document_of(line).items()
    }
    number = POOLS_FROM + line.flow.programme
    payout = beside.payouts.get(number)
    if payout is None:
        return {**told, "payment": None}
    payment = {"payer": gln_text(payout.payer), "payee": gln_text(payout.payee), "amount_minor": payout.minor}
    return {**told, "payment": {**payment, "paid": number in beside.paid}}
