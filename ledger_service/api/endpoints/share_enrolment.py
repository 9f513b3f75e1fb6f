"""Whoever opens a link becomes a member by it: a code goes to the phone, and the code enrols."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.logins import BEGUN, begun
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success
from ledger_service.api.schema import Named, Record
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import parse_id
from ledger_service.members import errors as member_refusals
from ledger_service.members import queries
from ledger_service.members.cards import errors as card_refusals
from ledger_service.members.devices import lock_member
from ledger_service.members.identities import parse_identity
from ledger_service.members.logins.desk import LoginDesk, serve
from ledger_service.members.logins.errors import LoginRefused
from ledger_service.members.requests import EnrolMember
from ledger_service.members.service import MembersService
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.referrals.links import errors as refusals
from ledger_service.referrals.links.binding import Binder, Follower, check_touch

_GROUP = "Sharing, for everybody"
ASK = Route(
    "POST", "/v1/share/enrolment-codes", "ask-enrolment-code", PUBLIC,
    "Send a code to the phone of who has opened a link, whether somebody has the number or not",
    group=_GROUP, limited=True, guessed=True,
    body=Named("NewEnrolmentCode", Record({"touch": shapes.HEX_ID, "phone": shapes.PHONE})),
    problems=(refusals.ShareTouchUnknown, card_refusals.DeliveryUnavailable, card_refusals.CodesTooOften),
    success=Success(202, "It is on its way.", shapes.answer("EnrolmentCode", expires_at=shapes.INSTANT)),
)  # fmt: skip
ENROL = Route(
    "POST", "/v1/share/enrolments", "enrol-by-share-link", PUBLIC,
    "Become a member by the link and the code; who is one already follows it and is logged in",
    group=_GROUP, limited=True, guessed=True, write=True,
    body=Named("ShareEnrolment", Record(
        {"touch": shapes.HEX_ID, "phone": shapes.PHONE, "code": shapes.TILL_CODE})),
    problems=(*WRITE_PROBLEMS, LoginRefused, refusals.ShareTouchUnknown, refusals.ShareOwnLink,
              refusals.ShareLinkLimitReached, member_refusals.IdentityTaken,
              member_refusals.NumbersExhausted),
    success=Success(201, "The only answer that holds the token. Who brought the member is committed.", BEGUN),
)  # fmt: skip
ROUTES = (ASK, ENROL)


@dataclass(frozen=True, slots=True)
class ShareEnrolmentDoor:
    """The endpoints of this module over log-ins, members and links."""

    administration: Administration
    logins: LoginDesk
    members: MembersService
    binder: Binder
    api_keys: ApiKeys

    def ask(self, call: Call) -> Reply:
        """A code is on its way; only to who has opened a link, so that nobody sends them at will."""
        self.administration.read(lambda conn: _opened(conn, call))
        until = self.logins.ask(call.body.fields["phone"], call.at, newcomer=True)
        return Reply({"expires_at": format_instant(until)}, 202)

    def enrol(self, call: Call) -> Reply:
        """The phone's owner is a member and bound to the touch; a retry gets the same key."""
        replay = self.administration.replay(call, secret=True)
        if replay is not None:
            return replay
        phone = parse_identity("phone", call.body.fields["phone"])
        shown = self.logins.by_code(phone.value, call.body.fields["code"], call.at)
        prepared = self.members.prepare([EnrolMember(identities=(phone,))], call.at)

        def act(conn: Connection) -> Json:
            serve(conn, shown.code_id or b"", call.at)
            known = queries.find_by_identity(conn, self.members.vault, phone)
            if known is None or known.member_number is None:
                new = self.members.enrol(conn, prepared, call.at)[0]
                whose, newcomer = (new.member_id, new.member_number), True
            else:
                lock_member(conn, known.member_number, frozen_too=True)
                whose, newcomer = (known.member_id, known.member_number), False
            self.binder.bind(conn, _touch(call), Follower(whose[0], newcomer=newcomer), call.at)
            return begun(conn, self.api_keys, whose, call.at)

        return self.administration.write(call, act, secret=True)


def served(door: ShareEnrolmentDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(ASK, door.ask), Served(ENROL, door.enrol)]


def _opened(conn: Connection, call: Call) -> Json:
    check_touch(conn, _touch(call))
    return {}


def _touch(call: Call) -> bytes:
    return parse_id(call.body.fields["touch"], "touch")
