"""Passkeys over HTTP: made and ended by the member, asked for by whoever logs in."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call
from ledger_service.api.endpoints.webhooks import shown_instant
from ledger_service.api.errors import CredentialsRefused, NotYours
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free, Listing, Named, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.text import clean_text
from ledger_service.members.devices import lock_member
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.passkeys import errors as refusals
from ledger_service.members.passkeys.desk import PasskeyDesk, end, passkeys_of
from ledger_service.members.passkeys.rules import LONGEST_LABEL, MOST_PASSKEYS
from ledger_service.merchants.queries import is_in_force

_GROUP, _BASE = "Passkeys", "/v1/members/<number>/passkeys"
_LONGEST = 16_384
_BASE64URL = Text(_LONGEST, pattern="[A-Za-z0-9_-]+", about="Base64url")
_ABOUT = "As `navigator.credentials` answers it, by `toJSON()` (W3C Web Authentication Level 3)"


_UNREAD = Free("Not read")


def _credential(parts: tuple[str, ...], unread: tuple[str, ...]) -> Record:
    """A device's answer, and what else a browser sends along."""
    response = Record(dict.fromkeys(("clientDataJSON", *parts), _BASE64URL), dict.fromkeys(unread, _UNREAD))
    return Record(
        {"id": _BASE64URL, "rawId": _BASE64URL, "type": Text(one_of=("public-key",)), "response": response},
        {"authenticatorAttachment": _UNREAD, "clientExtensionResults": _UNREAD}, about=_ABOUT,
    )  # fmt: skip


ASSERTED = Named("PasskeyAssertion", _credential(("authenticatorData", "signature"), ("userHandle",)))
_ATTESTED = Named("PasskeyAttestation", _credential(
    ("attestationObject",), ("authenticatorData", "transports", "publicKey", "publicKeyAlgorithm")
))  # fmt: skip
_PASSKEY = Named("Passkey", Record({
    "passkey": shapes.HEX_ID, "label": Text(LONGEST_LABEL), "made_at": shapes.INSTANT,
    "used_at": Nullable(shapes.INSTANT),
}, closed=False))  # fmt: skip
_OPTIONS = Record(
    {"options": Free("What the browser is to be asked, as JSON of WebAuthn Level 3")}, closed=False
)
LIST = Route(
    "GET", _BASE, "list-passkeys", scopes("self:read", "member:read"), "A member's passkeys", group=_GROUP,
    problems=(NotYours, MemberUnknown),
    success=Success(200, "The oldest first.", Record(
        {"passkeys": Listing(_PASSKEY, MOST_PASSKEYS)}, closed=False)),
)  # fmt: skip
OFFER = Route(
    "POST", f"{_BASE}/options", "offer-passkey", scopes("self:write"),
    "What a device is to be asked to make a passkey", group=_GROUP, body=shapes.EMPTY_BODY,
    problems=(NotYours, MemberUnknown, refusals.PasskeysNotOffered, refusals.PasskeyLimitReached),
    success=Success(200, "Good for ten minutes; nothing is kept of it.", _OPTIONS),
)  # fmt: skip
KEEP = Route(
    "POST", _BASE, "keep-passkey", scopes("self:write"),
    "The passkey that a device has made is the member's", group=_GROUP, write=True,
    body=Named("NewPasskey", Record({
        "label": Text(LONGEST_LABEL, about="What the member calls it"),
        "credential": _ATTESTED,
    })),
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, refusals.PasskeysNotOffered,
              refusals.PasskeyRefused, refusals.PasskeyLimitReached),
    success=Success(201, "The member logs in with it.", _PASSKEY),
)  # fmt: skip
END = Route(
    "POST", f"{_BASE}/<passkey>/end", "end-passkey", scopes("self:write", "member:write"),
    "The passkey opens nothing any more", group=_GROUP, write=True, body=shapes.EMPTY_BODY,
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, refusals.PasskeyUnknown),
    success=Success(200, "Gone; keys that it opened end by themselves or by their own routes.", Record(
        {"passkey": shapes.HEX_ID}, closed=False)),
)  # fmt: skip
ASK = Route(
    "POST", "/v1/passkey-challenges", "ask-passkey", PUBLIC,
    "What a device is to be asked to log somebody in", group="Log-ins", limited=True,
    body=shapes.EMPTY_BODY, problems=(refusals.PasskeysNotOffered,),
    success=Success(200, "Good for ten minutes and one log-in; nothing is kept of it.", _OPTIONS),
)  # fmt: skip
ROUTES = (LIST, OFFER, KEEP, END, ASK)


@dataclass(frozen=True, slots=True)
class PasskeysDoor:
    """The endpoints of this module over the desk of passkeys."""

    administration: Administration
    passkeys: PasskeyDesk

    def list(self, call: Call) -> Reply:
        """The member's passkeys."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            return {"passkeys": [_passkey(row) for row in passkeys_of(conn, member_id)]}

        return self.administration.read(find)

    def offer(self, call: Call) -> Reply:
        """The options."""
        return Reply({"options": self.passkeys.offer(*self._whose(call), call.at)})

    def keep(self, call: Call) -> Reply:
        """The passkey is kept; the device's answer is judged before the write begins."""
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        given = call.body.fields
        label = clean_text(given["label"], "label", LONGEST_LABEL)
        member_id, number = self._whose(call)
        new = self.passkeys.judge_made(member_id, given["credential"], call.at)

        def act(conn: Connection) -> Json:
            # Who is frozen, as after a theft, gets no further way in, as it gets no PIN.
            lock_member(conn, number)
            # A recovery of a moment ago has ended this key, and processes hear of that within a second.
            if not is_in_force(conn, call.caller.key_id):
                raise CredentialsRefused
            return _passkey(self.passkeys.keep(conn, member_id, new, label, call.at))

        return self.administration.write(call, act)

    def end(self, call: Call) -> Reply:
        """The passkey is gone."""
        passkey_id = parse_id(call.path["passkey"], "passkey")

        def act(conn: Connection) -> Json:
            end(conn, member_of_call(conn, call).member_id, passkey_id)
            return {"passkey": id_text(passkey_id)}

        return self.administration.write(call, act, status=200)

    def ask(self, call: Call) -> Reply:
        """The options of whoever comes."""
        return Reply({"options": self.passkeys.ask(call.at)})

    def _whose(self, call: Call) -> tuple[int, str]:
        with self.passkeys.read() as conn:
            return member_of_call(conn, call).member_id, call.path["number"]


def served(door: PasskeysDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.list, door.offer, door.keep, door.end, door.ask)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _passkey(row: RowMapping) -> Json:
    return {
        "passkey": id_text(row["passkey_id"]), "label": row["label"],
        "made_at": format_instant(row["made_at"]), "used_at": shown_instant(row["used_at"]),
    }  # fmt: skip
