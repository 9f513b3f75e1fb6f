"""The desk that lets members in: codes asked for, tries counted, and whose number or card it was.

Whatever is shown costs the same work: a number that nobody has gets a row as well, and a PIN is hashed
also where there is none or where it is locked.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from ledger_service.kernel.ids import IdSource
from ledger_service.members.cards import rules
from ledger_service.members.cards.desk import CardDesk, Sought
from ledger_service.members.cards.errors import (
    CodesTooOften,
    DeliveryUnavailable,
    PinBlocked,
    PinLocked,
    PinWrong,
)
from ledger_service.members.identities import parse_identity
from ledger_service.members.logins.errors import LoginRefused
from ledger_service.members.logins.models import login_code
from ledger_service.members.models import member, member_identity

# A stranger who knows a card's number may lock its PIN for a while, but never block it at the tills.
TRIES_OF_LOGINS = rules.TRIES_TO_BLOCK - rules.TRIES_TO_LOCK
KEY_LIFE = timedelta(days=90)
_A_DAY = timedelta(days=1)
_MOST_FORGOTTEN, _NONCE_BYTES = 50, 12
_C = login_code.c
Reader = Callable[[], AbstractContextManager[Connection]]
Recorder = Callable[[Callable[[Connection], Any]], Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """What was right: a code for the number with this hash, or the PIN of this member's card."""

    phone_hash: bytes | None = None
    code_id: bytes | None = None
    member_id: int | None = None


@dataclass(frozen=True)
class LoginDesk:
    """Judges log-ins; ``delivers`` says whether a way to send codes is set up."""

    cards: CardDesk
    ids: IdSource
    delivers: bool
    read: Reader = field(repr=False)
    record: Recorder = field(repr=False)

    def ask(self, phone: str, at: datetime, *, newcomer: bool = False) -> datetime:
        """A code is on its way, if a member has the number or a ``newcomer`` asks.

        Returns:
            Until when it is good.

        Raises:
            MalformedField: no phone number. DeliveryUnavailable: no code could be sent to anybody.
            CodesTooOften: one was asked for within the minute, or a few today.
        """
        if not self.delivers:
            raise DeliveryUnavailable
        identity, vault = parse_identity("phone", phone), self.cards.vault
        phone_hash, code_id = vault.hash_of(identity), self.ids.random_bytes(16)
        sealed = vault.seal(identity, self.ids.random_bytes(_NONCE_BYTES)) if newcomer else None
        row = {
            "code_id": code_id, "phone_hash": phone_hash, "made_at": at, "expires_at": at + rules.CODE_LIFE,
            "tries": 0, "used_at": None, "sends": 0, "send_at": at, "phone_sealed": sealed,
        }  # fmt: skip

        def act(conn: Connection) -> None:
            _forget_old(conn, at)
            _check_pace(conn, phone_hash, at)
            conn.execute(insert(login_code).values(row))

        self.record(act)
        return at + rules.CODE_LIFE

    def by_code(self, phone: str, code: str, at: datetime) -> Shown:
        """The latest code of the number; a wrong try is on record when this raises.

        Raises:
            MalformedField: no phone number. LoginRefused: another code, or none in force.
        """
        phone_hash = self._hash_of(phone)
        code_id: bytes | None = self.record(lambda conn: _count_try(conn, phone_hash, at))
        right = rules.code_of(self.cards.code_master, code_id or bytes(16))
        if not rules.same_digits(right, code) or code_id is None:
            raise LoginRefused
        return Shown(phone_hash, code_id)

    def by_pin(self, card: str, pin: str, at: datetime) -> Shown:
        """The PIN of the card's member, under the counter that tills have too.

        Raises:
            LoginRefused: nobody's card, another PIN, or one that is locked.
        """
        found = self.cards.whose(Sought(card=card))
        whose = None if found is None else found[0]
        pins = replace(self.cards.pins, most_tries=TRIES_OF_LOGINS)
        try:
            pins.judge(whose, pin, self.record, at)
        except PinWrong:
            raise LoginRefused from None
        except (PinLocked, PinBlocked):
            pins.hash_of(pin, bytes(16))
            raise LoginRefused from None
        return Shown(member_id=whose)

    def admit(self, conn: Connection, shown: Shown, at: datetime) -> tuple[int, str]:
        """The code has served; returns the member's id and number.

        Raises:
            LoginRefused: it served before, or nobody has the number.
        """
        if shown.code_id is not None:
            serve(conn, shown.code_id, at)
        query = select(member.c.member_id, member.c.member_number).where(member.c.member_number.is_not(None))
        if shown.phone_hash is None:
            query = query.where(member.c.member_id == shown.member_id)
        else:
            i = member_identity.c
            query = query.join(member_identity, i.member_id == member.c.member_id)
            query = query.where(i.value_hash == shown.phone_hash, i.kind == "phone")
        row = conn.execute(query).one_or_none()
        if row is None:
            raise LoginRefused
        return int(row.member_id), str(row.member_number)

    def _hash_of(self, phone: str) -> bytes:
        return self.cards.vault.hash_of(parse_identity("phone", phone))


def serve(conn: Connection, code_id: bytes, at: datetime) -> None:
    """The code has served, and where it went is forgotten.

    Raises:
        LoginRefused: it served before.
    """
    mine = (_C.code_id == code_id) & _C.used_at.is_(None)
    its = update(login_code).where(mine).values(used_at=at, phone_sealed=None)
    if conn.execute(its).rowcount == 0:
        raise LoginRefused


def _check_pace(conn: Connection, phone_hash: bytes, at: datetime) -> None:
    mine = (_C.phone_hash == phone_hash) & (_C.made_at > at - _A_DAY)
    count, last, first = conn.execute(
        select(func.count(), func.max(_C.made_at), func.min(_C.made_at)).where(mine)
    ).one()
    ready = rules.ready_for_code(count, first, last)
    if ready is not None and at < ready:
        raise CodesTooOften(-((at - ready) // timedelta(seconds=1)))


def _count_try(conn: Connection, phone_hash: bytes, at: datetime) -> bytes | None:
    # The latest whatever became of it: one that was used does not bring back those before it.
    its = select(_C.code_id, _C.tries, _C.used_at, _C.expires_at).where(_C.phone_hash == phone_hash)
    latest = its.order_by(_C.made_at.desc(), _C.code_id).limit(1).with_for_update()
    row = conn.execute(latest).one_or_none()
    if row is None or row.used_at is not None or row.expires_at <= at or row.tries >= rules.MOST_CODE_TRIES:
        return None
    mine = _C.code_id == row.code_id
    conn.execute(update(login_code).where(mine).values(tries=row.tries + 1))
    return bytes(row.code_id)


def _forget_old(conn: Connection, at: datetime) -> None:
    old = select(_C.code_id).where(_C.made_at <= at - _A_DAY).order_by(_C.made_at).limit(_MOST_FORGOTTEN)
    ids = list(conn.execute(old).scalars())
    if ids:
        conn.execute(delete(login_code).where(_C.code_id.in_(ids)))
