"""The coupons that sales used, as whoever reads a sale later is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, select

from ledger_service.checkout.couponing.models import sale_coupon
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text


def coupons_of_sales(conn: Connection, sale_ids: Sequence[bytes]) -> dict[bytes, list[dict[str, Any]]]:
    """What each sale's coupons took off which line and who pays for it; a sale without any is not there."""
    c = sale_coupon.c
    found: dict[bytes, list[dict[str, Any]]] = {}
    chosen = select(sale_coupon).where(c.sale_id.in_(sale_ids)).order_by(c.definition_id, c.coupon_id)
    for row in conn.execute(chosen):
        found.setdefault(row.sale_id, []).append({
            "coupon": id_text(row.coupon_id), "definition": row.definition_id, "version": row.version,
            "discount_minor": row.discount_minor,
            "parts": [
                {"line": line, "funder": gln_text(int(funder)), "amount_minor": minor}
                for line, funder, minor in orjson.loads(row.parts)
            ],
        })  # fmt: skip
    return found
