"""Tiers: a merchant's ladders, what a new one would change, where a member stands, and birthdays."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call, number_of_call
from ledger_service.api.endpoints.tier_shapes import (
    LADDER,
    LADDERS,
    PUBLISHED,
    STANDINGS,
    moves_document,
    standing_document,
    version_document,
)
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import MOST_ROWS
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Named, Nullable, Record, Text
from ledger_service.db.errors import StorageUnavailable, WriterBusy
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.members import birthdays
from ledger_service.members.errors import BirthdaySet, MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.points.catalogue import CatalogueCache, Programme
from ledger_service.points.errors import ProgrammeUnknown
from ledger_service.tiers import queries, service
from ledger_service.tiers.errors import LadderOutOfOrder, NoLadder
from ledger_service.tiers.ladders import LadderCache, ladder_of
from ledger_service.tiers.recompute import moves
from ledger_service.tiers.rules import Ladder, business_day, ladder_in_force

_GROUP = "Tiers"

PUBLISH = Route(
    "PUT", "/v1/programmes/<code>/tiers", "publish-tiers", scopes("programme:write", "store:write"),
    "Set the tiers from a time on, or ask what that would change", group=_GROUP, write=True,
    body=Named("NewLadder", Record({"effective_from": shapes.INSTANT, "ladder": LADDER},
                                   {"dry_run": Flag("Publish nothing, only count who would move")})),
    problems=(*WRITE_PROBLEMS, NotYours, ProgrammeUnknown, LadderOutOfOrder),
    success=Success(200, "Published, or what publishing it would do.", PUBLISHED),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/programmes/<code>/tiers", "show-tiers", scopes("programme:read"),
    "The latest versions of a programme's ladder", group=_GROUP, problems=(ProgrammeUnknown, NoLadder),
    success=Success(200, "The ladders, oldest first.", LADDERS), personal=False,
)  # fmt: skip
STANDING = Route(
    "GET", "/v1/members/<number>/tiers", "show-member-tiers", scopes("member:read", "self:read"),
    "A member's tier of each programme, and what is missing for the next", group=_GROUP,
    problems=(MemberUnknown, NotYours), success=Success(200, "The tiers.", STANDINGS),
)  # fmt: skip
BIRTHDAY = Route(
    "PUT", "/v1/members/<number>/birthday", "set-birthday", scopes("member:write", "self:write"),
    "Give a birthday without a year, or take it back", group=_GROUP, write=True,
    body=Record({"birthday": Nullable(Text(pattern="[0-9]{2}-[0-9]{2}", about="Month and day"))}),
    problems=(WriterBusy, StorageUnavailable, MemberUnknown, NotYours, BirthdaySet, HouseholdAccount),
    success=Success(200, "Kept until it is taken back or the member is erased.", Record(closed=False)),
)  # fmt: skip
ROUTES = (PUBLISH, SHOW, STANDING, BIRTHDAY)


@dataclass(frozen=True, slots=True)
class TiersDoor:
    """The endpoints of this module over the tiers room."""

    administration: Administration
    catalogue: CatalogueCache
    ladders: LadderCache

    def publish(self, call: Call) -> Reply:
        """The next version of the ladder is published, or what it would change is counted."""
        programme = self._programme(call)
        own = call.caller.merchant_id
        if own is not None and own != programme.merchant_id:
            raise NotYours("code")
        given = call.body.fields
        effective = seconds_floor(parse_instant(given["effective_from"], "effective_from"))
        ladder = ladder_of(0, effective, given["ladder"])
        if given.get("dry_run", False):
            return self.administration.read(lambda conn: self._count(conn, programme, ladder))

        def act(conn: Connection) -> Json:
            published = service.publish(conn, programme.programme_id, ladder, call.at)
            return _answer(programme, published, None)

        reply = self.administration.write(call, act, status=200)
        self.ladders.refresh()
        return reply

    def show(self, call: Call) -> Reply:
        """The latest versions of the ladder."""
        programme = self._programme(call)
        found = self.ladders.refresh().of(programme.programme_id)
        if not found:
            raise NoLadder(programme.code)
        versions = [version_document(one) for one in found[-MOST_ROWS:]]
        return Reply({"programme": programme.code, "versions": versions})

    def standing(self, call: Call) -> Reply:
        """Where the member stands on each ladder that is in force."""
        known, ladders, at = self.catalogue.current(), self.ladders.current(), seconds_floor(call.at)

        def find(conn: Connection) -> Json:
            found = member_of_call(conn, call)
            amounts = queries.amounts_of(conn, found.member_id)
            tiers = []
            for programme_id, versions in sorted(ladders.by_programme.items()):
                ladder, programme = ladder_in_force(versions, at), known.programmes.get(programme_id)
                if ladder is None or programme is None:
                    continue
                day = business_day(at, programme.zone)
                standing = queries.standing_of(ladder, amounts.get(programme_id, {}), day)
                tiers.append(standing_document(programme, standing))
            return {"number": found.member_number, "tiers": tiers}

        return self.administration.read(find)

    def birthday(self, call: Call) -> Reply:
        """The birthday is kept, or gone.

        Nothing is kept under the idempotency key, since the same again does no harm: a digest of the body
        would outlive the erasure, and there are only 366 birthdays to try.
        """
        if call.refusal is not None:
            raise call.refusal
        given = call.body.fields["birthday"]
        month_day = None if given is None else birthdays.parse_birthday(given, "birthday")

        def act(conn: Connection) -> Json:
            number = number_of_call(conn, call)
            birthdays.set_birthday(conn, number, month_day, own=call.caller.member_id is not None)
            return {}

        self.administration.apply(act)
        return Reply({"given": given is not None})

    def _programme(self, call: Call) -> Programme:
        found = self.catalogue.refresh().by_code.get(call.path["code"])
        if found is None:
            raise ProgrammeUnknown(call.path["code"][:12])
        return found

    def _count(self, conn: Connection, programme: Programme, ladder: Ladder) -> Json:
        versions = self.ladders.refresh().of(programme.programme_id)
        pair = (ladder_in_force(versions, ladder.effective_from), ladder)
        day = business_day(ladder.effective_from, programme.zone)
        found = moves_document(pair, dict(moves(conn, programme.programme_id, pair, day)))
        return _answer(programme, ladder, found)


def served(door: TiersDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.publish, door.show, door.standing, door.birthday)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _answer(programme: Programme, ladder: Ladder, counted: list[Json] | None) -> Json:
    moving = None if counted is None else sum(m["members"] for m in counted if m["from"] != m["to"])
    return {
        "programme": programme.code,
        "dry_run": counted is not None,
        "ladder": version_document(ladder),
        "members_moving": moving,
        "moves": counted,
    }
