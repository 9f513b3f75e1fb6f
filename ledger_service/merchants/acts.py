"""The log of acts: who of operators and merchants wrote what and when, in the transaction that wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, RowMapping, select, tuple_

from ledger_service.merchants.models import act, api_key
from ledger_service.merchants.rules import Principal

_ID_BYTES, _MOST_TARGET = 16, 200
# Members have their own history, tills their sales.
_UNNOTED = ("member", "terminal")


@dataclass(frozen=True, slots=True)
class Act:
    """A write of somebody: its name, what the path named, who, under which idempotency key, when."""

    name: str
    target: str
    caller: Principal
    key: str
    at: datetime

    def row(self) -> dict[str, Any]:
        """The row of ``act``."""
        mark = f"{self.caller.subject}\n{self.key}".encode()
        return {
            "act_id": sha256(mark).digest()[:_ID_BYTES], "name": self.name,
            "target": self.target[:_MOST_TARGET], "subject": self.caller.subject,
            "key_id": self.caller.key_id, "merchant_id": self.caller.merchant_id, "occurred_at": self.at,
        }  # fmt: skip


def act_of(name: str, target: str, caller: Principal | None, key: str, at: datetime) -> Act | None:
    """What is noted of a write; None for a write without a name, and for those of members and tills."""
    if not name or caller is None or caller.subject_kind in _UNNOTED:
        return None
    return Act(name, target, caller, key, at)


def acts(
    conn: Connection, merchant_id: int | None, after: tuple[datetime, bytes] | None, most: int
) -> list[RowMapping]:
    """The newest acts of a merchant's keys, or of all, behind a place; each with its key's ``label``."""
    wanted = select(act, api_key.c.label).outerjoin(api_key, api_key.c.key_id == act.c.key_id)
    if merchant_id is not None:
        wanted = wanted.where(act.c.merchant_id == merchant_id)
    if after is not None:
        wanted = wanted.where(tuple_(act.c.occurred_at, act.c.act_id) < after)
    ordered = wanted.order_by(act.c.occurred_at.desc(), act.c.act_id.desc()).limit(most)
    return list(conn.execute(ordered).mappings())
