"""Reads of the merchants room, for front doors, the checkout's caches and the bridge."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

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


@dataclass(frozen=True, slots=True)
class TerminalView:
    """A till of a store; ``till_key`` signs its acceptances, if it has one."""

    terminal_id: str
    merchant_id: int
    store_gln: int
    label: str
    till_key: bytes | None
    status: str


@dataclass(frozen=True, slots=True)
class KeyView:
    """An API key without its secret."""

    key_id: str
    subject: str
    role: str
    scopes: str
    label: str | None
    status: str


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


def list_stores(conn: Connection, merchant_id: int | None = None) -> list[StoreView]:
    """All stores, or those of one merchant, by GLN; one statement, meant to be cached by the checkout."""
    s = store.c
    statement = select(s.gln, s.merchant_id, s.name, s.timezone, s.status, merchant.c.status).join_from(
        store, merchant
    )
    if merchant_id is not None:
        statement = statement.where(s.merchant_id == merchant_id)
    return [StoreView(*row) for row in conn.execute(statement.order_by(s.gln))]


def find_store(conn: Connection, gln: int) -> StoreView | None:
    """The store with this GLN."""
    s = store.c
    statement = select(s.gln, s.merchant_id, s.name, s.timezone, s.status, merchant.c.status).join_from(
        store, merchant
    )
    row = conn.execute(statement.where(s.gln == gln)).one_or_none()
    return None if row is None else StoreView(*row)


def list_terminals(conn: Connection, merchant_id: int | None = None) -> list[TerminalView]:
    """All terminals, or those of one merchant, by id."""
    t = terminal.c
    statement = select(t.terminal_id, t.merchant_id, t.store_gln, t.label, t.till_key, t.status)
    if merchant_id is not None:
        statement = statement.where(t.merchant_id == merchant_id)
    return [TerminalView(*row) for row in conn.execute(statement.order_by(t.terminal_id))]


def list_keys(conn: Connection, subject_kind: str, subject_id: str) -> list[KeyView]:
    """The keys of a subject, oldest first."""
    k = api_key.c
    statement = (
        select(k.key_id, k.role, k.scopes, k.label, k.status)
        .where(k.subject_kind == subject_kind, k.subject_id == subject_id)
        .order_by(k.created_at, k.key_id)
    )
    subject = f"{subject_kind}:{subject_id}"
    return [
        KeyView(row.key_id, subject, row.role, row.scopes, row.label, row.status)
        for row in conn.execute(statement)
    ]


def merchant_of_key(conn: Connection, key_id: str) -> int | None:
    """The merchant behind a key (its own or a terminal's); None for other subjects and unknown keys."""
    return conn.execute(select(api_key.c.merchant_id).where(api_key.c.key_id == key_id)).scalar_one_or_none()
