"""Where points were redeemed: the store and the time of the sale behind each redemption."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.checkout.models import sale

_ROWS_AT_ONCE = 2_000
# A sale's ``spent`` is a JSON list that begins with the id of its redemption.
_ID = slice(2, 34)


def places_of_redemptions(
    conn: Connection, merchant_id: int, op_ids: Set[bytes]
) -> dict[bytes, tuple[int, datetime]]:
    """Store and time of those redemptions whose sale is here, or whose row stayed when an archive took it.

    Rows that an archive emptied before it kept the redemption do not tell it.

    Reads every sale of the merchant that took points, row by row: it is for papers, not for requests.
    """
    s = sale.c
    mine = (s.merchant_id == merchant_id) & (s.spent != "")
    query = select(s.spent, s.store_gln, s.occurred_at).where(mine)
    wanted = {op_id.hex(): op_id for op_id in op_ids}
    found: dict[bytes, tuple[int, datetime]] = {}
    for spent, store_gln, occurred_at in conn.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        op_id = wanted.get(spent[_ID])
        if op_id is not None:
            found[op_id] = (store_gln, occurred_at)
    return found
