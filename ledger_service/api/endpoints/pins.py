"""PINs and one-time codes: ask for a code, approve one at the service desk, set a PIN."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.checkout import reader_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, number_of_call
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Named, Nullable, Record, Text
from ledger_service.checkout.presented import parse_presented
from ledger_service.checkout.without_phone import sought_of
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.money import micros_of_minor
from ledger_service.members.cards import errors as refusals
from ledger_service.members.cards.codes import AskCode, MadeCode
from ledger_service.members.cards.desk import Known, Sought
from ledger_service.members.cards.rules import parse_pin
from ledger_service.members.cards.service import PIN, SPEND, CardService
from ledger_service.members.errors import MemberFrozen, MemberUnknown

_GROUP = "PINs and one-time codes"
_MOST_MINOR = 9_000_000_000
_CODE_ID = Text(pattern="[0-9a-f]{32}", about="Names the code; it is not the code")
_CHANNEL = Text(one_of=("phone", "email", "desk"))
_MEMBER = (MemberUnknown, MemberFrozen, refusals.CardEnded)
ASK = Route(
    "POST", "/v1/member-codes", "ask-member-code", scopes("pay-code"),
    "Send a member a code for one payment, or for setting a PIN", group=_GROUP, write=True,
    body=Named("NewMemberCode", Record(
        {"member": shapes.EARNING_MEMBER, "purpose": Text(one_of=(SPEND, PIN))},
        {"max_value_minor": Nullable(Integer(1, _MOST_MINOR, "The most that it may pay; with `spend`")),
         "channel": Nullable(Text(one_of=("desk",), about="With `pin`: a second person shows the code"))},
    )),
    problems=(*WRITE_PROBLEMS, NotYours, *_MEMBER, refusals.CustodyMissing, refusals.CodesTooOften,
              refusals.NobodyToTell, refusals.DeliveryUnavailable),
    success=Success(201, "It is on its way, or waits for the second person.", shapes.answer(
        "MemberCode", code_id=_CODE_ID, channel=_CHANNEL, expires_at=shapes.INSTANT)),
)  # fmt: skip
APPROVE = Route(
    "POST", "/v1/member-codes/<code_id>/approval", "approve-member-code", scopes("key:write"),
    "A second person lets the service desk show a code", group=_GROUP, body=shapes.EMPTY_BODY, write=True,
    problems=(*WRITE_PROBLEMS, refusals.DeskRequestUnknown, refusals.SecondPersonMissing),
    success=Success(200, "The code, for the member alone to read.", shapes.answer(
        "ShownCode", code_id=_CODE_ID, code=shapes.TILL_CODE, expires_at=shapes.INSTANT)),
)  # fmt: skip
SET = Route(
    "POST", "/v1/pins", "set-pin-with-code", scopes("pay-code"), "Set a member's PIN with a one-time code",
    group=_GROUP, write=True,
    body=Named("NewPin", Record(
        {"member": shapes.EARNING_MEMBER, "code": shapes.TILL_CODE, "pin": shapes.PIN})),
    problems=(*WRITE_PROBLEMS, NotYours, *_MEMBER, refusals.CodeWrong, refusals.PinTooEasy),
    success=Success(200, "Set; the code is used up.", Record(closed=False)),
)  # fmt: skip
SET_OWN = Route(
    "PUT", "/v1/members/<number>/pin", "set-own-pin", scopes("self:write"), "Set one's own PIN",
    group=_GROUP, body=Record({"pin": shapes.PIN}), write=True,
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, refusals.PinTooEasy),
    success=Success(200, "Set.", Record(closed=False)),
)  # fmt: skip
ROUTES = (ASK, APPROVE, SET, SET_OWN)


@dataclass(frozen=True, slots=True)
class PinsDoor:
    """The endpoints of this module; ``exponent`` is of the settlement currency."""

    administration: Administration
    cards: CardService
    exponent: int

    def ask(self, call: Call) -> Reply:
        """A code is made, once for the key."""
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        given = call.body.fields
        desk, most = given.get("channel") is not None, given.get("max_value_minor")
        if desk and given["purpose"] != PIN:
            raise MalformedField("channel", "goes with the purpose pin")
        if (most is None) == (given["purpose"] == SPEND):
            raise MalformedField("max_value_minor", "goes with the purpose spend, and is required there")
        caller = reader_of(call)
        known = self.cards.find(_sought(given), call.at)
        value = micros_of_minor(most or 0, self.exponent)
        ask = AskCode(known.member_id, caller.merchant_id, given["purpose"], desk, value, caller.subject)
        return self.administration.write(call, lambda conn: self._made(conn, call, known, ask))

    def _made(self, conn: Connection, call: Call, known: Known, ask: AskCode) -> Json:
        return _view(self.cards.ask_code(conn, known, ask, call.at))

    def approve(self, call: Call) -> Reply:
        """The code is shown, once for the key; kept sealed."""
        code_id, said = parse_id(call.path["code_id"], "code_id"), (call.caller.subject, call.at)

        def act(conn: Connection) -> Json:
            made, code = self.cards.approve_code(conn, code_id, call.caller.merchant_id, said)
            return {**_view(made), "code": code}

        return self.administration.write(call, act, status=200, secret=True)

    def set_pin(self, call: Call) -> Reply:
        """The member has a PIN; whoever showed the code chose it."""
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        given, caller = call.body.fields, reader_of(call)
        hashed = self.cards.hash_pin(parse_pin(given["pin"], "pin"))
        approved = self.cards.judge_code(_sought(given), given["code"], caller.merchant_id, call.at)

        def act(conn: Connection) -> Json:
            self.cards.use_code(conn, approved, call.at)
            said = (caller.subject, call.at)
            self.cards.set_pin(conn, approved.known.number, hashed, said)
            return {"set_at": format_instant(call.at)}

        return self.administration.write(call, act, status=200)

    def set_own(self, call: Call) -> Reply:
        """The member has another PIN."""
        hashed = self.cards.hash_pin(parse_pin(call.body.fields["pin"], "pin"))

        def act(conn: Connection) -> Json:
            self.cards.set_pin(conn, number_of_call(conn, call), hashed, (call.caller.subject, call.at))
            return {"set_at": format_instant(call.at)}

        return self.administration.write(call, act, status=200)


def served(door: PinsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.ask, door.approve, door.set_pin, door.set_own)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _sought(given: Json) -> Sought:
    member = parse_presented(given["member"])
    if member is None or member.may_spend:
        raise MalformedField("member", "must be a number, a card or a phone")
    return sought_of(member)


def _view(made: MadeCode) -> Json:
    return {
        "code_id": id_text(made.code_id),
        "channel": made.channel,
        "expires_at": format_instant(made.expires_at),
    }
