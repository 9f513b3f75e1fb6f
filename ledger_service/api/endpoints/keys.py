"""API keys: issue, list, rotate, revoke; the token is shown once, to the caller who asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.members import queries as member_queries
from ledger_service.members.devices import lock_member
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.merchants import errors as refusals
from ledger_service.merchants import queries
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.keyring import KeyRing
from ledger_service.merchants.requests import IssuedKey, IssueKey, RotateKey
from ledger_service.merchants.rules import ROLE_SCOPES, ROLES_GIVEN_BY, SUBJECT_OF_ROLE

_GROUP = "API keys"
_ROLE = Text(one_of=tuple(ROLE_SCOPES))
_SUBJECT = Text(
    64, about="Terminal id, GLN of a merchant, member number, or a name of an auditor or operator"
)
_ISSUED = shapes.answer(
    "IssuedKey", key_id=Text(), token=Text(200), role=_ROLE, expires_at=Nullable(shapes.INSTANT)
)
_PROBLEMS = (*WRITE_PROBLEMS, NotYours, refusals.ApiKeyUnknown)

ISSUE = Route(
    "POST", "/v1/keys", "issue-key", scopes("key:write"), "Issue an API key", group=_GROUP, write=True,
    body=Named("NewKey", Record({"role": _ROLE, "subject": _SUBJECT}, {
        "scopes": Nullable(Listing(Text(40), 40, 1)), "label": Nullable(Text(64)),
        "expires_at": Nullable(shapes.INSTANT)})),
    problems=(*WRITE_PROBLEMS, NotYours, HouseholdAccount, refusals.RoleUnfit, refusals.GrantTooWide,
              refusals.AnotherOperator, refusals.TerminalUnknown, MemberUnknown, refusals.MerchantUnknown),
    success=Success(201, "The only answer that holds the token.", _ISSUED),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/keys", "list-keys", scopes("key:write"), "The keys of a subject", group=_GROUP,
    query={"role": Parameter(_ROLE, "Role of the subject", required=True),
           "subject": Parameter(_SUBJECT, "The subject", required=True), **PAGE_QUERY},
    problems=(NotYours, refusals.TerminalUnknown, MemberUnknown),
    success=Success(200, "A page, oldest first, without secrets.", paged("keys", Record(closed=False))),
)  # fmt: skip
ROTATE = Route(
    "POST", "/v1/keys/<key>/rotate", "rotate-key", scopes("key:write"), "A new key of the same rights",
    group=_GROUP, body=Record({}, {"overlap_seconds": Integer(0, 30 * 86_400)}), write=True,
    problems=(*_PROBLEMS, refusals.GrantTooWide, refusals.AnotherOperator),
    success=Success(201, "The new key, of the same end; the old one ends after the overlap.", _ISSUED),
)  # fmt: skip
REVOKE = Route(
    "POST", "/v1/keys/<key>/revoke", "revoke-key", scopes("key:write"), "A key is worthless", group=_GROUP,
    body=shapes.EMPTY_BODY, problems=_PROBLEMS, write=True,
    success=Success(200, "Worthless, everywhere within a second.", Record(closed=False)),
)  # fmt: skip
ROUTES = (ISSUE, LIST, ROTATE, REVOKE)


@dataclass(frozen=True, slots=True)
class KeysDoor:
    """The endpoints of this module over the merchants room's keys."""

    administration: Administration
    api_keys: ApiKeys
    keyring: KeyRing
    cursors: Cursors

    def issue(self, call: Call) -> Reply:
        """The subject has a further key; a merchant issues for itself and its tills only, and an operator
        for no further operator."""
        given = call.body.fields
        wanted, expires = given.get("scopes"), given.get("expires_at")

        def act(conn: Connection) -> Json:
            if given["role"] == "member":
                # An erasure at the same time is seen here, or comes later and finds the key.
                lock_member(conn, given["subject"], frozen_too=True)
            request = IssueKey(
                role=given["role"],
                subject_id=_subject(conn, call, given["role"], given["subject"]),
                scopes=None if wanted is None else frozenset(wanted),
                label=given.get("label"),
                expires_at=None if expires is None else parse_instant(expires, "expires_at"),
            )
            return _issued(self.api_keys.issue(conn, call.caller, request, call.at))

        return self.administration.write(call, act, secret=True)

    def list_of_subject(self, call: Call) -> Reply:
        """The keys of a subject."""
        role = call.query["role"]

        def find(conn: Connection) -> Json:
            subject_id = _subject(conn, call, role, call.query["subject"])
            subject = SUBJECT_OF_ROLE[role], subject_id
            page = self.cursors.page("keys:" + ":".join(subject), call.query)
            found = queries.keys_after(conn, subject, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda k: k.position)
            return {"keys": [_key(k) for k in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def rotate(self, call: Call) -> Reply:
        """The subject has a new key; the old one ends after the overlap."""
        overlap = timedelta(seconds=call.body.fields.get("overlap_seconds", 0))
        request = RotateKey(call.path["key"], overlap)

        def act(conn: Connection) -> Json:
            _require_own_key(conn, call)
            return _issued(self.api_keys.rotate(conn, call.caller, request, call.at))

        reply = self.administration.write(call, act, secret=True)
        self.keyring.refresh()
        return reply

    def revoke(self, call: Call) -> Reply:
        """The key is worthless."""

        def act(conn: Connection) -> Json:
            _require_own_key(conn, call)
            self.api_keys.revoke(conn, call.path["key"], call.at)
            return {"key_id": call.path["key"], "status": "revoked"}

        reply = self.administration.write(call, act, status=200)
        self.keyring.refresh()
        return reply


def served(door: KeysDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.issue, door.list_of_subject, door.rotate, door.revoke)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _subject(conn: Connection, call: Call, role: str, subject: str) -> str:
    """The subject's id as the merchants room knows it, after the check that the caller may act for it."""
    kind, own = SUBJECT_OF_ROLE[role], call.caller.merchant_id
    if role not in ROLES_GIVEN_BY.get(call.caller.role, frozenset()):
        raise NotYours("role")
    if kind == "merchant" and own is not None and parse_gln(subject, "subject") != own:
        raise NotYours("subject")
    if kind == "terminal":
        till = queries.find_terminal(conn, subject)
        if till is None or own not in (None, till.merchant_id):
            raise refusals.TerminalUnknown
    if kind == "member":
        found = member_queries.find_by_number(conn, subject)
        if found is None:
            raise MemberUnknown
        return str(found.member_id)
    return subject


def _require_own_key(conn: Connection, call: Call) -> None:
    own = call.caller.merchant_id
    if own is not None and queries.merchant_of_key(conn, call.path["key"]) != own:
        raise refusals.ApiKeyUnknown


def _key(key: queries.KeyView) -> Json:
    return {
        "key_id": key.key_id,
        "role": key.role,
        "scopes": key.scopes.split(),
        "label": key.label,
        "status": key.status,
    }


def _issued(key: IssuedKey) -> Json:
    expires_at = None if key.expires_at is None else format_instant(key.expires_at)
    return {"key_id": key.key_id, "token": key.token, "role": key.role, "expires_at": expires_at}
