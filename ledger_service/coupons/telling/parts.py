"""A list's tree in parts of 1,024 codes: a proof hashes one part again, however long the list is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select

from ledger_service.coupons.codes.models import coupon_code
from ledger_service.coupons.codes.rules import leaf_of
from ledger_service.coupons.telling.models import coupon_list_part
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.merkle import proof_of, root_of

# A power of two, so that the roots of parts are a row of the whole tree.
PART_CODES = 1_024
_C, _P = coupon_code.c, coupon_list_part.c


def parts_of_leaves(leaves: Sequence[bytes]) -> list[bytes]:
    """The roots of a list's parts, over which its root is made."""
    return [root_of(leaves[at : at + PART_CODES]) for at in range(0, len(leaves), PART_CODES)]


def keep_parts(conn: Connection, list_id: int, parts: Sequence[bytes]) -> None:
    """The parts of a list stand; there were none before."""
    rows = [{"list_id": list_id, "part": part, "root": root} for part, root in enumerate(parts)]
    sql_of(coupon_list_part, conn).insert(conn, rows)


def code_proof(conn: Connection, listed: RowMapping, position: int) -> tuple[bytes, tuple[bytes, ...]]:
    """The tag of a sealed list's code, and the way from its leaf to the list's root.

    Lists that were sealed before parts were kept are hashed whole.
    """
    part = position // PART_CODES
    mine = _P.list_id == listed["list_id"]
    parts = conn.execute(select(_P.root).where(mine).order_by(_P.part)).scalars().all()
    first = part * PART_CODES if parts else 0
    tags = _tags(conn, listed["list_id"], (first, first + PART_CODES if parts else listed["size"]))
    leaves = [leaf_of(listed["gcn"], at, tag) for at, tag in enumerate(tags, listed["first"] + first)]
    within = proof_of(leaves, position - first)
    above = proof_of(parts, part) if parts else []
    return tags[position - first], (*within, *above)


def _tags(conn: Connection, list_id: int, span: tuple[int, int]) -> Sequence[bytes]:
    first, end = span
    mine = (_C.list_id == list_id) & (_C.position >= first) & (_C.position < end)
    return conn.execute(select(_C.tag).where(mine).order_by(_C.position)).scalars().all()
