"""Reads of prefixes: which stand, what was done about them, and which products lie under another's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, RowMapping, func, select

from ledger_service.traceability.goods.models import trace_product
from ledger_service.traceability.prefixes.models import trace_prefix, trace_prefix_act
from ledger_service.traceability.prefixes.rules import GTIN_8, LONGEST, SHORTEST

_STEP = 500
_P, _A, _G = trace_prefix.c, trace_prefix_act.c, trace_product.c


def prefixes_after(
    conn: Connection, merchant_id: int | None, after: str | None, most: int
) -> Sequence[RowMapping]:
    """Prefixes of a merchant (all where None) behind one, in their order."""
    its = select(trace_prefix).where(_P.prefix > (after or ""))
    if merchant_id is not None:
        its = its.where(_P.merchant_id == merchant_id)
    return conn.execute(its.order_by(_P.prefix).limit(most)).mappings().all()


def merchants_of_prefixes(conn: Connection, prefixes: Iterable[str]) -> dict[str, int]:
    """Whose those of the prefixes are that are allotted."""
    found: dict[str, int] = {}
    wanted = sorted(set(prefixes))
    for start in range(0, len(wanted), _STEP):
        part = wanted[start : start + _STEP]
        rows = conn.execute(select(_P.prefix, _P.merchant_id).where(_P.prefix.in_(part)))
        found |= {row.prefix: row.merchant_id for row in rows}
    return found


def acts_after(conn: Connection, after: int | None, most: int) -> Sequence[RowMapping]:
    """What was done about prefixes, the oldest first, behind an act."""
    its = select(trace_prefix_act).where(_A.act_no > (after or 0))
    return conn.execute(its.order_by(_A.act_no).limit(most)).mappings().all()


def conflicts_after(conn: Connection, after: str | None, most: int) -> Sequence[RowMapping]:
    """Products that lie under a prefix of another merchant, by GTIN, with the prefix and its merchant."""
    # By key, and not each product against each prefix.
    under = _P.prefix.in_([func.substr(_G.gtin, 2, length) for length in range(SHORTEST, LONGEST + 1)])
    its = (
        select(_G.gtin, _G.merchant_id, _G.brand, _P.prefix, _P.merchant_id.label("prefix_of"))
        .select_from(trace_product.join(trace_prefix, under))
        .where(_G.merchant_id != _P.merchant_id, _G.gtin > (after or ""))
        .where(func.substr(_G.gtin, 1, len(GTIN_8)) != GTIN_8)
    )
    return conn.execute(its.order_by(_G.gtin).limit(most)).mappings().all()
