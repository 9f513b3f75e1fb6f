"""Events are found by what their sensors, quantities and declarations say, and places are listed.

A merchant's places are written once by whoever tells of them first; those of the operator stand under 0.
"""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from ledger_service.traceability.epcis.details import details_of

revision = "0105_events_by_details"
down_revision = "0102_claimed_receipts"
_STEP = 500
_PARTS = tuple(name.encode() for name in (
    "sensorElementList", "uantityList", "persistentDisposition", "errorDeclaration",
))  # fmt: skip
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
    op.create_table(
        "epcis_place",
        sa.Column("kind", sa.String(11), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.CheckConstraint("kind IN ('readPoint', 'bizLocation')", name=op.f("ck_epcis_place_kind_known")),
        sa.PrimaryKeyConstraint("kind", "name", "merchant_id", name=op.f("pk_epcis_place")),
    )
    op.create_index("ix_epcis_place_merchant_id", "epcis_place", ["merchant_id", "kind", "name"])
    for kind, column in (("readPoint", "read_point"), ("bizLocation", "biz_location")):
        op.execute(
            "INSERT INTO epcis_place (kind, name, merchant_id)"
            f" SELECT DISTINCT '{kind}', {column}, coalesce(merchant_id, 0) FROM epcis_event"
            f" WHERE {column} IS NOT NULL"
        )
    _index_details()


def _index_details() -> None:
    """The rows that capture would have made, a few hundred events at a time."""
    conn, after = op.get_bind(), -1
    e = _EVENT.c
    while True:
        wanted = sa.select(_EVENT).where(e.event_seq > after).order_by(e.event_seq).limit(_STEP)
        rows = conn.execute(wanted).all()
        if not rows:
            return
        after = rows[-1].event_seq
        telling = [row for row in rows if any(part in bytes(row.body) for part in _PARTS)]
        if not telling:
            continue
        others = sa.select(e.hash, e.declares, e.event_seq, e.merchant_id)
        alike = conn.execute(others.where(e.hash.in_([row.hash for row in telling]))).all()
        made = [index for row in telling for index in _index(row, _voids(row, alike))]
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
        {"epc_key": detail.key, "event_time": row.event_time, "event_seq": row.event_seq,
         "role": int(detail.role), "deed": 0, "parent": None, "voids": voids}
        for detail in details_of(orjson.loads(bytes(row.body)))
    ]  # fmt: skip
