"""Events are found by their papers; labels with PINs ask for a scope of their own."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from ledger_service.traceability.epcis.papers import papers_of

revision = "0082_events_by_papers"
down_revision = "0078_customer_value"
_STEP = 500
_LISTS = (b"bizTransactionList", b"sourceList", b"destinationList")
_EVENT = sa.table(
    "epcis_event", sa.column("event_seq", sa.BigInteger), sa.column("event_time", sa.BigInteger),
    sa.column("hash", sa.LargeBinary), sa.column("declares", sa.Boolean),
    sa.column("merchant_id", sa.BigInteger), sa.column("body", sa.LargeBinary),
)  # fmt: skip
_THING = sa.table(
    "epcis_event_epc", sa.column("epc_key", sa.LargeBinary), sa.column("event_time", sa.BigInteger),
    sa.column("event_seq", sa.BigInteger), sa.column("role", sa.SmallInteger),
    sa.column("deed", sa.SmallInteger), sa.column("parent", sa.LargeBinary),
    sa.column("voids", sa.BigInteger),
)  # fmt: skip


def upgrade() -> None:
    _grant_labels()
    _index_papers()


def _grant_labels() -> None:
    """Keys that could print labels so far still can; who wants less for one issues it anew."""
    op.execute(
        "UPDATE api_key SET scopes = scopes || ' label:print'"
        " WHERE ' ' || scopes || ' ' LIKE '% store:write %'"
    )


def _index_papers() -> None:
    """The rows that capture would have made, a few hundred events at a time."""
    conn, after = op.get_bind(), -1
    e = _EVENT.c
    while True:
        wanted = sa.select(_EVENT).where(e.event_seq > after).order_by(e.event_seq).limit(_STEP)
        rows = conn.execute(wanted).all()
        if not rows:
            return
        after = rows[-1].event_seq
        naming = [row for row in rows if any(name in bytes(row.body) for name in _LISTS)]
        if not naming:
            continue
        others = sa.select(e.hash, e.declares, e.event_seq, e.merchant_id)
        alike = conn.execute(others.where(e.hash.in_([row.hash for row in naming]))).all()
        made = [index for row in naming for index in _index(row, _voids(row, alike))]
        if made:
            conn.execute(sa.insert(_THING), made)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _voids(row: Any, alike: list[Any]) -> int | None:
    """The event that this one declares wrong, or by which it was before it came; None where it counts."""
    for other in alike:
        if other.hash != row.hash or other.declares == row.declares or other.event_seq > row.event_seq:
            continue
        if row.declares or other.merchant_id in (None, row.merchant_id):
            return int(other.event_seq)
    return int(row.event_seq) if row.declares else None


def _index(row: Any, voids: int | None) -> list[dict[str, Any]]:
    return [
        {"epc_key": paper.key, "event_time": row.event_time, "event_seq": row.event_seq,
         "role": int(paper.role), "deed": 0, "parent": None, "voids": voids}
        for paper in papers_of(orjson.loads(bytes(row.body)))
    ]  # fmt: skip
