"""Settlement periods over HTTP: what merchants are owed, and the lines behind it; a merchant sees its own."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Record, Text
from ledger_service.chain import periods
from ledger_service.chain.errors import PeriodUnknown
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.settlement.lines_file import COLUMNS, row_of

_GROUP = "Settlement"
_PERIOD = "/v1/settlement/periods/<period>"
# A merchant's scope that no till carries; auditors and operators have it too.
_READ = scopes("sale:read")
_MOST_DIGITS = 10
_ROW = Named("SettlementPeriod", Record({"period": Integer(1), "state": Text()}, closed=False))
_NET = Record({"merchant": Text(), "net_micros": Text()}, closed=False)
_LINE = Named("SettlementLine", Record(
    {"batch": Integer(1), "position": Integer(), "leg": Integer(), "operation": shapes.HEX_ID, "kind": Text(),
     "debtor": Text(), "creditor": Text(), "owed_micros": Text()}, closed=False))  # fmt: skip
LIST = Route(
    "GET", "/v1/settlement/periods", "list-settlement-periods", _READ, "Periods, the open one last",
    group=_GROUP, query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page, in order. `state` is open, closed, or final: no reorganisation undoes it.",
                    paged("periods", _ROW)),
)  # fmt: skip
FIND = Route(
    "GET", _PERIOD, "show-settlement-period", _READ, "Nets of a period; of an open one a merchant's own",
    group=_GROUP, problems=(PeriodUnknown,),
    success=Success(200, "Positive nets are owed to the merchant; all sum to zero.", shapes.answer(
        "SettlementPeriodNets", period=Integer(1), state=Text(), nets=Listing(_NET))),
)  # fmt: skip
LINES = Route(
    "GET", f"{_PERIOD}/lines", "list-settlement-lines", _READ, "Lines of a period: a merchant's own, or all",
    group=_GROUP, query=PAGE_QUERY, problems=(PeriodUnknown, CursorRefused),
    success=Success(200, "A page in chain order; it can hold fewer lines than asked for, with more behind.",
                    paged("lines", _LINE)),
)  # fmt: skip
ROUTES = (LIST, FIND, LINES)


@dataclass(frozen=True, slots=True)
class SettlementDoor:
    """The endpoints of this module over the mirror."""

    administration: Administration
    cursors: Cursors

    def list_all(self, call: Call) -> Reply:
        """Every period that has begun."""
        page = self.cursors.page("settlement-periods", call.query)

        def find(conn: Connection) -> Json:
            found = periods.periods_after(conn, page.after_number or 0, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda one: one.number)
            return {"periods": [_row(one) for one in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def find(self, call: Call) -> Reply:
        """The nets of a period."""
        number, own = _number(call.path["period"]), call.caller.merchant_id

        def find(conn: Connection) -> Json:
            period = periods.period_of(conn, number)
            nets = periods.nets_of_period(conn, number)
            # What a rival earns today is nobody's business (D15); what is settled, all must agree on.
            seen = {m: n for m, n in nets.items() if period.closed or own in (None, m)}
            told = [{"merchant": gln_text(m), "net_micros": str(n)} for m, n in seen.items()]
            return {**_row(period), "nets": told}

        return self.administration.read(find)

    def lines(self, call: Call) -> Reply:
        """Lines that the caller may see."""
        number, own = _number(call.path["period"]), call.caller.merchant_id
        page = self.cursors.page(f"settlement-lines:{number}:{own}", call.query)
        after = None if page.after is None else _place(page.after)

        def find(conn: Connection) -> Json:
            periods.period_of(conn, number)
            found = periods.lines_behind(conn, number, own, (after, page.limit))
            behind = None if found.behind is None else ".".join(str(part) for part in found.behind)
            cursor = None if behind is None else self.cursors.seal(page.listing, behind)
            return {"lines": [_line(one) for one in found.lines], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: SettlementDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(LIST, door.list_all), Served(FIND, door.find), Served(LINES, door.lines)]


def _row(period: periods.Period) -> Json:
    state = "final" if period.final else "closed" if period.closed else "open"
    return {"period": period.number, "state": state}


def _line(line: ObligationLine) -> Json:
    told = dict(zip(COLUMNS, row_of(line), strict=True))
    # Amounts are text: micros outgrow what a number of JavaScript holds.
    return {name: str(value) if name.endswith("_micros") else value for name, value in told.items()}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise MalformedField("period", "must be a whole number")
    return int(text)


def _place(text: str) -> periods.Place:
    batch, position, leg = (int(part) for part in text.split("."))
    return batch, position, leg
