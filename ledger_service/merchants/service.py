"""Commands of the merchants room; each runs in the caller's unit of work and never commits."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import IdSource
from ledger_service.kernel.text import clean_integer, clean_text
from ledger_service.merchants.business_day import GREATEST_START_HOUR
from ledger_service.merchants.changes import note_change
from ledger_service.merchants.errors import (
    MerchantKnown,
    MerchantUnknown,
    StoreKnown,
    StoreUnknown,
    TerminalUnknown,
)
from ledger_service.merchants.models import merchant, store, terminal
from ledger_service.merchants.requests import (
    AddTerminal,
    AdmitMerchant,
    MerchantKeys,
    OpenStore,
    TerminalMode,
)
from ledger_service.merchants.rules import TerminalKind

_LONGEST_NAME = 200
_LONGEST_LABEL = 64


class MerchantsService:
    """Merchants, stores and terminals.

    Every method takes the db transaction of the caller's unit of work first and the instant last.
    """

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids

    def admit(self, conn: Connection, request: AdmitMerchant, at: datetime) -> None:
        """The merchant is part of the alliance, active, with its three chain keys.

        Raises:
            MalformedField: the GLN, the name or a key is not one.
            MerchantKnown: the GLN is taken.
        """
        parse_gln(gln_text(request.merchant_id), "merchant")
        row = {
            "merchant_id": request.merchant_id,
            "name": clean_text(request.name, "name", _LONGEST_NAME),
            "status": "active",
            **_key_columns(request.keys),
            "created_at": at,
        }
        if not _insert_new(conn, merchant, row):
            raise MerchantKnown

    def set_suspended(self, conn: Connection, merchant_id: int, suspended: bool) -> None:
        """The merchant is suspended, or active again; callers with its keys learn it within a second.

        Raises:
            MerchantUnknown: no merchant has the GLN.
        """
        status = "suspended" if suspended else "active"
        self._change_merchant(conn, merchant_id, {"status": status})

    def rotate_keys(self, conn: Connection, merchant_id: int, keys: MerchantKeys) -> None:
        """The merchant's three chain keys are these, as the registry on chain was told before.

        Raises:
            MalformedField: a key is not a 20-byte address.
            MerchantUnknown: no merchant has the GLN.
        """
        self._change_merchant(conn, merchant_id, _key_columns(keys))

    def open_store(self, conn: Connection, request: OpenStore, at: datetime) -> None:
        """The store is open.

        Raises:
            MalformedField: the GLN, the name, the time zone or the hour is not one.
            MerchantUnknown: no merchant has the GLN.
            StoreKnown: the store's GLN is taken.
        """
        parse_gln(gln_text(request.gln), "store")
        _require_merchant(conn, request.merchant_id)
        row = {
            "gln": request.gln,
            "merchant_id": request.merchant_id,
            "name": clean_text(request.name, "name", _LONGEST_NAME),
            "timezone": _zone(request.timezone),
            "day_start_hour": _hour(request.day_start_hour),
            "status": "active",
            "created_at": at,
        }
        if not _insert_new(conn, store, row):
            raise StoreKnown
        note_change(conn)

    def set_day_start(self, conn: Connection, gln: int, hour: int) -> None:
        """The store's business day begins at this hour of its own clock, for what is sold from now on.

        Raises:
            MalformedField: not an hour from 0 to 12.
            StoreUnknown: no open store has the GLN.
        """
        values = {"day_start_hour": _hour(hour)}
        mine = (store.c.gln == gln) & (store.c.status == "active")
        found = conn.execute(update(store).where(mine).values(values))
        if not found.rowcount:
            raise StoreUnknown
        note_change(conn)

    def close_store(self, conn: Connection, gln: int) -> None:
        """The store is closed; its history stays.

        Raises:
            StoreUnknown: no open store has the GLN.
        """
        found = conn.execute(
            update(store).where(store.c.gln == gln, store.c.status == "active").values(status="closed")
        )
        if not found.rowcount:
            raise StoreUnknown
        note_change(conn)

    def add_terminal(self, conn: Connection, request: AddTerminal, at: datetime) -> str:
        """The till stands in the store, active.

        Returns:
            The terminal's id: ``t`` and 16 hex digits.

        Raises:
            MalformedField: the label or the till key is not one.
            StoreUnknown: the merchant has no such open store.
        """
        owner = conn.execute(
            select(store.c.merchant_id).where(store.c.gln == request.store_gln, store.c.status == "active")
        ).scalar_one_or_none()
        if owner != request.merchant_id:
            raise StoreUnknown
        terminal_id = "t" + self._ids.random_bytes(8).hex()
        row = {
            "terminal_id": terminal_id,
            "merchant_id": request.merchant_id,
            "store_gln": request.store_gln,
            "label": clean_text(request.label, "label", _LONGEST_LABEL),
            "till_key": _address_or_none(request.till_key, "till_key"),
            "status": "active",
            "created_at": at,
            **_mode_columns(request.mode),
        }
        conn.execute(terminal.insert().values(row))
        return terminal_id

    def set_till_key(self, conn: Connection, terminal_id: str, till_key: bytes | None) -> None:
        """The terminal's acceptances are signed by this key from now on (D2).

        Raises:
            MalformedField: not a 20-byte address.
            TerminalUnknown: no active terminal has the id.
        """
        self._change_terminal(conn, terminal_id, {"till_key": _address_or_none(till_key, "till_key")})

    def set_mode(self, conn: Connection, terminal_id: str, mode: TerminalMode) -> None:
        """The terminal is of this kind, and trains or does not, from now on.

        Raises:
            MalformedField: a limit of points for a till with a cashier.
            TerminalUnknown: no active terminal has the id.
        """
        self._change_terminal(conn, terminal_id, _mode_columns(mode))

    def disable_terminal(self, conn: Connection, terminal_id: str) -> None:
        """The terminal and its API keys do nothing any more.

        Raises:
            TerminalUnknown: no active terminal has the id.
        """
        self._change_terminal(conn, terminal_id, {"status": "disabled"})

    def _change_merchant(self, conn: Connection, merchant_id: int, values: dict[str, object]) -> None:
        found = conn.execute(update(merchant).where(merchant.c.merchant_id == merchant_id).values(values))
        if not found.rowcount:
            raise MerchantUnknown
        note_change(conn)

    def _change_terminal(self, conn: Connection, terminal_id: str, values: dict[str, object]) -> None:
        active = (terminal.c.terminal_id == terminal_id) & (terminal.c.status == "active")
        if not conn.execute(update(terminal).where(active).values(values)).rowcount:
            raise TerminalUnknown
        note_change(conn)


def _insert_new(conn: Connection, table: Table, row: dict[str, object]) -> bool:
    # ON CONFLICT and no caught IntegrityError: the db transaction stays usable, a race has one answer.
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    insert = make(table).values(row).on_conflict_do_nothing().returning(*table.primary_key)
    return conn.execute(insert).first() is not None


def _require_merchant(conn: Connection, merchant_id: int) -> None:
    found = conn.execute(select(merchant.c.merchant_id).where(merchant.c.merchant_id == merchant_id)).first()
    if found is None:
        raise MerchantUnknown


def _key_columns(keys: MerchantKeys) -> dict[str, object]:
    return {
        "admin_key": _address(keys.admin, "keys.admin"),
        "operations_key": _address(keys.operations, "keys.operations"),
        "settlement_key": _address(keys.settlement, "keys.settlement"),
    }


def _address(value: bytes, field: str) -> bytes:
    if len(value) != 20 or not any(value):
        raise MalformedField(field, "must be a 20-byte address other than zero")
    return value


def _address_or_none(value: bytes | None, field: str) -> bytes | None:
    return None if value is None else _address(value, field)


def _hour(value: int) -> int:
    return clean_integer(value, "day_starts_at_hour", 0, GREATEST_START_HOUR)


def _mode_columns(mode: TerminalMode) -> dict[str, object]:
    if mode.kind is not TerminalKind.SELF_CHECKOUT and mode.points_most_minor is not None:
        raise MalformedField("points_most_minor", "belongs to a self-checkout")
    return {"kind": mode.kind.value, "points_most_minor": mode.points_most_minor, "training": mode.training}


def _zone(name: str) -> str:
    try:
        return ZoneInfo(clean_text(name, "timezone", 64)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MalformedField("timezone", "must be an IANA time zone") from None
