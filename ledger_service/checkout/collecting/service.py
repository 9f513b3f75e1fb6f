"""The job that adds receipts up, member by member, each in a unit of work of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, select, update

from ledger_service.checkout.collecting.member import Books, add_up
from ledger_service.checkout.collecting.models import spend_mark
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.points.catalogue import CatalogueCache

_AT_ONCE = 50
_AFTER_FAILURE = timedelta(hours=1)
_M = spend_mark.c


@dataclass(frozen=True)
class CollectingDesk:
    """Rewards for spend; ``exponent`` is of the alliance's currency."""

    writer: Writer
    database: Database
    coupons: CouponCatalogueCache
    points: CatalogueCache
    exponent: int

    def step(self, at: datetime) -> bool:
        """The receipts of the next members with marks are added up; returns whether there may be more.

        A member whose receipts cannot be added up is put off for an hour, so that nobody waits behind it.
        """
        with self.database.read() as conn:
            members = _due(conn, at)
        if not members:
            return False
        books = Books(self.coupons.refresh(), self.points.current(), self.exponent)
        for member_id in members:
            try:
                self.writer.run(partial(add_up, member_id=member_id, books=books, at=at))
            except Exception:
                self.writer.run(partial(_put_off, member_id=member_id, at=at))
                raise
        return len(members) == _AT_ONCE


def _due(conn: Connection, at: datetime) -> list[int]:
    first = select(_M.member_id).where(_M.due_at <= at).order_by(_M.due_at, _M.cause_id).limit(_AT_ONCE)
    return list(dict.fromkeys(conn.execute(first).scalars()))


def _put_off(conn: Connection, member_id: int, at: datetime) -> None:
    mine = (_M.member_id == member_id) & (_M.due_at <= at)
    conn.execute(update(spend_mark).where(mine).values(due_at=at + _AFTER_FAILURE))
