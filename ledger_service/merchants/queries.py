"""Reads of the merchants room, for front doors, the checkout's caches and the bridge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from ledger_service.kernel.clock import instant_of_micros, micros_of
from ledger_service.merchants.models import api_key, merchant, store, terminal


@dataclass(frozen=True, slots=True)
class MerchantView:
    """A merchant as its row tells."""

    merchant_id: int
    name: str
    status: str
    admin_key: bytes
    operations_key: bytes
    settlement_key: bytes


@dataclass(frozen=True, slots=True)
class StoreView:
    """A store and the standing of its merchant: what a checkout has to know of the place."""

    gln: int
    merchant_id: int
    name: str
    timezone: str
    status: str
    merchant_status: str
    day_start_hour: int | None = None


@dataclass(frozen=True, slots=True)
class TerminalView:
    """A till of a store; ``till_key`` signs its acceptances, if it has one."""

    terminal_id: str
    merchant_id: int
    store_gln: int
    label: str
    till_key: bytes | None
    status: str
    kind: str | None = None
    points_most_minor: int | None = None
    training: bool | None = None


@dataclass(frozen=True, slots=True)
class KeyView:
    """An API key without its secret."""

    key_id: str
    subject: str
    role: str
    scopes: str
    label: str | None
    status: str
    created_at: datetime

    @property
    def position(self) -> str:
        """Where it stands among the keys of its subject."""
        return f"{micros_of(self.created_at)} {self.key_id}"


def list_merchants(conn: Connection) -> list[MerchantView]:
    """All merchants by GLN."""
    m = merchant.c
    statement = select(m.merchant_id, m.name, m.status, m.admin_key, m.operations_key, m.settlement_key)
    return [MerchantView(*row) for row in conn.execute(statement.order_by(m.merchant_id))]


def find_merchant(conn: Connection, merchant_id: int) -> MerchantView | None:
    """The merchant with this GLN."""
    m = merchant.c
    statement = select(m.merchant_id, m.name, m.status, m.admin_key, m.operations_key, m.settlement_key)
    row = conn.execute(statement.where(m.merchant_id == merchant_id)).one_or_none()
    return None if row is None else MerchantView(*row)


def merchants_after(conn: Connection, after: int | None, most: int) -> list[MerchantView]:
    """At most so many merchants by GLN, behind a GLN."""
    m = merchant.c
    statement = select(m.merchant_id, m.name, m.status, m.admin_key, m.operations_key, m.settlement_key)
    if after is not None:
        statement = statement.where(m.merchant_id > after)
    return [MerchantView(*row) for row in conn.execute(statement.order_by(m.merchant_id).limit(most))]


def stores_after(conn: Connection, merchant_id: int | None, after: int | None, most: int) -> list[StoreView]:
    """At most so many stores, of one merchant or all, by GLN, behind a GLN."""
    s = store.c
    statement = select(
        s.gln, s.merchant_id, s.name, s.timezone, s.status, merchant.c.status, s.day_start_hour
    ).join_from(store, merchant)
    if merchant_id is not None:
        statement = statement.where(s.merchant_id == merchant_id)
    if after is not None:
        statement = statement.where(s.gln > after)
    return [StoreView(*row) for row in conn.execute(statement.order_by(s.gln).limit(most))]


def find_store(conn: Connection, gln: int) -> StoreView | None:
    """The store with this GLN."""
    s = store.c
    statement = select(
        s.gln, s.merchant_id, s.name, s.timezone, s.status, merchant.c.status, s.day_start_hour
    ).join_from(store, merchant)
    row = conn.execute(statement.where(s.gln == gln)).one_or_none()
    return None if row is None else StoreView(*row)


def terminals_after(
    conn: Connection, merchant_id: int | None, after: str | None, most: int
) -> list[TerminalView]:
    """At most so many terminals, of one merchant or all, by id, behind an id."""
    statement = _terminals()
    if merchant_id is not None:
        statement = statement.where(terminal.c.merchant_id == merchant_id)
    if after is not None:
        statement = statement.where(terminal.c.terminal_id > after)
    return [
        TerminalView(*row) for row in conn.execute(statement.order_by(terminal.c.terminal_id).limit(most))
    ]


def find_terminal(conn: Connection, terminal_id: str) -> TerminalView | None:
    """The terminal with this id."""
    row = conn.execute(_terminals().where(terminal.c.terminal_id == terminal_id)).one_or_none()
    return None if row is None else TerminalView(*row)


def _terminals() -> Select[Any]:
    t = terminal.c
    return select(
        t.terminal_id, t.merchant_id, t.store_gln, t.label, t.till_key, t.status, t.kind,
        t.points_most_minor, t.training,
    )  # fmt: skip


def keys_after(conn: Connection, subject: tuple[str, str], after: str | None, most: int) -> list[KeyView]:
    """At most so many keys of a subject (kind, id), oldest first, behind the position of another."""
    k, (kind, subject_id) = api_key.c, subject
    return _keys(conn, (k.subject_kind == kind) & (k.subject_id == subject_id), after, most)


def keys_of_role_after(conn: Connection, role: str, after: str | None, most: int) -> list[KeyView]:
    """As ``keys_after`` for every subject that has keys of a role."""
    return _keys(conn, api_key.c.role == role, after, most)


def _keys(conn: Connection, wanted: ColumnElement[bool], after: str | None, most: int) -> list[KeyView]:
    k = api_key.c
    statement = select(
        k.key_id, k.subject_kind, k.subject_id, k.role, k.scopes, k.label, k.status, k.created_at
    ).where(wanted)
    if after is not None:
        micros, _, key_id = after.partition(" ")
        at = instant_of_micros(int(micros))
        statement = statement.where((k.created_at > at) | ((k.created_at == at) & (k.key_id > key_id)))
    found = conn.execute(statement.order_by(k.created_at, k.key_id).limit(most))
    return [
        KeyView(
            r.key_id, f"{r.subject_kind}:{r.subject_id}", r.role, r.scopes, r.label, r.status, r.created_at
        )
        for r in found
    ]


def merchant_of_key(conn: Connection, key_id: str) -> int | None:
    """The merchant behind a key (its own or a terminal's); None for other subjects and unknown keys."""
    return conn.execute(select(api_key.c.merchant_id).where(api_key.c.key_id == key_id)).scalar_one_or_none()


def is_in_force(conn: Connection, key_id: str) -> bool:
    """Whether nobody has revoked the key, whatever a process still remembers of it."""
    mine = (api_key.c.key_id == key_id) & (api_key.c.status == "active")
    return conn.execute(select(api_key.c.key_id).where(mine)).first() is not None


def holds_key(conn: Connection, subject: tuple[str, str], scope: str, at: datetime) -> bool:
    """Whether a subject (kind, id) has a key in force that carries a scope."""
    k, (kind, subject_id) = api_key.c, subject
    mine = (k.subject_kind == kind) & (k.subject_id == subject_id) & (k.status == "active")
    in_force = k.expires_at.is_(None) | (k.expires_at > at)
    return any(scope in row.scopes.split() for row in conn.execute(select(k.scopes).where(mine, in_force)))
