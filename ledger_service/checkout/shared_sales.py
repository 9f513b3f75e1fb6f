"""What sharing asks the checkout about: who bought or scanned what, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, select

from ledger_service.checkout.models import sale
from ledger_service.db.among import among_ids
from ledger_service.points.models import programme
from ledger_service.traceability.claiming.models import trace_claim


@dataclass(frozen=True, slots=True)
class SharedSale:
    """A sale to a member, or the claim of an item, whose id it has; ``recorded_at`` is when the ledger took
    it."""

    sale_id: bytes
    member_id: int
    merchant_id: int
    amount_minor: int
    cashier: str | None
    sold_at: datetime
    recorded_at: datetime
    scanned: bool = False


class SharedSales:
    """Fulfils what the sharing room asks."""

    def has_bought(self, conn: Connection, member_id: int, merchant_id: int) -> bool:
        """Whether any sale of the merchant's is the member's."""
        its = select(sale.c.sale_id).where(sale.c.member_id == member_id, sale.c.merchant_id == merchant_id)
        return conn.execute(its.limit(1)).first() is not None

    def purchases(self, conn: Connection, recorded: Mapping[bytes, datetime]) -> list[SharedSale]:
        """The sales and claims of items with these ids, each with the time that the ledger recorded it, that
        have a member; a claim is of the merchant whose points it gave."""
        s = sale.c
        its = select(
            s.sale_id, s.member_id, s.merchant_id, s.total_minor, s.cashier, s.occurred_at
        ).where(among_ids(conn, s.sale_id, recorded), s.member_id.is_not(None))  # fmt: skip
        found = [SharedSale(*row, recorded[row.sale_id]) for row in conn.execute(its).all()]
        c, p = trace_claim.c, programme.c
        claimed = select(c.op_id, c.member_id, p.merchant_id, c.claimed_at).select_from(
            trace_claim.join(programme, p.programme_id == c.programme_id)
        ).where(among_ids(conn, c.op_id, recorded))  # fmt: skip
        found += [
            SharedSale(op_id, member_id, owner, 0, None, at, recorded[op_id], scanned=True)
            for op_id, member_id, owner, at in conn.execute(claimed)
        ]
        return found

    def kept(self, conn: Connection, sale_ids: Iterable[bytes]) -> dict[bytes, int]:
        """Of those of the sales of which anything came back: what is left, in minor units; nothing is of an
        item."""
        s, sale_ids = sale.c, list(sale_ids)
        its = select(s.sale_id, s.total_minor, s.returned).where(
            among_ids(conn, s.sale_id, sale_ids), s.returned != ""
        )
        found: dict[bytes, int] = {}
        for row in conn.execute(its):
            returned = orjson.loads(row.returned)
            found[row.sale_id] = row.total_minor - returned["cash_minor"] - returned["points_minor"]
        c = trace_claim.c
        back = select(c.op_id).where(among_ids(conn, c.op_id, sale_ids), c.voided_at.is_not(None))
        return found | dict.fromkeys(conn.execute(back).scalars(), 0)
