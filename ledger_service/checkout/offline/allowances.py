"""Allowances: what a merchant lets a terminal take in points while offline, and the statement of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from ledger_service.checkout.desk import Desk
from ledger_service.checkout.offline.models import offline_allowance, offline_window
from ledger_service.checkout.offline.requests import SetAllowance
from ledger_service.checkout.offline.rules import STATEMENT_SECONDS, Allowance, latest_of
from ledger_service.checkout.offline.spending import allowances_of
from ledger_service.checkout.receipts import receipt_digest
from ledger_service.checkout.requests import Caller
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.merchants.errors import TerminalUnknown
from ledger_service.merchants.models import terminal


def set_allowance(conn: Connection, wish: SetAllowance, set_by: str, at: datetime) -> dict[str, Any]:
    """The terminal has a further version of its allowance; earlier ones stand for what was sold under them.

    Raises:
        TerminalUnknown: no active terminal has the id.

    Locks: the terminal's row, so that versions have no gap.
    """
    mine = (terminal.c.terminal_id == wish.terminal_id) & (terminal.c.status == "active")
    if conn.execute(select(terminal.c.terminal_id).where(mine).with_for_update()).first() is None:
        raise TerminalUnknown
    known = latest_of(read_allowances(conn, wish.terminal_id))
    row = {
        "terminal_id": wish.terminal_id, "version": known.version + 1 if known is not None else 1,
        "allowance_micros": wish.allowance_micros, "window_seconds": wish.window_seconds, "set_by": set_by,
        "set_at": at,
    }  # fmt: skip
    conn.execute(insert(offline_allowance).values(row))
    return {"terminal": wish.terminal_id, **_view(allowances_of([row])[0])}


def find_allowance(conn: Connection, terminal_id: str) -> dict[str, Any]:
    """The allowance in force, with the versions before it, newest first."""
    versions = sorted(read_allowances(conn, terminal_id), key=lambda one: -one.version)
    return {"terminal": terminal_id, **_view(latest_of(versions)), "versions": [_view(v) for v in versions]}


def read_allowances(conn: Connection, terminal_id: str) -> list[Allowance]:
    """Every version of the terminal's allowance."""
    mine = offline_allowance.c.terminal_id == terminal_id
    return allowances_of([dict(r) for r in conn.execute(select(offline_allowance).where(mine)).mappings()])


@dataclass(frozen=True, slots=True)
class Statements:
    """Signs what a till may go by while it is cut off."""

    desk: Desk

    def of(self, conn: Connection, caller: Caller, at: datetime) -> dict[str, Any]:
        """The till's statement: allowance, what the present window has used of it, the service's time.

        The signature is the service's own for receipts, over keccak256 of the canonical JSON of the rest.
        """
        allowance = latest_of(read_allowances(conn, caller.terminal_id))
        body: dict[str, Canonical] = {
            "kind": "offline-allowance",
            "terminal": caller.terminal_id,
            "merchant": gln_text(caller.merchant_id),
            "currency": self.desk.currency,
            **_view(allowance),
            "used_micros": _used(conn, caller.terminal_id, allowance, seconds_floor(at)),
            "issued_at": format_instant(at),
            "valid_until": format_instant(at + timedelta(seconds=STATEMENT_SECONDS)),
        }
        signature = self.desk.receipts.sign(receipt_digest(body))
        return {**body, "signature": "0x" + signature.hex()}


def _used(conn: Connection, terminal_id: str, allowance: Allowance | None, at: int) -> int:
    if allowance is None:
        return 0
    w = offline_window.c
    mine = (w.terminal_id == terminal_id) & (w.window_seconds == allowance.window_seconds)
    window = mine & (w.window_index == allowance.window_of(at))
    return conn.execute(select(w.used_micros).where(window)).scalar_one_or_none() or 0


def _view(allowance: Allowance | None) -> dict[str, Any]:
    if allowance is None:
        return {"version": 0, "allowance_micros": 0, "window_seconds": 0, "set_at": None}
    return {
        "version": allowance.version,
        "allowance_micros": allowance.allowance_micros,
        "window_seconds": allowance.window_seconds,
        "set_at": format_instant(instant_of_seconds(allowance.set_at)),
    }
