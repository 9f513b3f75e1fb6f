"""PINs: set by a member, kept as a slow hash over a keyed tag, tried under a counter that no burst outruns.

A try is on record before it is judged, and taken off again when it was right; so however many tills and
processes try at once, no more than so many are judged. Unknown cards, members without a PIN and wrong PINs
cost the same look, the same hash and the same write.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.kernel.ids import IdSource
from ledger_service.members.cards import rules
from ledger_service.members.cards.errors import PinWrong
from ledger_service.members.cards.models import member_access

Recorder = Callable[[Callable[[Connection], "Tried | None"]], "Tried | None"]
_NOBODY = 0
_SALT_BYTES = 16
# OWASP's second choice for Argon2id: 19 MiB and two passes; the tag below is keyed besides.
_MEMORY_KIB, _PASSES, _LANES, _HASH_BYTES = 19_456, 2, 1, 32


@dataclass(frozen=True, slots=True)
class Tried:
    """A try on record: which PIN it is judged by, and the number of the permit that it may ask for."""

    salt: bytes
    pin_hash: bytes
    set_at: datetime
    nonce: int


@dataclass(frozen=True)
class Pins:
    """Hashes and judges PINs with a key of the service's own; ``most_tries`` wrong ones in a row end it."""

    secret: bytes
    ids: IdSource
    most_tries: int = rules.TRIES_TO_BLOCK

    def hash_of(self, pin: str, salt: bytes) -> bytes:
        """What a table keeps of a PIN; takes some tens of milliseconds and 19 MiB."""
        tag = hmac.digest(self.secret, b"alliance pin v1" + salt + pin.encode(), sha256)
        kdf = Argon2id(
            salt=salt, length=_HASH_BYTES, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
        )
        return kdf.derive(tag)

    def prepare(self, pin: str) -> tuple[bytes, bytes]:
        """A fresh salt and the hash of a new PIN; before a unit of work, since it is slow.

        Raises:
            PinTooEasy: one that is tried first.
        """
        rules.check_new_pin(pin)
        salt = self.ids.random_bytes(_SALT_BYTES)
        return salt, self.hash_of(pin, salt)

    def judge(self, member_id: int | None, pin: str, record: Recorder, at: datetime) -> Tried:
        """The PIN is the member's; the try is off the record again.

        Args:
            member_id: whose card was shown; None for a card that nobody has.
            pin: as it was typed.
            record: runs a function in a durable unit of work of its own.
            at: now.

        Raises:
            PinWrong: nobody's card, no PIN, or another one.
            PinLocked, PinBlocked: too many wrong ones before; nothing is judged.
        """
        whose = _NOBODY if member_id is None else member_id
        tried = record(lambda conn: count_try(conn, whose, at, self.most_tries))
        salt = bytes(_SALT_BYTES) if tried is None else tried.salt
        hashed = self.hash_of(pin, salt)
        if tried is None or not hmac.compare_digest(hashed, tried.pin_hash):
            raise PinWrong
        record(lambda conn: forget_tries(conn, whose))
        return tried


def set_pin(
    conn: Connection, member_id: int, hashed: tuple[bytes, bytes], said: tuple[str, datetime]
) -> None:
    """The member has this PIN from now on, and no try against it.

    Locks: the member's row of ``member_access``.
    """
    (salt, pin_hash), (by, at) = hashed, said
    ensure_access(conn, member_id)
    new = {"pin_salt": salt, "pin_hash": pin_hash, "pin_set_at": at, "pin_set_by": by}
    mine = member_access.c.member_id == member_id
    conn.execute(update(member_access).where(mine).values(**new, tries=0, locked_until=None))


def count_try(
    conn: Connection, member_id: int, at: datetime, most: int = rules.TRIES_TO_BLOCK
) -> Tried | None:
    """One more try stands against the PIN, and a further permit has its number; None where there is no PIN.

    Raises:
        PinLocked, PinBlocked: too many wrong ones; nothing is counted.

    Locks: the member's row of ``member_access``.
    """
    row = _access(conn, member_id)
    if row is None or row["pin_hash"] is None:
        # As much written as for anybody, on nobody's row.
        conn.execute(update(member_access).where(member_access.c.member_id == _NOBODY).values(tries=0))
        return None
    rules.check_tries(row["tries"], row["locked_until"], at, most)
    tries, nonce = row["tries"] + 1, row["last_nonce"] + 1
    counted = {"tries": tries, "locked_until": rules.locked_after(tries, at), "last_nonce": nonce}
    conn.execute(update(member_access).where(member_access.c.member_id == member_id).values(counted))
    return Tried(row["pin_salt"], row["pin_hash"], row["pin_set_at"], nonce)


def forget_tries(conn: Connection, member_id: int) -> None:
    """Nothing stands against the PIN: the member has shown that it knows it."""
    mine = member_access.c.member_id == member_id
    conn.execute(update(member_access).where(mine).values(tries=0, locked_until=None))


def next_nonce(conn: Connection, member_id: int) -> int:
    """The number of a further permit that custody signs for the member.

    Locks: the member's row of ``member_access``.
    """
    ensure_access(conn, member_id)
    row = _access(conn, member_id)
    nonce = 1 if row is None else row["last_nonce"] + 1
    mine = member_access.c.member_id == member_id
    conn.execute(update(member_access).where(mine).values(last_nonce=nonce))
    return int(nonce)


def ensure_access(conn: Connection, member_id: int) -> None:
    """The member has a row in ``member_access``."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    conn.execute(
        make(member_access).values(member_id=member_id, tries=0, last_nonce=0).on_conflict_do_nothing()
    )


def _access(conn: Connection, member_id: int) -> RowMapping | None:
    mine = select(member_access).where(member_access.c.member_id == member_id).with_for_update()
    return conn.execute(mine).mappings().one_or_none()
