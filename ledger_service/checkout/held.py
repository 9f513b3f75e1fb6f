"""Holds as a till looks for them: what a hold remembers of its basket, and which are open in a store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, select, tuple_

from ledger_service.checkout.basket import LineDetail, quantity_view
from ledger_service.checkout.requests import AuthoriseRequest, Line
from ledger_service.checkout.rules import SpendPlan
from ledger_service.checkout.spending import Permit
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.errors import HoldClosed, HoldUnknown
from ledger_service.ledger.models import hold


@dataclass(frozen=True, slots=True)
class HoldSearch:
    """The open holds of a merchant's store that end behind a place; ``most`` at once."""

    merchant_id: int
    store: int
    after: tuple[datetime, bytes] | None
    most: int


def body_of(permit: Permit, request: AuthoriseRequest, plan: SpendPlan) -> dict[str, Canonical]:
    """What a hold remembers of its permit and of its basket, unless that is captured in parts."""
    # Numbers of 64 bits stand as text: canonical JSON keeps only 53 of them.
    return {
        "account": permit.account.hex(),
        "nonce": str(permit.nonce),
        "max_value_micros": str(permit.max_value_micros),
        "valid_until": permit.valid_until,
        "signature": permit.signature.hex(),
        "several": request.several,
        "reference": request.sale.reference,
        "value_minor": str(plan.value_minor),
        "lines": [] if request.several else _kept(request.sale.lines),
    }


def _kept(lines: Sequence[Line]) -> list[Canonical]:
    """The basket, so that it can be sold from another screen; of one that says more, as tax, nothing."""
    if any(line.detail not in (None, LineDetail(unit=line.unit)) for line in lines):
        return []
    return [
        [line.line, line.category, str(line.quantity), str(line.amount_minor), line.sku, line.gtin, line.unit]
        for line in lines
    ]


def open_holds(conn: Connection, search: HoldSearch) -> list[RowMapping]:
    """The rows of the store's open holds, the first to end first; also those that no job has ended yet."""
    # By the index of open holds, of which there are as many as tills hold at one moment.
    wanted = select(hold).where(hold.c.state == "open", hold.c.merchant_id == search.merchant_id)
    wanted = wanted.where(hold.c.store_gln == search.store)
    if search.after is not None:
        wanted = wanted.where(tuple_(hold.c.expires_at, hold.c.hold_id) > search.after)
    ordered = wanted.order_by(hold.c.expires_at, hold.c.hold_id).limit(search.most)
    return list(conn.execute(ordered).mappings())


def open_hold(conn: Connection, merchant_id: int, store: int, hold_id: bytes) -> RowMapping:
    """The row of an open hold.

    Raises:
        HoldUnknown: no such hold, or of another store.
        HoldClosed: it is over.
    """
    mine = hold.c.hold_id == hold_id, hold.c.merchant_id == merchant_id, hold.c.store_gln == store
    row = conn.execute(select(hold).where(*mine)).mappings().one_or_none()
    if row is None:
        raise HoldUnknown(id_text(hold_id))
    if row["state"] != "open":
        raise HoldClosed(id_text(hold_id))
    return row


def hold_view(row: RowMapping) -> dict[str, Any]:
    """An open hold as tills are told of it: never whose points they are, nor its permit."""
    body = orjson.loads(row["body"])
    value = body.get("value_minor")
    return {
        "hold_id": id_text(row["hold_id"]),
        "store": gln_text(row["store_gln"]),
        "terminal": row["terminal_id"],
        "reference": body.get("reference", ""),
        "held_at": format_instant(row["accepted_at"]),
        "expires_at": format_instant(row["expires_at"]),
        "latest_at": format_instant(row["latest_at"]),
        "points": row["points_held"] - row["points_captured"] - row["points_released"],
        "held_value_minor": None if value is None else int(value),
        "several": body.get("several", False),
        "lines": [*_lines(body.get("lines", ()))],
    }


def _lines(kept: Iterable[list[Any]]) -> Iterable[dict[str, Any]]:
    for line, category, quantity, amount, sku, gtin, unit in kept:
        named = {"sku": sku, "gtin": gtin}
        article = {"line": line, "category": category, **{name: one for name, one in named.items() if one}}
        yield article | quantity_view(int(quantity), unit) | {"amount_minor": int(amount)}
