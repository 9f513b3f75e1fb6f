"""What the ledger's entries tell of sales and of claims of items."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from ledger_service.kernel.ids import parse_id

_EARNING = ("issue", "promise", "collect")


def recorded(entries: Iterable[Any]) -> dict[bytes, datetime]:
    """When the ledger first told of each sale and each claim of an item, in its order."""
    found: dict[bytes, datetime] = {}
    for row in entries:
        cause = _cause(row) if row.kind in _EARNING else None
        if cause is not None:
            found.setdefault(cause, row.recorded_at)
    return found


def _cause(row: Any) -> bytes | None:
    """The sale that an entry is of; of an item, its claim, which the entry is named after, or what went into
    a debt names."""
    body = orjson.loads(row.body)
    if "item" in body:
        return parse_id(body["earned_by"], "earned_by") if "earned_by" in body else bytes(row.op_id)
    sale = body.get("sale")
    return parse_id(sale, "sale") if isinstance(sale, str) else None
