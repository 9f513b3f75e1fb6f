"""Marks of devices: 8 bytes that tell one item's scanners apart for a month, and nothing else about them.

A mark is a hash of what the device shows under a random salt and the item's number. The salt belongs to a
period of thirty days and is deleted two periods later; from then on nobody, we included, can tell whose mark
it was. Two items never show that the same device scanned them.
"""

from __future__ import annotations

import hmac
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import IdSource
from ledger_service.traceability.scanning.models import trace_scan_salt

PERIOD_SECONDS = 30 * 86_400
MARK_BYTES = 8
_SALT_BYTES = 16
_KEPT_PERIODS = 2
NO_SALT = bytes(_SALT_BYTES)
_SALT = select(trace_scan_salt.c.salt).where(trace_scan_salt.c.period == bindparam("of"))


def salt_of(conn: Connection, ids: IdSource, at: datetime) -> bytes:
    """The salt of the period; the first who needs it draws it, and forgets those that are over."""
    found = known_salt(conn, at)
    if found == NO_SALT:
        period = period_of(at)
        fresh = {"period": period, "salt": ids.random_bytes(_SALT_BYTES)}
        sql_of(trace_scan_salt, conn).insert(conn, [fresh], or_ignore=True)
        conn.execute(delete(trace_scan_salt).where(trace_scan_salt.c.period <= period - _KEPT_PERIODS))
        found = known_salt(conn, at)
    return found


def known_salt(conn: Connection, at: datetime) -> bytes:
    """The salt of the period, zeros where none was drawn yet: a mark under them is nobody's."""
    found = conn.execute(_SALT, {"of": period_of(at)}).scalar_one_or_none()
    return NO_SALT if found is None else bytes(found)


def period_of(at: datetime) -> int:
    """The number of the period whose salt an instant has."""
    return seconds_floor(at) // PERIOD_SECONDS


def mark_of(salt: bytes, item_id: int, device: str) -> bytes:
    """The device's mark on one item."""
    return hmac.digest(salt, b"%d|" % item_id + device.encode(), "sha256")[:MARK_BYTES]
