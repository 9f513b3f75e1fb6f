"""Members: enrol, identify, look at, freeze, erase."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import (
    DEVICE,
    NEW_DEVICE,
    WRITE_PROBLEMS,
    device_document,
    member_of_call,
    new_device,
    number_of_call,
)
from ledger_service.api.errors import NotYours
from ledger_service.api.hexadecimal import hex_text
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Listing, Named, Nullable, Record, Text
from ledger_service.custody.errors import SignerUnavailable
from ledger_service.insight.erasing import erase_everywhere
from ledger_service.kernel.ids import parse_id
from ledger_service.members import errors as refusals
from ledger_service.members import queries
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.members.identities import parse_card, parse_identity
from ledger_service.members.requests import Enrolled, EnrolMember
from ledger_service.members.service import MembersService
from ledger_service.merchants.keyring import KeyRing
from ledger_service.referrals.links.binding import Binder

_GROUP = "Members"
_MEMBER = shapes.answer(
    "Member", number=shapes.NUMBER, account=shapes.ADDRESS, status=Text(), custody=Text(),
    devices=Listing(DEVICE, queries.MOST_LISTED),
)  # fmt: skip
_KIND = Text(
    pattern="(phone|email|social:[a-z0-9][a-z0-9._-]{0,31})", about="phone, email or social:<provider>"
)
_IDENTITY = Record({"kind": _KIND, "value": Text(320)})
_SOUGHT_KIND = Text(
    pattern="(phone|email|card|social:[a-z0-9][a-z0-9._-]{0,31})",
    about="phone, email, social:<provider>, or card for the number on a card",
)
_SOUGHT = Record({"kind": _SOUGHT_KIND, "value": Text(320)})

ENROL = Route(
    "POST", "/v1/members", "enrol-member", scopes("member:enrol"), "Enrol a member", group=_GROUP, write=True,
    body=Named("Enrolment", Record({}, {
        "display_name": Nullable(Text(200)), "identities": Listing(_IDENTITY, 8),
        "custody": Text(one_of=("device", "custodial")), "device": Nullable(NEW_DEVICE),
        "touch": Nullable(shapes.HEX_ID),
    })),
    problems=(*WRITE_PROBLEMS, refusals.IdentityTaken, refusals.DeviceProofInvalid, refusals.NumbersExhausted,
              refusals.MemberUnknown, SignerUnavailable),
    success=Success(201, "Enrolled.", _MEMBER),
)  # fmt: skip
IDENTIFY = Route(
    "POST", "/v1/members/identify", "identify-member", scopes("member:identify"), "Find a member by identity",
    group=_GROUP, body=_SOUGHT, problems=(refusals.MemberUnknown,),
    success=Success(200, "The member's number.", shapes.answer("MemberNumber", number=shapes.NUMBER)),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/members/<number>", "show-member", scopes("member:read", "self:read"),
    "A member and its devices", group=_GROUP, problems=(refusals.MemberUnknown, NotYours),
    success=Success(200, "The member.", _MEMBER),
)  # fmt: skip
FREEZE = Route(
    "POST", "/v1/members/<number>/freeze", "freeze-member", scopes("member:write", "self:write"),
    "Freeze or thaw a member; a member freezes itself, and an operator thaws it", group=_GROUP,
    body=Record({"frozen": Flag()}), problems=(*WRITE_PROBLEMS, refusals.MemberUnknown, NotYours),
    success=Success(200, "Done.", Record(closed=False)), write=True,
)  # fmt: skip
ERASE = Route(
    "POST", "/v1/members/<number>/erase", "erase-member", scopes("member:write", "self:write"),
    "Destroy what is personal; a member has itself forgotten", group=_GROUP, write=True,
    body=shapes.EMPTY_BODY,
    problems=(*WRITE_PROBLEMS, refusals.MemberUnknown, NotYours, HouseholdAccount),
    success=Success(200, "Erased for good; the number is gone.", Record(closed=False)),
)  # fmt: skip
ROUTES = (ENROL, IDENTIFY, SHOW, FREEZE, ERASE)


@dataclass(frozen=True, slots=True)
class MembersDoor:
    """The endpoints of this module over the members room."""

    administration: Administration
    members: MembersService
    keyring: KeyRing
    binder: Binder

    def enrol(self, call: Call) -> Reply:
        """A member is enrolled, once for the key."""
        replay = self.administration.replay(call, secret=True)
        if replay is not None:
            self.administration.read(lambda conn: _still_known(conn, replay))
            return replay
        new = replace(_enrolment(call.body.fields), enrolled_by=call.caller.merchant_id)
        prepared, touch = self.members.prepare([new], call.at), _touch(call)

        def act(conn: Connection) -> Json:
            enrolled = self.members.enrol(conn, prepared, call.at)[0]
            if touch is not None:
                self.binder.bind_newcomer(conn, touch, enrolled.member_id, call.at)
            return _enrolled(enrolled)

        return self.administration.write(call, act, secret=True)

    def identify(self, call: Call) -> Reply:
        """The number of the member with an identity."""
        kind, value = call.body.fields["kind"], call.body.fields["value"]
        card = parse_card(value, "value") if kind == "card" else None
        identity = card or parse_identity(kind, value)

        def find(conn: Connection) -> Json:
            seek = queries.find_by_identity if card is None else queries.find_by_card
            found = seek(conn, self.members.vault, identity)
            if found is None or found.member_number is None:
                raise refusals.MemberUnknown
            return {"number": found.member_number}

        return self.administration.read(find)

    def show(self, call: Call) -> Reply:
        """The member with its devices."""

        def find(conn: Connection) -> Json:
            found = member_of_call(conn, call)
            devices = [device_document(d) for d in queries.list_devices(conn, found.member_id)]
            return {
                "number": found.member_number, "account": hex_text(found.account), "status": found.status,
                "custody": found.custody, "devices": devices,
            }  # fmt: skip

        return self.administration.read(find)

    def freeze(self, call: Call) -> Reply:
        """The member is frozen or thawed."""
        frozen = call.body.fields["frozen"]
        if not frozen:
            # Whoever holds a stolen phone would thaw what its owner froze.
            call.caller.require("member:write")

        def act(conn: Connection) -> Json:
            number = number_of_call(conn, call)
            self.members.set_frozen(conn, number, frozen, call.at)
            return {"number": number, "frozen": frozen}

        return self.administration.write(call, act, status=200)

    def erase(self, call: Call) -> Reply:
        """What is personal is destroyed and the member's keys are worthless."""

        def act(conn: Connection) -> Json:
            erase_everywhere(conn, self.members.erase, number_of_call(conn, call), call.at)
            return {"erased": True}

        reply = self.administration.write(call, act, status=200)
        self.keyring.refresh()
        return reply


def served(door: MembersDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.enrol, door.identify, door.show, door.freeze, door.erase)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _still_known(conn: Connection, replay: Reply) -> Json:
    """Whoever enrolled a member that was erased meanwhile is not told again what was destroyed (D15)."""
    if queries.find_by_number(conn, orjson.loads(replay.body)["number"]) is None:
        raise refusals.MemberUnknown
    return {}


def _touch(call: Call) -> bytes | None:
    """The touch of a share link that brought the newcomer; one that does not count costs nobody anything."""
    touch = call.body.fields.get("touch")
    return None if touch is None else parse_id(touch, "touch")


def _enrolment(fields: dict[str, Any]) -> EnrolMember:
    identities = tuple(parse_identity(i["kind"], i["value"]) for i in fields.get("identities", ()))
    device = fields.get("device")
    return EnrolMember(
        display_name=fields.get("display_name"),
        identities=identities,
        custody=fields.get("custody", "device"),
        device=None if device is None else new_device(device, "device."),
    )


def _enrolled(member: Enrolled) -> Json:
    return {
        "number": member.member_number,
        "account": hex_text(member.account),
        "status": "active",
        "custody": member.custody,
        "devices": [device_document(d) for d in member.devices],
    }
