"""Claims that were answered before their sale was known: what has become known of it since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from ledger_service.claims import rules
from ledger_service.claims.models import claim
from ledger_service.claims.ports import FoundSale, Receipt, SaleFinder
from ledger_service.claims.queries import unknown_due
from ledger_service.claims.service import is_claimed, receipt_of
from ledger_service.points.models import adjustment
from ledger_service.points.receipts.late import LateSale

_C = claim.c
_AT_ONCE = 50


def late_sales(conn: Connection, sales: SaleFinder, at: datetime) -> list[LateSale]:
    """The sales of answered claims that are known by now; a job's step, which carries them out afterwards.

    One sale of the receipt's number and amount, on its day or one beside, is its sale. Several, or one of
    which goods are back and that has no member, are for people to judge.

    Locks: the claims, and what the finder locks.
    """
    joined = claim.join(adjustment, adjustment.c.adjustment_id == _C.adjustment_id)
    chosen = select(claim).select_from(joined).where(unknown_due(at))
    ordered = chosen.order_by(_C.try_again_at, _C.claim_id).limit(_AT_ONCE)
    found = []
    for row in conn.execute(ordered.with_for_update(of=claim, skip_locked=True)).mappings().all():
        mine = update(claim).where(_C.claim_id == row["claim_id"])
        conn.execute(mine.values(try_again_at=at + rules.TRY_AGAIN))
        receipt = receipt_of(dict(row))
        one = _only_one(conn, sales, receipt, row["claim_id"])
        if one is not None and (one.has_member or not one.returned):
            found.append(LateSale(row["adjustment_id"], one.sale_id, one.earned))
    return found


def _only_one(conn: Connection, sales: SaleFinder, receipt: Receipt, claim_id: bytes) -> FoundSale | None:
    days = [replace(receipt, sold_on=receipt.sold_on + timedelta(days=beside)) for beside in (-1, 0, 1)]
    same = {
        one.sale_id: one for day in days for one in sales(conn, day)
        if one.total_minor == receipt.amount_minor and not is_claimed(conn, one.sale_id, claim_id)
    }  # fmt: skip
    a = adjustment.c
    others = select(a.sale_id).where(a.sale_id.in_(list(same)), a.state != "declined")
    for sale_id in conn.execute(others).scalars():
        same.pop(sale_id, None)
    return next(iter(same.values())) if len(same) == 1 else None
