"""Programmes: their terms, calendars and earn rules; new ones stand on chain before they stand here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from ledger_service.api import ports, shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.merchants import CHAIN_PROBLEMS
from ledger_service.api.endpoints.programme_shapes import (
    ACTIVITIES,
    EARN,
    EXPIRY,
    JURISDICTION,
    NOTICE_DAYS,
    PROGRAMME,
    TERMS,
    programme_document,
    rule_of_body,
    terms_of_body,
)
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.ports import Governance
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Named, Record, Text
from ledger_service.kernel.clock import instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.kernel.money import exponent_of
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.kernel.text import clean_text
from ledger_service.merchants import queries as merchants
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.points import errors as refusals
from ledger_service.points import programmes as commands
from ledger_service.points.catalogue import CatalogueCache, Programme, read_catalogue
from ledger_service.points.conversion.ends import check_goes_on
from ledger_service.points.conversion.errors import ProgrammeEnds
from ledger_service.points.expiry_rules import Jurisdiction, expiry_of
from ledger_service.points.extension import require_extending_house
from ledger_service.points.inactivity_rules import Activity
from ledger_service.points.requests import NewProgramme
from ledger_service.points.rules import Cycle, EarnRule, Terms, epoch_ends

_GROUP = "Programmes"
MOST_EPOCHS = 200
Change = Callable[[Connection], None]
_EPOCHS_AT_FIRST = {Cycle.WEEK: 160, Cycle.MONTH: 48, Cycle.QUARTER: 24, Cycle.YEAR: 12, Cycle.NEVER: 1}
_NOTICE_DAYS = (60, 30, 7)
_WRITE = scopes("programme:write")

LIST = Route(
    "GET", "/v1/programmes", "list-programmes", scopes("programme:read"), "Every programme of the alliance",
    group=_GROUP, query=PAGE_QUERY, success=Success(200, "A page, by id.", paged("programmes", PROGRAMME)),
)  # fmt: skip
CREATE = Route(
    "POST", "/v1/programmes", "create-programme", _WRITE, "Create a programme", group=_GROUP, write=True,
    body=Named("NewProgramme", Record(
        {"code": shapes.PROGRAMME, "merchant": shapes.GLN, "name": Text(80), "currency": shapes.CURRENCY,
         "timezone": shapes.TIMEZONE, "cycle": Text(one_of=tuple(c.value for c in Cycle)), "earn": EARN,
         **TERMS},
        {"pending_days": Integer(0, 3650), "epochs": Integer(1, MOST_EPOCHS), "notice_days": NOTICE_DAYS,
         "expiry": EXPIRY, "jurisdiction": JURISDICTION, "inactivity": ACTIVITIES})),
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, MerchantUnknown, refusals.ProgrammeKnown,
              refusals.ExpiryByTimeAlone, refusals.InactivityTooShort, refusals.ActivitiesTooFew,
              refusals.HouseTakesNoExtensions),
    success=Success(201, "Created, on chain and here.", PROGRAMME),
)  # fmt: skip
PUBLISH = Route(
    "POST", "/v1/programmes/<code>/terms", "publish-terms", _WRITE, "Publish the next terms", group=_GROUP,
    body=Named("NewTerms", Record({"effective_from": shapes.INSTANT, **TERMS})), write=True,
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, refusals.ProgrammeUnknown, refusals.NoticeTooShort,
              refusals.TermsOutOfOrder, refusals.ExpiryByTimeAlone, refusals.InactivityTooShort,
              refusals.ActivitiesTooFew, ProgrammeEnds),
    success=Success(201, "Published, on chain and here.", PROGRAMME),
)  # fmt: skip
APPEND = Route(
    "POST", "/v1/programmes/<code>/epochs", "append-epochs", _WRITE, "Continue the calendar", group=_GROUP,
    body=Record({}, {"count": Integer(1, MOST_EPOCHS), "never": Flag("The last epoch, which has no end")}),
    write=True,
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, refusals.ProgrammeUnknown, refusals.CalendarOutOfOrder),
    success=Success(201, "Appended, on chain and here.", PROGRAMME),
)  # fmt: skip
ADD_RULE = Route(
    "POST", "/v1/programmes/<code>/earn-rules", "add-earn-rule", scopes("programme:write", "store:write"),
    "Set how points are earned from a time on", group=_GROUP, write=True,
    body=Named("NewEarnRule", Record({"effective_from": shapes.INSTANT, "earn": EARN})),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.ProgrammeUnknown, refusals.TermsOutOfOrder),
    success=Success(201, "The rule counts from its time on; sales before keep theirs.", PROGRAMME),
)  # fmt: skip
ROUTES = (LIST, CREATE, PUBLISH, APPEND, ADD_RULE)


@dataclass(frozen=True, slots=True)
class ProgrammesDoor:
    """The endpoints of this module over the points room and the operator's acts on chain."""

    administration: Administration
    catalogue: CatalogueCache
    governance: Governance
    cursors: Cursors

    def list_all(self, call: Call) -> Reply:
        """Every programme."""
        page = self.cursors.page("programmes", call.query)
        after, known = page.after_number or 0, self.catalogue.current().programmes
        found = [known[key] for key in sorted(known) if key > after]
        rows, cursor = self.cursors.cut(page, found, lambda p: p.programme_id)
        return Reply({"programmes": [programme_document(p) for p in rows], "next_cursor": cursor})

    def create(self, call: Call) -> Reply:
        """The programme exists, first on chain, then here."""
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        wanted = _wanted(call)
        commands.check_law(wanted.jurisdiction, wanted.epoch_ends, [wanted.terms], wanted.activities)
        self.administration.read(lambda conn: _check_free(conn, wanted))
        first = ports.TermsOfProgramme(
            **terms_of_body(call.body.fields), effective_from=seconds_floor(call.at)
        )
        asked = ports.NewProgramme(wanted.merchant_id, wanted.code, wanted.name, wanted.epoch_ends, first)
        made = self.governance.create_programme(asked)

        def act(conn: Connection) -> Json:
            commands.create(conn, _with_chain(wanted, made), call.at)
            return programme_document(_as_written(wanted, made))

        reply = self.administration.write(call, act)
        self.catalogue.refresh()
        return reply

    def publish(self, call: Call) -> Reply:
        """The next version of the terms stands on chain and here."""
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        given, known = call.body.fields, self.known(call)
        check_goes_on(known)
        effective = seconds_floor(parse_instant(given["effective_from"], "effective_from"))
        terms = Terms(version=known.next_version, effective_from=effective, **terms_of_body(given))
        earliest = seconds_floor(call.at) + commands.NOTICE_SECONDS
        if effective < earliest:
            raise refusals.NoticeTooShort(earliest)
        if effective <= known.terms[-1].effective_from:
            raise refusals.TermsOutOfOrder(terms.version, terms.version)
        commands.check_law(known.jurisdiction, known.epoch_ends, [terms], known.activities)
        asked = ports.TermsOfProgramme(effective_from=effective, **terms_of_body(given))
        self.governance.publish_terms(known.merchant_id, known.programme_id, terms.version, asked)
        return self.change(call, lambda conn: commands.publish_terms(conn, known.code, terms, call.at))

    def append(self, call: Call) -> Reply:
        """The calendar goes on, on chain and here."""
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        known = self.known(call)
        ends = _next_ends(known, call.body.fields)
        self.governance.append_epochs(known.programme_id, len(known.epoch_ends) + 1, ends)
        return self.change(call, lambda conn: commands.append_epochs(conn, known.code, ends))

    def add_rule(self, call: Call) -> Reply:
        """The programme has a further version of its earn rule."""
        known, given = self.own(call), call.body.fields
        effective = seconds_floor(parse_instant(given["effective_from"], "effective_from"))
        rule = rule_of_body(given["earn"], len(known.rules) + 1, effective)
        _check_until(rule, known.epoch_ends)
        return self.change(call, lambda conn: commands.add_rule(conn, known.code, rule))

    def own(self, call: Call) -> Programme:
        """The programme of the path, where it is the caller's or the caller is no merchant."""
        known, own = self.known(call), call.caller.merchant_id
        if own is not None and own != known.merchant_id:
            raise NotYours("code")
        return known

    def known(self, call: Call) -> Programme:
        """The programme of the path, as the database has it now."""
        found = self.catalogue.refresh().by_code.get(call.path["code"])
        if found is None:
            raise refusals.ProgrammeUnknown(call.path["code"][:12])
        return found

    def change(self, call: Call, act: Change) -> Reply:
        """The act is done under the call's key; answers the programme."""

        def changed(conn: Connection) -> Json:
            act(conn)
            return programme_document(read_catalogue(conn).by_code[call.path["code"]])

        reply = self.administration.write(call, changed)
        self.catalogue.refresh()
        return reply


def served(door: ProgrammesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.list_all, door.create, door.publish, door.append, door.add_rule)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _wanted(call: Call) -> NewProgramme:
    """The programme of the body, checked before the chain hears of it; id and token are not known yet."""
    given = call.body.fields
    exponent_of(given["currency"])
    at = seconds_floor(call.at)
    cycle = Cycle(given["cycle"])
    count = given.get("epochs", _EPOCHS_AT_FIRST[cycle])
    ends = tuple(epoch_ends(call.at, cycle, _zone(given["timezone"]), count))
    terms = Terms(version=1, effective_from=at, **terms_of_body(given))
    rule = rule_of_body(given["earn"], 1, at)
    _check_until(rule, ends)
    activities = tuple(map(Activity, given.get("inactivity", ())))
    expiry = expiry_of(cycle, ends, terms, bool(activities))
    if given.get("expiry", expiry) != expiry:
        raise MalformedField("expiry", "is not what cycle, validity_epochs and inactivity come to")
    return NewProgramme(
        programme_id=0,
        code=given["code"],
        merchant_id=parse_gln(given["merchant"], "merchant"),
        name=clean_text(given["name"], "name", 80),
        currency=given["currency"],
        timezone=given["timezone"],
        cycle=cycle,
        epoch_ends=ends,
        terms=terms,
        rule=rule,
        pending_days=given.get("pending_days", 0),
        notice_days=tuple(given.get("notice_days", _NOTICE_DAYS)),
        jurisdiction=Jurisdiction(given.get("jurisdiction", "none")),
        activities=activities,
    )


def _check_until(rule: EarnRule, ends: Sequence[int]) -> None:
    """Points that wait until the calendar has run out could never be given out."""
    if rule.pending is not None and rule.pending.until >= ends[-1]:
        raise MalformedField("earn.pending.until", "must lie before the end of the programme's calendar")


def _with_chain(wanted: NewProgramme, made: ports.CreatedProgramme) -> NewProgramme:
    return replace(wanted, programme_id=made.programme_id, token=made.token)


def _as_written(wanted: NewProgramme, made: ports.CreatedProgramme) -> Programme:
    w = wanted
    return Programme(
        made.programme_id, w.code, w.merchant_id, w.name, w.currency, w.timezone, w.pending_days, (w.terms,),
        w.epoch_ends, (w.rule,), made.token, w.cycle.value, w.notice_days, w.jurisdiction,
        w.activities,
    )  # fmt: skip


def _check_free(conn: Connection, wanted: NewProgramme) -> Json:
    if merchants.find_merchant(conn, wanted.merchant_id) is None:
        raise MerchantUnknown
    if wanted.code in read_catalogue(conn).by_code:
        raise refusals.ProgrammeKnown(wanted.code)
    if wanted.activities:
        require_extending_house(conn)
    return {}


def _next_ends(known: Programme, given: Json) -> tuple[int, ...]:
    count, never = given.get("count"), given.get("never", False)
    if (count is None) != never:
        raise MalformedField("count", "must be given, or never must be true, not both")
    last = known.epoch_ends[-1]
    if last == NEVER_SECONDS:
        raise refusals.CalendarOutOfOrder(len(known.epoch_ends) + 1)
    if count is None:
        return (NEVER_SECONDS,)
    return tuple(epoch_ends(instant_of_seconds(last), Cycle(known.cycle), known.zone, count))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MalformedField("timezone", "must be an IANA time zone") from None
