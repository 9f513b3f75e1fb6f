"""Reads of decided offline sales and their losses, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select

from ledger_service.checkout.models import sale
from ledger_service.checkout.offline.models import offline_sale
from ledger_service.kernel.clock import format_instant, instant_of_micros, micros_of
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.members.models import member


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose offline sales: a merchant's, a terminal's, everybody's (None); in a state, or losses only."""

    merchant_id: int | None = None
    terminal_id: str | None = None
    state: str | None = None
    losses: bool = False
    members: bool = False


def offline_sales_after(
    conn: Connection, wanted: Wanted, after: str | None, limit: int
) -> Sequence[RowMapping]:
    """Decided offline sales in their order of arrival; ``after`` is ``position_of`` the last one seen."""
    o = offline_sale.c
    where: list[ColumnElement[bool]] = []
    for column, value in ((o.merchant_id, wanted.merchant_id), (o.terminal_id, wanted.terminal_id)):
        if value is not None:
            where.append(column == value)
    if wanted.state is not None:
        where.append(o.state == wanted.state)
    if wanted.losses:
        where.append(o.cause.is_not(None))
    if after is not None:
        micros, _, sale_id = after.partition(":")
        at, last = instant_of_micros(int(micros)), bytes.fromhex(sale_id)
        where.append(or_(o.received_at > at, and_(o.received_at == at, o.sale_id > last)))
    found = select(offline_sale, member.c.member_number, sale.c.merchant_id.label("winner"))
    found = found.outerjoin(member, member.c.member_id == o.member_id)
    found = found.outerjoin(sale, sale.c.sale_id == o.won_by)
    return conn.execute(found.where(*where).order_by(o.received_at, o.sale_id).limit(limit)).mappings().all()


def position_of(row: RowMapping) -> str:
    """Where a row stands in the list."""
    return f"{micros_of(row['received_at'])}:{row['sale_id'].hex()}"


def sale_view(row: RowMapping) -> dict[str, Any]:
    """A decided offline sale as the list shows it."""
    return {
        "sale_id": id_text(row["sale_id"]),
        "key": row["key"],
        "terminal": row["terminal_id"],
        "merchant": gln_text(row["merchant_id"]),
        "state": row["state"],
        "code": row["code"],
        "sold_at": format_instant(row["sold_at"]),
        "received_at": format_instant(row["received_at"]),
        "offered_minor": row["offered_minor"],
        "paid_minor": row["paid_minor"],
        "loss_minor": row["loss_minor"],
        "beyond_minor": row["beyond_minor"],
        "coupons_minor": row["coupons_minor"],
        "coupons_loss_minor": row["coupons_loss_minor"],
    }


def loss_row_view(row: RowMapping, *, members: bool) -> dict[str, Any]:
    """A loss with its cause and who is blamed; the member's number only for those who may read members."""
    won_by, decided = row["won_by"], row["decided_at"]
    return {
        **sale_view(row),
        "cause": row["cause"],
        "borne_by": gln_text(row["merchant_id"]),
        "member_flagged": row["flagged"],
        "member": row["member_number"] if members else None,
        "won_by": id_text(won_by) if won_by is not None else None,
        "won_by_merchant": gln_text(row["winner"]) if row["winner"] is not None else None,
        "debt_points": row["debt_points"],
        "decided_by": row["decided_by"],
        "decided_at": format_instant(decided) if decided is not None else None,
    }
