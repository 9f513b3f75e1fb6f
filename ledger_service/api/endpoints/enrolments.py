"""Becoming a member by oneself, without a till: an account in custody, and the key that opens its pages."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.logins import GROUP
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success
from ledger_service.api.schema import Named, Nullable, Record, Text
from ledger_service.custody.errors import SignerUnavailable
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.text import clean_text
from ledger_service.members.errors import MemberUnknown, NumbersExhausted
from ledger_service.members.logins.desk import KEY_LIFE
from ledger_service.members.queries import find_by_number
from ledger_service.members.requests import CUSTODY_CUSTODIAL, EnrolMember
from ledger_service.members.service import MembersService
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssueKey

_LABEL, _MOST_NAME = "enrolment", 200
_SECRET = Text(pattern="[0-9a-f]{64}", about="32 random bytes; with them alone a retry gets the key again")
ENROL = Route(
    "POST", "/v1/enrolments", "enrol-oneself", PUBLIC, "Become a member, without phone, card or till",
    group=GROUP, limited=True, guessed=True, write=True,
    body=Named("NewEnrolment", Record({"secret": _SECRET}, {"display_name": Nullable(Text(_MOST_NAME))})),
    problems=(*WRITE_PROBLEMS, NumbersExhausted, MemberUnknown, SignerUnavailable),
    success=Success(
        201, "The only answer that holds the token; it has a member's rights and an end. Add a passkey, or "
        "let a till bind a phone or card, before it ends.",
        shapes.answer("Enrolment", number=shapes.NUMBER, key_id=shapes.KEY_ID, token=Text(200),
                      expires_at=shapes.INSTANT)),
)  # fmt: skip
ROUTES = (ENROL,)


@dataclass(frozen=True, slots=True)
class EnrolmentsDoor:
    """The endpoint of this module over members and the keys they begin with."""

    administration: Administration
    members: MembersService
    api_keys: ApiKeys

    def enrol(self, call: Call) -> Reply:
        """There is one member more, with a key in force; a retry gets the same one."""
        replay = self.administration.replay(call, secret=True)
        if replay is not None:
            self.administration.read(lambda conn: _still_known(conn, replay))
            return replay
        typed = call.body.fields.get("display_name")
        name = None if typed is None else clean_text(typed, "display_name", _MOST_NAME)
        prepared = self.members.prepare([EnrolMember(display_name=name, custody=CUSTODY_CUSTODIAL)], call.at)

        def act(conn: Connection) -> Json:
            enrolled = self.members.enrol(conn, prepared, call.at)[0]
            expires_at = call.at + KEY_LIFE
            request = IssueKey("member", str(enrolled.member_id), None, _LABEL, expires_at)
            issued = self.api_keys.issue(conn, None, request, call.at)
            return {"number": enrolled.member_number, "key_id": issued.key_id, "token": issued.token,
                    "expires_at": format_instant(expires_at)}  # fmt: skip

        return self.administration.write(call, act, secret=True)


def served(door: EnrolmentsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(ENROL, door.enrol)]


def _still_known(conn: Connection, replay: Reply) -> Json:
    """Of a member that was erased meanwhile nothing is told again (D15)."""
    if find_by_number(conn, orjson.loads(replay.body)["number"]) is None:
        raise MemberUnknown
    return {}
