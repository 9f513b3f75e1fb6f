"""Logging in without an API key: a code sent to a phone number, a card with its PIN, or a passkey."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.passkeys import ASSERTED
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success
from ledger_service.api.schema import Either, Named, Record, Text
from ledger_service.kernel.clock import format_instant
from ledger_service.members.cards import errors as card_refusals
from ledger_service.members.devices import lock_member
from ledger_service.members.logins.desk import KEY_LIFE, LoginDesk, Shown
from ledger_service.members.logins.errors import LoginRefused
from ledger_service.members.passkeys.desk import PasskeyDesk
from ledger_service.members.passkeys.desk import Shown as ShownPasskey
from ledger_service.members.passkeys.desk import admit as admit_passkey
from ledger_service.members.passkeys.errors import PasskeysNotOffered
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssueKey

GROUP = "Log-ins"
_LABEL = "log-in"
# As many of a member's log-ins are in force at once; the oldest end first.
_MOST_KEYS = 20
BEGUN = shapes.answer(
    "Login", number=shapes.NUMBER, key_id=shapes.KEY_ID, token=Text(200), expires_at=shapes.INSTANT
)
ASK = Route(
    "POST", "/v1/login-codes", "ask-login-code", PUBLIC,
    "Send a member a code for logging in; the answer is the same whether somebody has the number or not",
    group=GROUP, limited=True, guessed=True, body=Named("NewLoginCode", Record({"phone": shapes.PHONE})),
    problems=(card_refusals.DeliveryUnavailable, card_refusals.CodesTooOften),
    success=Success(202, "It is on its way, if a member has the number.", shapes.answer(
        "LoginCode", expires_at=shapes.INSTANT)),
)  # fmt: skip
LOG_IN = Route(
    "POST", "/v1/logins", "log-in", PUBLIC, "A member's key, for a code, a card with its PIN, or a passkey",
    group=GROUP, limited=True, guessed=True, write=True,
    body=Named("NewLogin", Either((
        Record({"phone": shapes.PHONE, "code": shapes.TILL_CODE}),
        Record({"card": shapes.CARD, "pin": shapes.PIN}),
        Record({"passkey": ASSERTED}),
    ))),
    problems=(*WRITE_PROBLEMS, LoginRefused, PasskeysNotOffered),
    success=Success(201, "The only answer that holds the token; it has a member's rights and an end.",
                    BEGUN),
)  # fmt: skip
ROUTES = (ASK, LOG_IN)


@dataclass(frozen=True, slots=True)
class LoginsDoor:
    """The endpoints of this module over the members' log-ins and the keys they end with."""

    administration: Administration
    logins: LoginDesk
    passkeys: PasskeyDesk
    api_keys: ApiKeys

    def ask(self, call: Call) -> Reply:
        """A code is on its way, if a member has the number."""
        until = self.logins.ask(call.body.fields["phone"], call.at)
        return Reply({"expires_at": format_instant(until)}, 202)

    def log_in(self, call: Call) -> Reply:
        """The member has a further key in force; a retry gets the same one."""
        replay = self.administration.replay(call, secret=True)
        if replay is not None:
            return replay
        shown = self._judged(call)
        return self.administration.write(call, lambda conn: self._admitted(conn, call, shown), secret=True)

    def _judged(self, call: Call) -> Shown | ShownPasskey:
        given = call.body.fields
        if "passkey" in given:
            return self.passkeys.judge_shown(given["passkey"], call.at)
        if "card" in given:
            return self.logins.by_pin(given["card"], given["pin"], call.at)
        return self.logins.by_code(given["phone"], given["code"], call.at)

    def _admitted(self, conn: Connection, call: Call, shown: Shown | ShownPasskey) -> Json:
        passkey = shown if isinstance(shown, ShownPasskey) else None
        right = shown if isinstance(shown, Shown) else Shown(member_id=shown.member_id)
        member_id, number = self.logins.admit(conn, right, call.at)
        # An erasure or recovery at the same time is seen here, or comes later and finds the key.
        lock_member(conn, number, frozen_too=True)
        if passkey is not None:
            admit_passkey(conn, passkey, call.at)
        return begun(conn, self.api_keys, (member_id, number), call.at)


def begun(conn: Connection, api_keys: ApiKeys, whose: tuple[int, str], at: datetime) -> Json:
    """A key of the member (row, number) that ends."""
    member_id, number = whose
    expires_at = at + KEY_LIFE
    request = IssueKey("member", str(member_id), None, _LABEL, expires_at)
    issued = api_keys.issue(conn, None, request, at)
    api_keys.keep_latest(conn, ("member", str(member_id)), (_LABEL, _MOST_KEYS), at)
    return {
        "number": number,
        "key_id": issued.key_id,
        "token": issued.token,
        "expires_at": format_instant(expires_at),
    }


def served(door: LoginsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(ASK, door.ask), Served(LOG_IN, door.log_in)]
