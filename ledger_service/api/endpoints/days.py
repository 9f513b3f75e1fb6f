"""Business days of stores: a till closes them, and everybody of the merchant sees how they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from ledger_service.api import day_shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import own_store
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Record, Text
from ledger_service.checkout import day_errors as refusals
from ledger_service.checkout.archive_errors import SaleArchived
from ledger_service.checkout.days import queries
from ledger_service.checkout.days.rules import Line, by_cashier, differences, gaps, totals_of
from ledger_service.checkout.days.service import Close, Day, close_day, keep_lines, lines_of, next_close
from ledger_service.checkout.days.views import booked_view, gap_view, total_views, totals_of_views
from ledger_service.checkout.shifts import parse_day
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.text import clean_text
from ledger_service.merchants.business_day import StoreClock, day_text
from ledger_service.merchants.errors import StoreUnknown
from ledger_service.merchants.queries import StoreView

_GROUP = "Business days"
_DAY = "/v1/stores/<gln>/days/<date>"
_READ = scopes("sell", "sale:read")
_PROBLEMS = (NotYours, StoreUnknown)
_COUNTED = (*_PROBLEMS, SaleArchived)
_CLOSE = {"close": Parameter(Text(pattern="[1-9][0-9]{0,8}"), "Of this close; the latest when absent")}
CLOSE = Route(
    "POST", f"{_DAY}/close", "close-day", scopes("sell"), "Compare a day's control totals with the ledger",
    group=_GROUP, write=True, body=day_shapes.CLOSE_BODY,
    problems=(*WRITE_PROBLEMS, *_COUNTED, refusals.DayNotBegun, refusals.DayLinesIncomplete,
              refusals.NotInTraining),
    success=Success(201, "Closed, balanced or not; a further close keeps this one.", day_shapes.CLOSED),
)  # fmt: skip
LINES = Route(
    "POST", f"{_DAY}/lines", "send-day-lines", scopes("sell"), "Lines for the day's next close, in parts",
    group=_GROUP, write=True, body=day_shapes.LINES_BODY,
    problems=(*WRITE_PROBLEMS, *_PROBLEMS, refusals.DayNotBegun, refusals.NotInTraining),
    success=Success(201, "Kept for the next close.", Record(closed=False)),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/stores/<gln>/days", "list-days", _READ, "Days that a till has closed, or sent lines of",
    group=_GROUP, query=PAGE_QUERY, problems=(*_PROBLEMS, CursorRefused),
    success=Success(200, "A page, the newest first.", paged("days", day_shapes.DAY_ROW)),
)  # fmt: skip
FIND = Route(
    "GET", _DAY, "find-day", _READ, "A day as it stands: totals, late operations, differences", group=_GROUP,
    problems=_COUNTED, success=Success(200, "Counted now.", day_shapes.DAY),
)  # fmt: skip
CLOSES = Route(
    "GET", f"{_DAY}/closes", "list-day-closes", _READ, "Every close of a day", group=_GROUP, query=PAGE_QUERY,
    problems=(*_PROBLEMS, CursorRefused),
    success=Success(200, "A page, the newest first, as each was answered.",
                    paged("closes", day_shapes.CLOSE_ROW)),
)  # fmt: skip
UNMATCHED = Route(
    "GET", f"{_DAY}/unmatched", "list-unmatched-lines", _READ, "Lines without a match, by reference",
    group=_GROUP, query=PAGE_QUERY | _CLOSE, problems=(*_COUNTED, CursorRefused, refusals.DayNotClosed),
    success=Success(200, "A page.", paged("unmatched", day_shapes.GAP)),
)  # fmt: skip
LATE = Route(
    "GET", f"{_DAY}/late", "list-late-operations", _READ, "What came after the latest close", group=_GROUP,
    query=PAGE_QUERY, problems=(*_COUNTED, CursorRefused, refusals.DayNotClosed),
    success=Success(200, "A page, in the order of arrival.", paged("late", day_shapes.BOOKED)),
)  # fmt: skip
CASHIERS = Route(
    "GET", f"{_DAY}/cashiers", "list-day-cashiers", _READ, "A day's totals by terminal and cashier",
    group=_GROUP, query=PAGE_QUERY, problems=(*_COUNTED, CursorRefused),
    success=Success(200, "A page, by terminal and cashier.", paged("cashiers", day_shapes.CASHIER)),
)  # fmt: skip
ROUTES = (CLOSE, LINES, LIST, FIND, CLOSES, UNMATCHED, LATE, CASHIERS)


@dataclass(frozen=True, slots=True)
class DaysDoor:
    """The endpoints of this module over the days."""

    administration: Administration
    cursors: Cursors

    def close(self, call: Call) -> Reply:
        """The day is closed: it is counted here, beside the writer, and written down there."""
        known = self.administration.replay(call)
        if known is not None:
            return known
        given, counted = call.body.fields, []
        till, parts = totals_of_views(_each_once(given["totals"])), given.get("parts", 0)

        def count(conn: Connection) -> Json:
            day = _begun(conn, call)
            booked = queries.seen_at(conn, day, call.at).counted
            ledger = totals_of(booked)
            lines = lines_of(conn, day, next_close(conn, day), parts) if parts else []
            unmatched = len(gaps(booked, lines)) if parts else 0
            found = differences(till, ledger)
            counted.append((day, Close(till, ledger, found, parts, unmatched, call.caller.subject)))
            return {}

        self.administration.read(count)
        ((day, close),) = counted

        def act(conn: Connection) -> Json:
            closed = close_day(conn, day, close, call.at)
            return {**_named(day), **closed, "closed_at": format_instant(call.at)}

        return self.administration.write(call, act)

    def lines(self, call: Call) -> Reply:
        """The lines are kept."""
        given = call.body.fields
        lines = [_line(f"lines[{index}]", one) for index, one in enumerate(given["lines"])]

        def act(conn: Connection) -> Json:
            day = _begun(conn, call)
            return {**_named(day), **keep_lines(conn, day, given["part"], lines)}

        return self.administration.write(call, act)

    def list_all(self, call: Call) -> Reply:
        """Days of the store."""
        gln = parse_gln(call.path["gln"], "gln")
        page = self.cursors.page(f"days:{gln}", call.query)

        def find(conn: Connection) -> Json:
            own_store(conn, call, gln)
            found = queries.days_before(conn, gln, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["business_day"])
            return {"days": [queries.day_row_view(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def find(self, call: Call) -> Reply:
        """The day as it stands."""

        def find(conn: Connection) -> Json:
            store, day = _day(conn, call)
            clock = clock_of(store)
            begins, ends = (instant_of_seconds(clock.begins(day.number + n)) for n in (0, 1))
            return {
                **_named(day), "timezone": store.timezone, "day_starts_at_hour": clock.hour,
                "begins_at": format_instant(begins), "ends_at": format_instant(ends),
                **queries.day_as_it_stands(conn, day),
            }  # fmt: skip

        return self.administration.read(find)

    def closes(self, call: Call) -> Reply:
        """Every close of the day."""
        page = self.cursors.page(_listing(call, "closes"), call.query)

        def find(conn: Connection) -> Json:
            _, day = _day(conn, call)
            found = queries.closes_before(conn, day, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["close"])
            return {"closes": rows, "next_cursor": cursor}

        return self.administration.read(find)

    def unmatched(self, call: Call) -> Reply:
        """Lines without a match."""
        number = call.query.get("close")
        wanted = None if number is None else int(number)

        def find(conn: Connection, day: Day) -> Sequence[Any]:
            return queries.gaps_of(conn, day, wanted)

        return self._counted(call, (f"unmatched:{number}", "unmatched"), find, gap_view)

    def late(self, call: Call) -> Reply:
        """What came after the latest close."""
        return self._counted(call, ("late", "late"), queries.late_in, booked_view)

    def cashiers(self, call: Call) -> Reply:
        """Totals by terminal and cashier."""

        def find(conn: Connection, day: Day) -> Sequence[Any]:
            return by_cashier(queries.seen_at(conn, day, None).counted)

        return self._counted(call, ("cashiers", "cashiers"), find, _cashier)

    def _counted(
        self,
        call: Call,
        names: tuple[str, str],
        find: Callable[[Connection, Day], Sequence[Any]],
        show: Callable[[Any], Json],
    ) -> Reply:
        """A page of a list that is counted from the whole day; its position is the number of a row."""
        listing, field = names
        page = self.cursors.page(_listing(call, listing), call.query)
        first = page.after_number or 0

        def look(conn: Connection) -> Json:
            _, day = _day(conn, call)
            numbered = list(enumerate(find(conn, day), 1))[first : first + page.limit + 1]
            rows, cursor = self.cursors.cut(page, numbered, lambda row: row[0])
            return {field: [show(row) for _, row in rows], "next_cursor": cursor}

        return self.administration.read(look)


def served(door: DaysDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (
        door.close, door.lines, door.list_all, door.find, door.closes, door.unmatched, door.late,
        door.cashiers,
    )  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def clock_of(store: StoreView) -> StoreClock:
    """The clock of a store."""
    return StoreClock(ZoneInfo(store.timezone), store.day_start_hour or 0)


def _day(conn: Connection, call: Call) -> tuple[StoreView, Day]:
    number = parse_day(call.path["date"], "date")
    store = own_store(conn, call, parse_gln(call.path["gln"], "gln"))
    return store, Day(store.gln, number, store.merchant_id)


def _begun(conn: Connection, call: Call) -> Day:
    """The day, which has begun by the store's clock; a till may be a day ahead, as with what it sells.

    Raises:
        DayNotBegun: it has not.
        NotInTraining: a terminal in training closes no real day.
    """
    if call.caller.training:
        raise refusals.NotInTraining("day")
    store, day = _day(conn, call)
    today = clock_of(store).day_of(seconds_floor(call.at))
    if day.number > today + 1:
        raise refusals.DayNotBegun(day_text(day.number), day_text(today))
    return day


def _named(day: Day) -> Json:
    return {
        "store": gln_text(day.store_gln),
        "merchant": gln_text(day.merchant_id),
        "business_date": day_text(day.number),
    }


def _listing(call: Call, name: str) -> str:
    return f"day:{call.path['gln']}:{call.path['date']}:{name}"


def _each_once(totals: list[Json]) -> list[Json]:
    for index, total in enumerate(totals):
        if any(total["operation"] == other["operation"] for other in totals[:index]):
            raise MalformedField(f"totals[{index}].operation", "must stand once")
        tenders = [tender["type"] for tender in total.get("tenders") or ()]
        if len(set(tenders)) != len(tenders):
            raise MalformedField(f"totals[{index}].tenders", "must name each type once")
    return totals


def _line(where: str, given: Json) -> Line:
    reference = clean_text(given["reference"], f"{where}.reference", 64)
    return Line(given["operation"], reference, given["amount_minor"])


def _cashier(row: tuple[str, str, Any]) -> Json:
    terminal, cashier, totals = row
    return {"terminal": terminal, "cashier": cashier or None, "totals": total_views(totals)}
