"""Quiet hours over HTTP: when a member may be sent what it did not ask for, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Named, Nullable, Record, Text
from ledger_service.kernel.errors import MalformedField
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.quiet import service
from ledger_service.members.quiet.rules import MOST_A_DAY, Wish

_GROUP, _PATH = "Consents", "/v1/members/<number>/quiet-hours"
_CLOCK = Text(pattern="([01][0-9]|2[0-3]):[0-5][0-9]", about="Of the day, by the clock of `timezone`")
_HOURS = {"from": Nullable(_CLOCK), "until": Nullable(_CLOCK), "timezone": Nullable(Text(64))}
_MOST = Integer(1, 20, f"Messages in 24 hours; {MOST_A_DAY} where absent")
_WISH = Named("QuietHours", Record({"number": shapes.NUMBER, **_HOURS, "most_a_day": _MOST}, closed=False))
SET = Route(
    "POST", _PATH, "set-quiet-hours", scopes("self:write"),
    "Send me nothing unasked at these hours, nor more than so much", group=_GROUP, write=True,
    body=Record(_HOURS, {"most_a_day": _MOST}),
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown), success=Success(200, "So it is.", _WISH),
)  # fmt: skip
SHOW = Route(
    "GET", _PATH, "show-quiet-hours", scopes("self:read", "member:read"), "When a member is sent nothing",
    group=_GROUP, problems=(NotYours, MemberUnknown),
    success=Success(200, "Null where there are none.", _WISH),
)  # fmt: skip
ROUTES = (SET, SHOW)


@dataclass(frozen=True, slots=True)
class QuietHoursDoor:
    """The endpoints of this module over members' wishes."""

    administration: Administration

    def set(self, call: Call) -> Reply:
        """The wish stands."""
        given = call.body.fields
        wish = Wish(*_hours(given), given.get("most_a_day", MOST_A_DAY))

        def act(conn: Connection) -> Json:
            service.set_wish(conn, member_of_call(conn, call).member_id, wish)
            return _shown(call, wish)

        return self.administration.write(call, act, status=200)

    def show(self, call: Call) -> Reply:
        """The wish."""
        return self.administration.read(
            lambda conn: _shown(call, service.wish_of(conn, member_of_call(conn, call).member_id))
        )


def served(door: QuietHoursDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(SET, door.set), Served(SHOW, door.show)]


def _hours(given: Json) -> tuple[int, int, str | None]:
    """Two minutes of the day and a time zone; or none of the three.

    Raises:
        MalformedField: some of them are missing, or there is no such time zone.
    """
    since, until, zone = given["from"], given["until"], given["timezone"]
    if since is until is zone is None:
        return 0, 0, None
    if None in (since, until, zone):
        raise MalformedField("timezone", "goes with `from` and `until`, or all three are null")
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise MalformedField("timezone", "must be the IANA name of a time zone") from None
    return _minute(since), _minute(until), zone


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _shown(call: Call, wish: Wish) -> Json:
    since, until = (
        None if wish.zone is None else f"{minute // 60:02d}:{minute % 60:02d}"
        for minute in (wish.quiet_from, wish.quiet_until)
    )
    return {
        "number": call.path["number"], "from": since, "until": until, "timezone": wish.zone,
        "most_a_day": wish.most_a_day,
    }  # fmt: skip
