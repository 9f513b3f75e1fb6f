"""The sales that sharing asks the checkout about: who bought what, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, select

from ledger_service.checkout.models import sale


@dataclass(frozen=True, slots=True)
class SharedSale:
    """A sale to a member; ``recorded_at`` is when the ledger took it."""

    sale_id: bytes
    member_id: int
    merchant_id: int
    amount_minor: int
    cashier: str | None
    sold_at: datetime
    recorded_at: datetime


class SharedSales:
    """Fulfils what the sharing room asks."""

    def has_bought(self, conn: Connection, member_id: int, merchant_id: int) -> bool:
        """Whether any sale of the merchant's is the member's."""
        its = select(sale.c.sale_id).where(sale.c.member_id == member_id, sale.c.merchant_id == merchant_id)
        return conn.execute(its.limit(1)).first() is not None

    def purchases(self, conn: Connection, recorded: Mapping[bytes, datetime]) -> list[SharedSale]:
        """The sales with these ids, each with the time that the ledger recorded it, that have a member."""
        s = sale.c
        its = select(
            s.sale_id, s.member_id, s.merchant_id, s.total_minor, s.cashier, s.occurred_at
        ).where(s.sale_id.in_(list(recorded)), s.member_id.is_not(None))  # fmt: skip
        return [SharedSale(*row, recorded[row.sale_id]) for row in conn.execute(its)]

    def kept(self, conn: Connection, sale_ids: Iterable[bytes]) -> dict[bytes, int]:
        """Of those of the sales of which anything came back: what is left, in minor units."""
        s = sale.c
        its = select(s.sale_id, s.total_minor, s.returned).where(
            s.sale_id.in_(list(sale_ids)), s.returned != ""
        )
        found = {}
        for row in conn.execute(its):
            back = orjson.loads(row.returned)
            found[row.sale_id] = row.total_minor - back["cash_minor"] - back["points_minor"]
        return found
