"""Requests that are repeated though their operations were adopted from the chain.

Their points stand, and only what no chain has is lost: the basket, the receipt, who asked. The caller is told
so, and nothing is booked a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import select

from ledger_service.db.engine import Database
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.models import entry
from ledger_service.points.errors import OperationAdopted


def adopted_of(database: Database, op_ids: Sequence[bytes]) -> OperationAdopted | None:
    """The refusal that names the first of these operations that was adopted; None where none was.

    Asked only after a request was refused, so nothing that goes well pays for it.
    """
    if not op_ids:
        return None
    wanted = select(entry.c.op_id, entry.c.body).where(entry.c.op_id.in_(op_ids)).order_by(entry.c.sequence)
    with database.read() as conn:
        for op_id, body in conn.execute(wanted):
            facts = orjson.loads(body)
            if facts.get("adopted") is True:
                return OperationAdopted(id_text(op_id), facts["batch"], facts["block"])
    return None
