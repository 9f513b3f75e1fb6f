"""Who is calling: API keys looked up in memory, thousands a second, and stale for less than a second.

One thread at a time polls the change counter; every change of a key, terminal or merchant empties
the ring. A process that revokes calls ``refresh`` after its commit, so it forgets at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from ledger_service.kernel.clock import Clock
from ledger_service.merchants.changes import change_version
from ledger_service.merchants.models import api_key, merchant, terminal
from ledger_service.merchants.rules import Principal, TerminalKind, hash_secret, parse_token, same_secret

POLL_NANOS = 400_000_000
STALE_NANOS = 900_000_000
MOST_UNKNOWN = 4_096
_NOBODYS_HASH = hash_secret(b"no key has this secret")

# Built once: every till's first request of the morning comes through here.
_BY_KEY_ID = (
    select(api_key, terminal.c.store_gln, terminal.c.till_key, terminal.c.status.label("terminal_status"))
    .add_columns(terminal.c.kind, terminal.c.points_most_minor, terminal.c.training)
    .add_columns(merchant.c.status.label("merchant_status"))
    .select_from(api_key)
    .outerjoin(
        terminal, (api_key.c.subject_kind == "terminal") & (api_key.c.subject_id == terminal.c.terminal_id)
    )
    .outerjoin(merchant, api_key.c.merchant_id == merchant.c.merchant_id)
    .where(api_key.c.key_id == bindparam("wanted"))
)

Reader = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the ring knows of a key id; ``principal`` is None for one that is not in force."""

    secret_hash: bytes
    principal: Principal | None


_UNKNOWN = _Entry(_NOBODYS_HASH, None)


class KeyRing:
    """Finds the principal of a presented key; safe for any number of threads."""

    def __init__(self, read: Reader, clock: Clock, monotonic_nanos: Callable[[], int]) -> None:
        """Open nothing yet.

        Args:
            read: opens a connection for reads (``Database.read``).
            clock: the service's clock, against which a key's expiry is judged.
            monotonic_nanos: real elapsed time, also in replay (``time.monotonic_ns``).
        """
        self._read = read
        self._clock = clock
        self._nanos = monotonic_nanos
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._unknown = 0
        self._version = -1
        self._generation = 0
        self._polled_at: int | None = None

    def identify(self, token: str) -> Principal | None:
        """The principal of a key in force, or None; unknown and wrong keys cost the same comparison.

        A revocation in another process counts here less than a second after its commit.
        """
        presented = parse_token(token)
        self._keep_fresh()
        entry = _UNKNOWN if presented is None else self._entry(presented.key_id)
        given = _NOBODYS_HASH[::-1] if presented is None else presented.secret_hash
        if not same_secret(given, entry.secret_hash) or entry.principal is None:
            return None
        return self._unless_over(entry.principal)

    def known(self, key_id: str) -> Principal | None:
        """The principal of a key whose secret was shown before, or None once it is not in force."""
        self._keep_fresh()
        return self._unless_over(self._entry(key_id).principal)

    def _unless_over(self, principal: Principal | None) -> Principal | None:
        ends = None if principal is None else principal.expires_at
        return None if ends is not None and self._clock.now() >= ends else principal

    def refresh(self) -> None:
        """Everything learned before this call is forgotten: to be called after a change has committed."""
        with self._lock:
            self._forget()

    def _keep_fresh(self) -> None:
        age = self._age()
        if age is not None and age < POLL_NANOS:
            return
        # One thread polls; the others go on with what they have, unless that is too old to trust.
        must_wait = age is None or age >= STALE_NANOS
        if not self._lock.acquire(blocking=must_wait):
            return
        try:
            age = self._age()
            if age is None or age >= POLL_NANOS:
                self._poll()
        finally:
            self._lock.release()

    def _age(self) -> int | None:
        polled_at = self._polled_at
        return None if polled_at is None else self._nanos() - polled_at

    def _poll(self) -> None:
        begun = self._nanos()
        with self._read() as conn:
            version = change_version(conn)
        if version != self._version:
            self._forget()
            self._version = version
        self._polled_at = begun

    def _forget(self) -> None:
        # A new dict: what a reader still loads for the old one is lost with it.
        self._entries = {}
        self._unknown = 0
        self._generation += 1

    def _entry(self, key_id: str) -> _Entry:
        entry = self._entries.get(key_id)
        if entry is not None:
            return entry
        generation = self._generation
        entry = self._load(key_id)
        with self._lock:
            if generation == self._generation and self._has_room(entry):
                self._entries[key_id] = entry
        return entry

    def _has_room(self, entry: _Entry) -> bool:
        # Guessed key ids must not fill the memory; past the bound they cost their guesser a query each.
        if entry is not _UNKNOWN:
            return True
        self._unknown += 1
        return self._unknown <= MOST_UNKNOWN

    def _load(self, key_id: str) -> _Entry:
        with self._read() as conn:
            row = conn.execute(_BY_KEY_ID, {"wanted": key_id}).one_or_none()
        if row is None:
            return _UNKNOWN
        in_force = row.status == "active" and row.terminal_status in (None, "active")
        expires_at: datetime | None = row.expires_at
        principal = Principal(
            key_id=row.key_id,
            subject_kind=row.subject_kind,
            subject_id=row.subject_id,
            role=row.role,
            scopes=frozenset(row.scopes.split()),
            merchant_id=row.merchant_id,
            store_gln=row.store_gln,
            till_key=row.till_key,
            suspended=row.merchant_status == "suspended",
            expires_at=expires_at,
            points_most_minor=row.points_most_minor or 0 if row.kind == TerminalKind.SELF_CHECKOUT else None,
            training=bool(row.training),
        )
        return _Entry(row.secret_hash, principal if in_force else None)
