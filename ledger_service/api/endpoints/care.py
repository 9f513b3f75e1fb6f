"""Accounts that change: by a member's own wish, or by a case that two operators agree on."""

from __future__ import annotations

from collections.abc import Callable
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
    member_of_call,
    new_device,
    number_of_call,
)
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.hexadecimal import hex_text, parse_signature
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Named, Nullable, Record, Text
from ledger_service.care import errors as refusals
from ledger_service.care import queries
from ledger_service.care.requests import CaseView, Moved, OpenCase, OpenMerge, Rotate, Said
from ledger_service.care.rules import KINDS
from ledger_service.care.service import CareService
from ledger_service.custody.errors import SignerUnavailable
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.kernel.ids import derive_id, id_text, parse_id
from ledger_service.members import errors as members
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.points.errors import SecondPersonNeeded

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
              refusals.MovesExhausted, refusals.AccountKnown),
    success=Success(201, "The member is at the new account; every other device is revoked.", shapes.answer(
        "AccountMoved", account=shapes.ADDRESS, former=shapes.ADDRESS, linked=Flag(), device=DEVICE
    )),
)  # fmt: skip
_HASH = Text(66, pattern="0x[0-9a-fA-F]{64}", about="32-byte hash")
_CASE = shapes.answer(
    "Case", case=shapes.HEX_ID, kind=Text(), state=Text(), account=shapes.ADDRESS, successor=shapes.ADDRESS
)
OPEN = Route(
    "POST", "/v1/cases", "open-case", scopes("member:write"), "Ask that a member's account go to a new one",
    group=_GROUP, write=True,
    body=Named("NewCase", Record(
        {"member": shapes.NUMBER, "kind": Text(one_of=KINDS), "evidence": _HASH},
        {"device": Nullable(NEW_DEVICE)},
        about="`evidence` is a salted hash of what was shown; without `device` the account is custodial",
    )),
    problems=(*WRITE_PROBLEMS, HouseholdAccount, members.MemberUnknown, members.SignerKnown,
              members.DeviceProofInvalid, refusals.MovesUnavailable, refusals.CaseUnderWay,
              refusals.MovesExhausted, SignerUnavailable),
    success=Success(201, "It waits for a second person.", _CASE),
)  # fmt: skip
MERGE = Route(
    "POST", "/v1/merges", "open-merge", scopes("member:write"),
    "Ask that all of a member's goes to another account of the same person", group=_GROUP, write=True,
    body=Named("NewMerge", Record(
        {"member": shapes.NUMBER, "into": shapes.NUMBER, "evidence": _HASH},
        about="`member` closes, `into` stays; `evidence` is a salted hash of what was shown",
    )),
    problems=(*WRITE_PROBLEMS, HouseholdAccount, members.MemberUnknown, members.MemberFrozen,
              refusals.MovesUnavailable, refusals.CaseUnderWay, refusals.MovesExhausted,
              refusals.MergeWithSelf),
    success=Success(201, "A case that waits for a second person.", _CASE),
)  # fmt: skip
APPROVE = Route(
    "POST", "/v1/cases/<case>/approval", "approve-case", scopes("member:write"),
    "Approve what another person asked for; the notice begins", group=_GROUP, body=shapes.EMPTY_BODY,
    problems=(*WRITE_PROBLEMS, refusals.CaseUnknown, refusals.CaseClosed, SecondPersonNeeded), write=True,
    success=Success(200, "It goes to the recovery desk.", _CASE),
)  # fmt: skip
OBJECT = Route(
    "POST", "/v1/cases/<case>/objection", "object-to-case", scopes("member:write", "self:write"),
    "Stop a case, as its member or as the operator", group=_GROUP, body=shapes.EMPTY_BODY, write=True,
    problems=(*WRITE_PROBLEMS, NotYours, refusals.CaseUnknown, refusals.CaseClosed),
    success=Success(200, "It will not be carried out.", _CASE),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/cases/<case>", "show-case", scopes("member:read", "self:read"), "A case and its events",
    group=_GROUP, problems=(refusals.CaseUnknown, NotYours), success=Success(200, "The case.", _CASE),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/cases", "list-cases", scopes("member:read"), "Cases, by id", group=_GROUP, query=PAGE_QUERY,
    problems=(CursorRefused,), success=Success(200, "A page; without the events.", paged("cases", Record(
        {"case": shapes.HEX_ID, "kind": Text(), "state": Text(), "account": shapes.ADDRESS,
         "successor": shapes.ADDRESS, "notice_ends": Nullable(shapes.INSTANT)}, closed=False))),
)  # fmt: skip
OF_MEMBER = Route(
    "GET", "/v1/members/<number>/cases", "member-cases", scopes("member:read", "self:read"),
    "A member's cases, by id", group=_GROUP, query=PAGE_QUERY,
    problems=(CursorRefused, members.MemberUnknown, NotYours),
    success=Success(200, "A page; without the events. `may_object`: an objection would stop it now.", paged(
        "cases", Record(
            {"case": shapes.HEX_ID, "kind": Text(), "state": Text(), "account": shapes.ADDRESS,
             "successor": shapes.ADDRESS, "notice_ends": Nullable(shapes.INSTANT), "may_object": Flag()},
            closed=False))),
)  # fmt: skip
ROUTES = (ROTATE, OPEN, MERGE, APPROVE, OBJECT, SHOW, LIST, OF_MEMBER)


@dataclass(frozen=True, slots=True)
class CareDoor:
    """The endpoints of this module over the care room."""

    administration: Administration
    care: CareService
    cursors: Cursors

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

    def open(self, call: Call) -> Reply:
        """The case waits for a second person, once for the idempotency key."""
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        request, case_id = _new_case(call.body.fields), derive_id("case", call.caller.subject, call.key)
        to = self.care.successor(request, call.at)

        def act(conn: Connection) -> Json:
            self.care.cases.open(conn, case_id, request, to, Said(call.caller.subject, call.at))
            return _shown(conn, case_id)

        return self.administration.write(call, act)

    def open_merge(self, call: Call) -> Reply:
        """The merge waits for a second person, once for the idempotency key."""
        given, case_id = call.body.fields, derive_id("case", call.caller.subject, call.key)
        member, into = parse_gsrn(given["member"], "member"), parse_gsrn(given["into"], "into")
        request = OpenMerge(member, into, bytes.fromhex(given["evidence"][2:]))
        self.care.check_moves()

        def act(conn: Connection) -> Json:
            self.care.cases.open_merge(conn, case_id, request, Said(call.caller.subject, call.at))
            return _shown(conn, case_id)

        return self.administration.write(call, act)

    def approve(self, call: Call) -> Reply:
        """The case goes to the recovery desk."""
        return self._said(call, self.care.cases.approve)

    def object(self, call: Call) -> Reply:
        """The case will not be carried out."""
        return self._said(call, self.care.cases.object)

    def show(self, call: Call) -> Reply:
        """The case with its events."""
        case_id = parse_id(call.path["case"], "case")

        def find(conn: Connection) -> Json:
            _check_own(conn, call, case_id)
            return _shown(conn, case_id)

        return self.administration.read(find)

    def list(self, call: Call) -> Reply:
        """A page of cases."""
        page = self.cursors.page("cases", call.query)
        after = bytes.fromhex(page.after or "00" * 16)

        def find(conn: Connection) -> Json:
            found = queries.cases(conn, after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda one: one.case_id.hex())
            return {"cases": [_case(one) for one in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def of_member(self, call: Call) -> Reply:
        """A page of the cases that would change a member's account, or did."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            page = self.cursors.page(f"cases:{member_id}", call.query)
            found = queries.cases_of(conn, member_id, bytes.fromhex(page.after or "00" * 16), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda one: one.case_id.hex())
            told = [{**_case(one), "may_object": one.may_be_objected_to(call.at)} for one in rows]
            return {"cases": told, "next_cursor": cursor}

        return self.administration.read(find)

    def _said(self, call: Call, say: Callable[[Connection, bytes, Said], None]) -> Reply:
        case_id = parse_id(call.path["case"], "case")

        def act(conn: Connection) -> Json:
            _check_own(conn, call, case_id)
            say(conn, case_id, Said(call.caller.subject, call.at))
            return _shown(conn, case_id)

        return self.administration.write(call, act, status=200)


def served(door: CareDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (
        door.rotate, door.open, door.open_merge, door.approve, door.object, door.show, door.list,
        door.of_member,
    )  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _moved(moved: Moved) -> dict[str, Any]:
    return {
        "account": hex_text(moved.account),
        "former": hex_text(moved.former),
        "linked": moved.linked,
        "device": device_document(moved.device),
    }


def _new_case(given: dict[str, Any]) -> OpenCase:
    device = given.get("device")
    return OpenCase(
        member_number=parse_gsrn(given["member"], "member"),
        kind=given["kind"],
        evidence=bytes.fromhex(given["evidence"][2:]),
        device=None if device is None else new_device(device, "device."),
    )


def _check_own(conn: Connection, call: Call, case_id: bytes) -> None:
    own, found = call.caller.member_id, queries.find_case(conn, case_id)
    if own is not None and (found is None or own not in (found.member_id, found.stays_id)):
        raise NotYours("case")
    if found is None:
        raise refusals.CaseUnknown


def _shown(conn: Connection, case_id: bytes) -> Json:
    found = queries.find_case(conn, case_id)
    if found is None:
        raise refusals.CaseUnknown
    events = [
        {"kind": kind, "by": by, "at": format_instant(at)}
        for kind, by, at in queries.events_of(conn, case_id)
    ]
    return {**_case(found), "events": events}


def _case(found: CaseView) -> Json:
    return {
        "case": id_text(found.case_id),
        "kind": found.kind,
        "state": found.state,
        "account": hex_text(found.account),
        "successor": hex_text(found.successor),
        "evidence": hex_text(found.evidence),
        "announcement": found.number,
        "notice_ends": None if found.ripe_at is None else format_instant(found.ripe_at),
    }
