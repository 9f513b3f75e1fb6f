"""The desk of passkeys: options, what devices answer to them, which there are and how one ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from ledger_service.kernel.ids import IdSource
from ledger_service.members.logins.errors import LoginRefused
from ledger_service.members.passkeys import ceremonies, rules
from ledger_service.members.passkeys.ceremonies import CeremonyFailed, Known, Made
from ledger_service.members.passkeys.errors import (
    PasskeyLimitReached,
    PasskeyRefused,
    PasskeysNotOffered,
    PasskeyUnknown,
)
from ledger_service.members.passkeys.models import passkey
from ledger_service.members.passkeys.rules import Site

_P = passkey.c
_ID_BYTES = 16
Reader = Callable[[], AbstractContextManager[Connection]]
Credential = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """A challenge that was answered rightly, and when it was made."""

    challenge: bytes
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """A passkey that has just signed; it opens once ``PasskeyDesk.admit`` has noted it."""

    passkey_id: bytes
    member_id: int
    sign_count: int
    answered: Answered


@dataclass(frozen=True)
class PasskeyDesk:
    """Makes passkeys and judges what they sign; ``site`` is None where none can be offered."""

    site: Site | None
    alliance: str
    secret: bytes = field(repr=False)
    ids: IdSource = field(repr=False)
    read: Reader = field(repr=False)

    def offer(self, member_id: int, number: str, at: datetime) -> dict[str, Any]:
        """The options to make a passkey with, good for ten minutes; nothing is kept.

        Raises:
            PasskeysNotOffered: the service has no name.
            PasskeyLimitReached: the member has ten.
        """
        site = self._site()
        with self.read() as conn:
            had = list(conn.execute(select(_P.credential_id).where(_P.member_id == member_id)).scalars())
        if len(had) >= rules.MOST_PASSKEYS:
            raise PasskeyLimitReached(rules.MOST_PASSKEYS)
        handle = rules.handle_of(self.secret, member_id)
        challenge = self._challenge(rules.registering(member_id), at)
        return ceremonies.options_to_make(site, self.alliance, (handle, number), challenge, had)

    def judge_made(self, member_id: int, credential: Credential, at: datetime) -> tuple[Made, Answered]:
        """The passkey that the device made; nothing is kept yet.

        Raises:
            PasskeysNotOffered: the service has no name. PasskeyRefused: it makes none.
        """
        site = self._site()
        try:
            answered = self._answered(credential, rules.registering(member_id), at)
            return ceremonies.made(site, credential, answered.challenge), answered
        except CeremonyFailed:
            raise PasskeyRefused from None

    def ask(self, at: datetime) -> dict[str, Any]:
        """The options to log in with, for whoever comes; nothing is kept.

        Raises:
            PasskeysNotOffered: the service has no name.
        """
        return ceremonies.options_to_log_in(self._site(), self._challenge(rules.LOGIN, at))

    def judge_shown(self, credential: Credential, at: datetime) -> Shown:
        """The passkey that has signed a challenge of ours; of one that nobody has the work is the same.

        Raises:
            PasskeysNotOffered: the service has no name. LoginRefused: it has not, or there is none.
        """
        site = self._site()
        try:
            row = self._found(ceremonies.credential_id_in(credential))
            answered = self._answered(credential, rules.LOGIN, at)
            known = ceremonies.NOBODYS if row is None else Known(row["public_key"], row["sign_count"])
            count = ceremonies.shown(site, credential, answered.challenge, known)
        except CeremonyFailed:
            raise LoginRefused from None
        if row is None:
            raise LoginRefused
        return Shown(row["passkey_id"], row["member_id"], count, answered)

    def keep(
        self, conn: Connection, member_id: int, new: tuple[Made, Answered], label: str, at: datetime
    ) -> RowMapping:
        """The passkey is the member's.

        Locks: the member's row must be locked.

        Raises:
            PasskeyRefused: there is one of that id. PasskeyLimitReached: the member has ten.
        """
        made, answered = new
        its = select(func.count()).select_from(passkey)
        if conn.execute(its.where(_P.member_id == member_id)).scalar_one() >= rules.MOST_PASSKEYS:
            raise PasskeyLimitReached(rules.MOST_PASSKEYS)
        known = _hash(made.credential_id)
        if conn.execute(its.where(_P.credential_hash == known)).scalar_one():
            raise PasskeyRefused
        passkey_id = self.ids.random_bytes(_ID_BYTES)
        row = {
            "passkey_id": passkey_id, "member_id": member_id, "credential_hash": known,
            "credential_id": made.credential_id, "public_key": made.public_key,
            "sign_count": made.sign_count, "label": label, "made_at": at, "used_at": None,
            "challenged_at": answered.made_at, "last_challenge": answered.challenge,
        }  # fmt: skip
        conn.execute(insert(passkey).values(row))
        return conn.execute(select(passkey).where(_P.passkey_id == passkey_id)).mappings().one()

    def _site(self) -> Site:
        if self.site is None:
            raise PasskeysNotOffered
        return self.site

    def _challenge(self, purpose: bytes, at: datetime) -> bytes:
        return rules.challenge_of(self.secret, purpose, self.ids.random_bytes(rules.NONCE_BYTES), at)

    def _answered(self, credential: Credential, purpose: bytes, at: datetime) -> Answered:
        challenge = ceremonies.challenge_in(credential)
        made_at = rules.made_at(self.secret, purpose, challenge, at)
        if made_at is None:
            raise CeremonyFailed
        return Answered(challenge, made_at)

    def _found(self, credential_id: bytes) -> RowMapping | None:
        its = select(passkey).where(_P.credential_hash == _hash(credential_id))
        with self.read() as conn:
            return conn.execute(its).mappings().one_or_none()


def admit(conn: Connection, shown: Shown, at: datetime) -> None:
    """The passkey has served for its challenge, which serves no second time.

    Locks: the member's row must be locked, as by whoever ends all its passkeys.

    Raises:
        LoginRefused: it served before, a later one did, or the passkey was ended a moment ago.
    """
    answered = shown.answered
    mine = (
        (_P.passkey_id == shown.passkey_id) & (_P.challenged_at <= answered.made_at)
        & (_P.last_challenge != answered.challenge)
    )  # fmt: skip
    new = {
        "sign_count": shown.sign_count, "used_at": at, "challenged_at": answered.made_at,
        "last_challenge": answered.challenge,
    }  # fmt: skip
    if conn.execute(update(passkey).where(mine).values(new)).rowcount == 0:
        raise LoginRefused


def passkeys_of(conn: Connection, member_id: int) -> Sequence[RowMapping]:
    """A member's passkeys, the oldest first; ten at most."""
    its = select(passkey).where(_P.member_id == member_id)
    return conn.execute(its.order_by(_P.made_at, _P.passkey_id)).mappings().all()


def end(conn: Connection, member_id: int, passkey_id: bytes) -> None:
    """The passkey opens nothing any more.

    Raises:
        PasskeyUnknown: no such passkey of this member.
    """
    mine = (_P.passkey_id == passkey_id) & (_P.member_id == member_id)
    if conn.execute(delete(passkey).where(mine)).rowcount == 0:
        raise PasskeyUnknown


def end_all(conn: Connection, member_id: int) -> None:
    """No passkey of the member opens anything any more.

    Locks: the member's row must be locked: a log-in that has it first is seen by who ends its key next.
    """
    conn.execute(delete(passkey).where(_P.member_id == member_id))


def _hash(credential_id: bytes) -> bytes:
    return sha256(credential_id).digest()
