"""A member's balance, now and as of any past instant, the statement of its entries, and notices of expiry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import allowed_member, member_of_call
from ledger_service.api.endpoints.programme_shapes import instant_or_never
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import MOST_ROWS, PAGE_QUERY, Cursors
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant, instant_of_micros, micros_of, parse_instant
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.ledger import queries
from ledger_service.ledger.carried import archived
from ledger_service.ledger.errors import HistoryArchived
from ledger_service.ledger.rules import Part
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.queries import MemberView, find_with_points
from ledger_service.points.catalogue import Catalogue, CatalogueCache
from ledger_service.points.notices import OF_THE_END, NoticeView, notices_of
from ledger_service.points.pending import PendingView, pending_of

_GROUP = "Balances"
_MONTHS, _MONTH = 6, timedelta(days=30)
_READ = scopes("member:read", "self:read")
_PARTS = {"available": shapes.POINTS, "held": shapes.POINTS, "pending": shapes.POINTS, "debt": shapes.POINTS}
_LOT = Record({"epoch": Integer(), "expires_at": Nullable(shapes.INSTANT), **_PARTS}, closed=False)
_BALANCE = Named("Balance", Record(
    {"programme": shapes.PROGRAMME, **_PARTS, "lots": Listing(_LOT)}, closed=False))  # fmt: skip
_POSTING = Record(
    {"programme": shapes.PROGRAMME, "epoch": Integer(), "part": Text(), "points": Integer(-(2**53) + 1)},
    closed=False,
)
ENTRY = Named("Entry", Record(
    {"sequence": Integer(1), "operation": shapes.HEX_ID, "kind": Text(), "occurred_at": shapes.INSTANT,
     "postings": Listing(_POSTING)}, closed=False))  # fmt: skip

BALANCE = Route(
    "GET", "/v1/members/<number>/balance", "balance", _READ, "Points by programme and expiry", group=_GROUP,
    query={"as_of": Parameter(shapes.INSTANT, "An instant (RFC 3339); now when absent")},
    problems=(MemberUnknown, NotYours, HistoryArchived),
    success=Success(200, "The balance.", shapes.answer(
        "Balances", number=shapes.NUMBER, as_of=shapes.INSTANT, balances=Listing(_BALANCE))),
)  # fmt: skip
ENTRIES = Route(
    "GET", "/v1/members/<number>/entries", "entries", _READ, "Entries, newest first", group=_GROUP,
    query=PAGE_QUERY,
    problems=(MemberUnknown, NotYours),
    success=Success(200, "A page; entries up to the number `archived` stand in archives.", shapes.answer(
        "Entries", number=shapes.NUMBER, entries=Listing(ENTRY, MOST_ROWS), archived=Integer(),
        next_cursor=Nullable(Text(200)))),
)  # fmt: skip
_NOTICE = Named("ExpiryNotice", Record(
    {"programme": shapes.PROGRAMME, "points": shapes.POINTS, "days_before": Integer(1), "last_day": Text(10),
     "epoch": Integer(0, about="0: the programme itself ends, and the rest converts"),
     "converts_into": Nullable(shapes.PROGRAMME), "noticed_at": shapes.INSTANT}, closed=False))  # fmt: skip
NOTICES = Route(
    "GET", "/v1/members/<number>/notices", "notices", _READ, "Notices of expiry, newest first", group=_GROUP,
    query=PAGE_QUERY, problems=(MemberUnknown, NotYours),
    success=Success(200, "A page; `points` and `last_day` as they stood when the notice was written.",
                    shapes.answer("ExpiryNotices", number=shapes.NUMBER, notices=Listing(_NOTICE, MOST_ROWS),
                                  next_cursor=Nullable(Text(200)))),
)  # fmt: skip
_PROMISE = Named("PendingPoints", Record(
    {"programme": shapes.PROGRAMME, "points": shapes.POINTS, "sale_id": shapes.HEX_ID, "epoch": Integer(1),
     "expires_at": Nullable(shapes.INSTANT), "vests_at": shapes.INSTANT, "awaits": Nullable(shapes.AWAITED),
     "lapses": Flag("They end at `vests_at` unless the event is told before")}, closed=False))  # fmt: skip
PENDING = Route(
    "GET", "/v1/members/<number>/pending", "pending", _READ, "What pending points wait for, soonest first",
    group=_GROUP, query=PAGE_QUERY, problems=(MemberUnknown, NotYours),
    success=Success(200, "A page.", shapes.answer(
        "PendingPage", number=shapes.NUMBER, pending=Listing(_PROMISE, MOST_ROWS),
        next_cursor=Nullable(Text(200)))),
)  # fmt: skip
PAST = Route(
    "GET", "/v1/members/<number>/past-points", "past-points", _READ,
    "A member's points, available or held, now and thirty days before, six times", group=_GROUP,
    problems=(MemberUnknown, NotYours),
    success=Success(200, "The earliest first.", shapes.answer(
        "PastPoints", number=shapes.NUMBER,
        past=Listing(Record({"as_of": shapes.INSTANT, "points": Integer()}, closed=False), _MONTHS + 1))),
)  # fmt: skip
ROUTES = (BALANCE, ENTRIES, PENDING, NOTICES, PAST)


@dataclass(frozen=True, slots=True)
class StatementsDoor:
    """The endpoints of this module over the ledger's reads."""

    administration: Administration
    cursors: Cursors
    catalogue: CatalogueCache

    def balance(self, call: Call) -> Reply:
        """The balance now, or as of the end of a past instant."""
        given = call.query.get("as_of")
        at = call.at if given is None else parse_instant(given, "query.as_of")

        def find(catalogue: Catalogue, conn: Connection) -> Json:
            member, parts = _now(conn, call) if given is None else _then(conn, call, at)
            return {
                "number": member.member_number,
                "as_of": format_instant(at),
                "balances": _balances(parts, catalogue),
            }

        return self.catalogue.newest(lambda catalogue: self.administration.look(partial(find, catalogue)))

    def entries(self, call: Call) -> Reply:
        """A page of the statement."""

        def find(catalogue: Catalogue, conn: Connection) -> Json:
            member = member_of_call(conn, call)
            page = self.cursors.page(f"entries:{member.member_id}", call.query)
            found = queries.statement(conn, member.ledger_base, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda entry: entry.sequence)
            return {
                "number": member.member_number,
                "entries": [entry_document(entry, catalogue) for entry in rows],
                "archived": archived(conn).sequence,
                "next_cursor": cursor,
            }

        return self.catalogue.newest(lambda catalogue: self.administration.read(partial(find, catalogue)))

    def pending(self, call: Call) -> Reply:
        """A page of the member's promises."""

        def find(catalogue: Catalogue, conn: Connection) -> Json:
            member = member_of_call(conn, call)
            page = self.cursors.page(f"pending:{member.member_id}", call.query)
            found = pending_of(conn, member.member_id, _position(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(
                page, found, lambda one: f"{micros_of(one.vests_at)} {one.op_id.hex()}"
            )
            return {
                "number": member.member_number,
                "pending": [_promise(one, catalogue) for one in rows],
                "next_cursor": cursor,
            }

        return self.catalogue.newest(lambda catalogue: self.administration.read(partial(find, catalogue)))

    def notices(self, call: Call) -> Reply:
        """A page of the member's notices."""

        def find(catalogue: Catalogue, conn: Connection) -> Json:
            member = member_of_call(conn, call)
            page = self.cursors.page(f"notices:{member.member_id}", call.query)
            found = notices_of(conn, member.member_id, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda notice: notice.notice_id)
            return {
                "number": member.member_number,
                "notices": [_notice(notice, catalogue) for notice in rows],
                "next_cursor": cursor,
            }

        return self.catalogue.newest(lambda catalogue: self.administration.read(partial(find, catalogue)))

    def past(self, call: Call) -> Reply:
        """The member's points over the last months, as far as entries are not archived."""

        def find(conn: Connection) -> Json:
            member, gone = member_of_call(conn, call), archived(conn).occurred_until
            wanted = [call.at - _MONTH * back for back in range(_MONTHS, -1, -1)]
            instants = [at for at in wanted if micros_of(at) >= gone]
            points = queries.points_at(conn, member.ledger_base, instants) if instants else []
            both = zip(instants, points, strict=True)
            past = [{"as_of": format_instant(at), "points": count} for at, count in both]
            return {"number": member.member_number, "past": past}

        return self.administration.read(find)


def served(door: StatementsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.balance, door.entries, door.pending, door.notices, door.past)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


Parts = dict[tuple[int, int], dict[str, int]]


def _now(conn: Connection, call: Call) -> tuple[MemberView, Parts]:
    found = find_with_points(conn, parse_gsrn(call.path["number"], "number"))
    member = allowed_member(call, found and found[0])
    parts: Parts = {}
    if found is not None:
        lots, debts = found[1]
        parts = {(x.programme_id, x.epoch): _four(x.available, x.held, x.pending) for x in lots}
        for programme_id, debt in debts.items():
            parts.setdefault((programme_id, 0), _four())["debt"] = debt
    return member, parts


def _then(conn: Connection, call: Call, at: datetime) -> tuple[MemberView, Parts]:
    member = member_of_call(conn, call)
    return member, _summed(queries.balance_as_of(conn, member.ledger_base, at))


def _summed(views: Iterable[queries.PostingView]) -> Parts:
    found: Parts = {}
    for view in views:
        # What a member owes stands in a programme, in no epoch.
        epoch = 0 if view.part is Part.DEBT else view.epoch
        four = found.setdefault((view.programme_id, epoch), _four())
        four[view.part.name.lower()] += view.amount
    return found


def _four(available: int = 0, held: int = 0, pending: int = 0) -> dict[str, int]:
    return {"available": available, "held": held, "pending": pending, "debt": 0}


def _balances(parts: Parts, catalogue: Catalogue) -> list[Json]:
    by_programme: dict[int, Json] = {}
    for (programme_id, epoch), four in sorted(parts.items()):
        programme = catalogue.programme(programme_id)
        whole = by_programme.setdefault(programme_id, {"programme": programme.code, **_four(), "lots": []})
        for name, points in four.items():
            whole[name] += points
        if epoch:
            ends = programme.epoch_ends
            expires = instant_or_never(ends[epoch - 1]) if epoch <= len(ends) else None
            whole["lots"].append({"epoch": epoch, "expires_at": expires, **four})
    return list(by_programme.values())


def _position(text: str | None) -> tuple[datetime, bytes] | None:
    if text is None:
        return None
    micros, op_id = text.split()
    return instant_of_micros(int(micros)), bytes.fromhex(op_id)


def _promise(one: PendingView, catalogue: Catalogue) -> Json:
    programme = catalogue.programme(one.programme_id)
    return {
        "programme": programme.code,
        "points": one.points,
        "sale_id": one.sale_id.hex(),
        "epoch": one.epoch,
        "expires_at": instant_or_never(programme.epoch_ends[one.epoch - 1]),
        "vests_at": format_instant(one.vests_at),
        "awaits": one.awaits,
        "lapses": one.lapses,
    }


def _notice(notice: NoticeView, catalogue: Catalogue) -> Json:
    programme = catalogue.programme(notice.programme_id)
    end = programme.end if notice.epoch == OF_THE_END else None
    return {
        "programme": programme.code,
        "converts_into": None if end is None else catalogue.programme(end.target_id).code,
        "epoch": notice.epoch,
        "points": notice.points,
        "days_before": notice.days_before,
        "last_day": notice.last_day,
        "noticed_at": format_instant(notice.noticed_at),
    }


def entry_document(entry: queries.EntryView, catalogue: Catalogue) -> Json:
    """An entry of a member's statement as JSON."""
    return {
        "sequence": entry.sequence,
        "operation": entry.op_id.hex(),
        "kind": entry.kind,
        "occurred_at": format_instant(entry.occurred_at),
        "body": entry.body,
        "postings": [
            {"programme": catalogue.programme(p.programme_id).code, "epoch": p.epoch,
             "part": p.part.name.lower(), "points": p.amount}
            for p in entry.postings
        ],
    }  # fmt: skip
