"""Accounts that change: a member's own wish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import (
    DEVICE,
    NEW_DEVICE,
    WRITE_PROBLEMS,
    device_document,
    new_device,
    number_of_call,
)
from ledger_service.api.errors import NotYours
from ledger_service.api.hexadecimal import hex_text, parse_signature
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Named, Record, Text
from ledger_service.care import errors as refusals
from ledger_service.care.requests import Moved, Rotate
from ledger_service.care.service import CareService
from ledger_service.members import errors as members

_GROUP = "Members"
_SALT = Text(66, pattern="0x[0-9a-fA-F]{64}", about="32 random bytes of the member's app")
ROTATE = Route(
    "POST", "/v1/members/<number>/account/rotation", "rotate-account", scopes("member:write", "self:write"),
    "Give the member another account", group=_GROUP, write=True,
    body=Named("Rotation", Record(
        {"salt": _SALT, "device": NEW_DEVICE, "authorisation": shapes.SIGNATURE},
        about="`device` is the new account's one key, its proof names that account; `authorisation` signs "
              "AccountMove until the device's `valid_until`",
    )),
    problems=(*WRITE_PROBLEMS, NotYours, members.MemberUnknown, members.MemberFrozen, members.SignerKnown,
              members.DeviceProofInvalid, members.NumbersExhausted, refusals.MovesUnavailable,
              refusals.MovePermitInvalid, refusals.HoldsOpen, refusals.AccountUnsettled,
              refusals.MovesExhausted),
    success=Success(201, "The member is at the new account; every other device is revoked.", shapes.answer(
        "AccountMoved", account=shapes.ADDRESS, former=shapes.ADDRESS, linked=Flag(), device=DEVICE
    )),
)  # fmt: skip
ROUTES = (ROTATE,)


@dataclass(frozen=True, slots=True)
class CareDoor:
    """The endpoints of this module over the care room."""

    administration: Administration
    care: CareService

    def rotate(self, call: Call) -> Reply:
        """The member has another account, once for the idempotency key."""
        given = call.body.fields
        device = new_device(given["device"], "device.")
        salt = bytes.fromhex(given["salt"][2:])
        authorisation = parse_signature(given["authorisation"], "authorisation")

        def act(conn: Connection) -> Json:
            request = Rotate(number_of_call(conn, call), salt, device, authorisation)
            return _moved(self.care.rotate(conn, request, call.at))

        return self.administration.write(call, act)


def served(door: CareDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, (door.rotate,), strict=True)]


def _moved(moved: Moved) -> dict[str, Any]:
    return {
        "account": hex_text(moved.account),
        "former": hex_text(moved.former),
        "linked": moved.linked,
        "device": device_document(moved.device),
    }
