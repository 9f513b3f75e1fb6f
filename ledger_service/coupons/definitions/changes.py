"""The change counter of coupon definitions: caches poll it, and new ids are its numbers."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.coupons.definitions.models import coupon_change


def next_number(conn: Connection) -> int:
    """A number that was never given; caches are stale once this unit of work has committed.

    Locks: the one row of ``coupon_change``, until the end of the db transaction.
    """
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    insert = make(coupon_change).values(id=1, version=1)
    raised = {"version": coupon_change.c.version + 1}
    raising = insert.on_conflict_do_update(index_elements=[coupon_change.c.id], set_=raised)
    conn.execute(raising)
    return change_version(conn)


def lock_changes(conn: Connection) -> None:
    """Definitions change no more until the end of the db transaction, and what was committed is seen.

    Locks: as ``next_number``.
    """
    conn.execute(select(coupon_change.c.version).with_for_update()).all()


def change_version(conn: Connection) -> int:
    """How many changes were committed so far; 0 before the first."""
    return int(conn.execute(select(coupon_change.c.version)).scalar_one_or_none() or 0)
