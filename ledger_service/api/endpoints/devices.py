"""Devices of members: register a key, allow digits, revoke; and whose member a call may name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.errors import NotYours
from ledger_service.api.hexadecimal import hex_text, parse_address, parse_signature
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Named, Nullable, Record, Text
from ledger_service.checkout.archive_errors import AnswerArchived
from ledger_service.checkout.errors import IdempotencyKeyReused
from ledger_service.custody.errors import SignerUnavailable
from ledger_service.db.errors import StorageUnavailable, WriterBusy
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.members import errors as refusals
from ledger_service.members import queries
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.members.requests import DeviceView, NewDevice, RevokeDevice
from ledger_service.members.service import MembersService

_GROUP = "Members"
WRITE_PROBLEMS = (IdempotencyKeyReused, AnswerArchived, WriterBusy, StorageUnavailable)
_DEVICE_PROBLEMS = (
    refusals.MemberFrozen, refusals.SignerKnown, refusals.DeviceLimitReached, refusals.DeviceProofInvalid,
    refusals.GrantInvalid, refusals.NumbersExhausted, HouseholdAccount,
)  # fmt: skip
NEW_DEVICE = Named(
    "NewDevice",
    Record(
        {"signer": shapes.ADDRESS, "valid_until": Integer(1, 2**40 - 1), "proof": shapes.SIGNATURE},
        {"authorisation": Nullable(shapes.SIGNATURE), "label": Nullable(Text(64))},
        about="A key and its own signature of SignerGrant; `valid_until` in seconds since 1970",
    ),
)
DEVICE = shapes.answer(
    "Device", lane=Integer(), signer=shapes.ADDRESS, custodial=Flag(), active_from=shapes.INSTANT
)
ADD_DEVICE = Route(
    "POST", "/v1/members/<number>/devices", "add-device", scopes("member:write", "self:write"),
    "Register a key", group=_GROUP, body=NEW_DEVICE, write=True,
    problems=(*WRITE_PROBLEMS, refusals.MemberUnknown, NotYours, *_DEVICE_PROBLEMS),
    success=Success(201, "Registered; active at once or after 24 hours (D1).", DEVICE),
)  # fmt: skip
ALLOW_DIGITS = Route(
    "POST", "/v1/members/<number>/digits", "allow-digits", scopes("member:write", "self:write"),
    "Let a member pay with 18 digits, signed in custody", group=_GROUP, body=shapes.EMPTY_BODY, write=True,
    problems=(*WRITE_PROBLEMS, refusals.MemberUnknown, NotYours, *_DEVICE_PROBLEMS, SignerUnavailable),
    success=Success(201, "The custodial key is a signer.", DEVICE),
)  # fmt: skip
REVOKE_DEVICE = Route(
    "POST", "/v1/members/<number>/devices/<device>/revoke", "revoke-device",
    scopes("member:write", "self:write"), "A key signs nothing from now on", group=_GROUP, write=True,
    body=Record({}, {"valid_until": Integer(1, 2**40 - 1), "authorisation": Nullable(shapes.SIGNATURE)}),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.MemberUnknown, refusals.DeviceUnknown,
              refusals.GrantInvalid),
    success=Success(200, "Revoked.", Record(closed=False)),
)  # fmt: skip
ROUTES = (ADD_DEVICE, ALLOW_DIGITS, REVOKE_DEVICE)


@dataclass(frozen=True, slots=True)
class DevicesDoor:
    """The endpoints of this module over the members room."""

    administration: Administration
    members: MembersService

    def add_device(self, call: Call) -> Reply:
        """A key is registered, once for the idempotency key."""
        new = new_device(call.body.fields, "")

        def act(conn: Connection) -> Json:
            number = number_of_call(conn, call)
            return device_document(self.members.add_device(conn, number, new, call.at))

        return self.administration.write(call, act, secret=True)

    def allow_digits(self, call: Call) -> Reply:
        """The custodial key is a signer of the account."""
        replay = self.administration.replay(call, secret=True)
        if replay is not None:
            return replay
        account = self._account(call)
        signer = self.members.custodial_signer(account)

        def act(conn: Connection) -> Json:
            number = number_of_call(conn, call)
            return device_document(self.members.allow_digits(conn, number, signer, call.at))

        return self.administration.write(call, act, secret=True)

    def revoke_device(self, call: Call) -> Reply:
        """The device of a lane is revoked."""
        given = call.body.fields
        authorisation = _optional_signature(given, "")
        lane = _lane(call.path["device"])

        def act(conn: Connection) -> Json:
            number = number_of_call(conn, call)
            request = RevokeDevice(number, lane, given.get("valid_until") or 0, authorisation)
            self.members.revoke_device(conn, request, call.at)
            return {"lane": lane, "revoked_at": format_instant(call.at)}

        return self.administration.write(call, act, status=200)

    def _account(self, call: Call) -> bytes:
        found: list[bytes] = []

        def find(conn: Connection) -> Json:
            found.append(member_of_call(conn, call).account)
            return {}

        self.administration.read(find)
        return found[0]


def served(door: DevicesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.add_device, door.allow_digits, door.revoke_device)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def member_of_call(conn: Connection, call: Call) -> queries.MemberView:
    """The member of the path, which a member's own key may only name itself.

    Raises:
        MemberUnknown: nobody has the number.
        NotYours: it is another member than the key's.
    """
    return allowed_member(call, queries.find_by_number(conn, parse_gsrn(call.path["number"], "number")))


def allowed_member(call: Call, found: queries.MemberView | None) -> queries.MemberView:
    """The member that was found for the call, if it may be named.

    Raises:
        MemberUnknown: nobody has the number.
        NotYours: it is another member than the key's.
    """
    own = call.caller.member_id
    if own is not None and (found is None or found.member_id != own):
        raise NotYours("number")
    if found is None:
        raise refusals.MemberUnknown
    return found


def number_of_call(conn: Connection, call: Call) -> str:
    """The member number of the path, after the check that the caller may name it."""
    return str(member_of_call(conn, call).member_number)


def new_device(fields: dict[str, Any], where: str) -> NewDevice:
    """The device of a body; ``where`` is put before the names of its fields in a refusal.

    Raises:
        MalformedField: an address or signature that is none.
    """
    return NewDevice(
        signer=parse_address(fields["signer"], f"{where}signer"),
        valid_until=fields["valid_until"],
        proof=parse_signature(fields["proof"], f"{where}proof"),
        authorisation=_optional_signature(fields, where),
        label=fields.get("label"),
    )


def _optional_signature(fields: dict[str, Any], where: str) -> bytes:
    given = fields.get("authorisation")
    return b"" if given is None else parse_signature(given, f"{where}authorisation")


def _lane(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise MalformedField("device", "must be the lane of a device")
    return int(text)


def device_document(device: DeviceView) -> Json:
    """The device as JSON; with what its app needs for digits where the view has it."""
    shown: Json = {
        "lane": device.lane,
        "signer": hex_text(device.signer),
        "custodial": device.custodial,
        "label": device.label,
        "active_from": format_instant(device.active_from),
        "revoked_at": None if device.revoked_at is None else format_instant(device.revoked_at),
    }
    if device.digits is not None:
        shown["digits"] = {"number": device.digits.number, "secret": device.digits.secret.hex()}
    return shown


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
