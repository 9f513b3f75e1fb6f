"""The end of a programme: announced once, signed by its issuer and by the one that takes over the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.merchants import CHAIN_PROBLEMS
from ledger_service.api.endpoints.programmes import ProgrammesDoor
from ledger_service.api.ports import EndOfProgramme
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Named, Record, Schema
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant, seconds_floor
from ledger_service.points import errors as refusals
from ledger_service.points.catalogue import Programme
from ledger_service.points.conversion import errors as conversion
from ledger_service.points.conversion.ends import check_goes_on, last_promise
from ledger_service.points.conversion.rules import REST_WAITS_SECONDS
from ledger_service.points.conversion.service import require_conversions
from ledger_service.points.programmes import NOTICE_SECONDS

END_NOTICE_SECONDS = 30 * 86_400
_FIELDS: dict[str, Schema] = {
    "target": shapes.PROGRAMME,
    "issues_until": shapes.INSTANT,
    "ends_at": shapes.INSTANT,
    "spread_bps": Integer(0, 9_999, "What the leaving issuer keeps of the value of what is left"),
}
ANNOUNCE = Route(
    "POST", "/v1/programmes/<code>/end", "announce-programme-end", scopes("programme:write"),
    "Announce that the programme ends, and what the rest of its points converts into", group="Conversions",
    write=True, body=Named("NewProgrammeEnd", Record(_FIELDS)),
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, refusals.ProgrammeUnknown, refusals.RegistryTooOld,
              refusals.NoticeTooShort, conversion.ProgrammeEnds, conversion.EndInvalid),
    success=Success(201, "It stands on chain, for good; the programme has it once the index does.",
                    Named("ProgrammeEnd", Record({"programme": shapes.PROGRAMME, **_FIELDS}, closed=False))),
)  # fmt: skip
ROUTES = (ANNOUNCE,)


@dataclass(frozen=True, slots=True)
class ProgrammeEndsDoor:
    """The endpoint of this module, beside those of programmes."""

    programmes: ProgrammesDoor

    def announce(self, call: Call) -> Reply:
        """The end stands on chain."""
        administration, given = self.programmes.administration, call.body.fields
        replay = administration.replay(call)
        if replay is not None:
            return replay
        known = self.programmes.known(call)
        every = self.programmes.catalogue.current()
        target = every.by_code.get(given["target"])
        if target is None:
            raise refusals.ProgrammeUnknown(given["target"])
        end = _wanted(known, target, given)
        if _stands(known, end):
            # Asked again after a lost answer.
            return administration.write(call, lambda conn: _view(known, target, end))
        check_goes_on(known)
        _check(known, target, end, seconds_floor(call.at))
        _check_receives(known, every.programmes.values(), end)
        administration.read(lambda conn: _check_offered(conn, known, end))
        self.programmes.governance.announce_end(end)
        return administration.write(call, lambda conn: _view(known, target, end))


def served(door: ProgrammeEndsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(ANNOUNCE, door.announce)]


def _wanted(known: Programme, target: Programme, given: dict[str, Any]) -> EndOfProgramme:
    until, ends = (seconds_floor(parse_instant(given[name], name)) for name in ("issues_until", "ends_at"))
    who = (known.merchant_id, target.merchant_id, known.programme_id)
    return EndOfProgramme(*who, until, ends, target.programme_id, given["spread_bps"])


def _stands(known: Programme, wanted: EndOfProgramme) -> bool:
    end = known.end
    if end is None:
        return False
    stated = (end.closing.effective_from, end.ends_at, end.target_id, end.spread_bps)
    return stated == (wanted.issues_until, wanted.ends_at, wanted.target_id, wanted.spread_bps)


def _check(known: Programme, target: Programme, end: EndOfProgramme, now: int) -> None:
    """What the registry would refuse is refused here, in plain words."""
    if known.programme_id == target.programme_id:
        raise conversion.EndInvalid("same-programme")
    if target.end is not None:
        raise conversion.EndInvalid("target-ends")
    if end.issues_until > end.ends_at:
        raise conversion.EndInvalid("issues-outlast")
    for stated, notice in ((end.ends_at, END_NOTICE_SECONDS), (end.issues_until, NOTICE_SECONDS)):
        if stated < now + notice:
            raise refusals.NoticeTooShort(now + notice)
    if end.issues_until <= known.terms[-1].effective_from:
        raise conversion.EndInvalid("terms-follow")


def _check_receives(known: Programme, every: Iterable[Programme], end: EndOfProgramme) -> None:
    """What ends into this programme has converted before it issues no more."""
    for other in every:
        ending = other.end
        mine = ending is not None and ending.target_id == known.programme_id
        if ending is not None and mine and end.issues_until < ending.ends_at + REST_WAITS_SECONDS:
            raise conversion.EndInvalid("receives")


def _check_offered(conn: Connection, known: Programme, end: EndOfProgramme) -> Json:
    require_conversions(conn)
    if last_promise(conn, known.programme_id) >= end.issues_until:
        raise conversion.EndInvalid("promises-outlast")
    return {}


def _view(known: Programme, target: Programme, end: EndOfProgramme) -> Json:
    return {
        "programme": known.code,
        "target": target.code,
        "issues_until": format_instant(instant_of_seconds(end.issues_until)),
        "ends_at": format_instant(instant_of_seconds(end.ends_at)),
        "spread_bps": end.spread_bps,
    }
