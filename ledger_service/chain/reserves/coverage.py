"""How far merchants' reserves cover their outstanding points, from the mirror alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from ledger_service.chain.models import chain_counter, chain_programme, chain_terms
from ledger_service.db.models import chain_reserve, operator_act
from ledger_service.kernel.reserve_wishes import KINDS, Cure

_WHOLE_BPS = 10_000
_CURE = next(kind for kind, wish in KINDS.items() if wish is Cure)


@dataclass(frozen=True, slots=True)
class Reserve:
    """What stands behind a merchant's points, in micros of the settlement currency and seconds, 0 for none.

    ``figure_micros`` is the custodian's last word, ``outstanding_micros`` all points at their general value.
    """

    merchant: int
    figure_micros: int
    as_of: int
    stale_from: int
    required_bps: int
    default_from: int
    outstanding_micros: int

    def counted_micros(self, at: int) -> int:
        """The figure, or nothing once it is stale."""
        return self.figure_micros if at < self.stale_from else 0

    def bps(self, at: int) -> int | None:
        """Which part of what is outstanding is covered; None where nothing is."""
        if not self.outstanding_micros:
            return None
        return self.counted_micros(at) * _WHOLE_BPS // self.outstanding_micros

    def is_short(self, at: int) -> bool:
        """Whether less is covered than must be."""
        covered = self.bps(at)
        return covered is not None and covered < self.required_bps

    def in_default(self, at: int) -> bool:
        """Whether the merchant's points are redeemed out of its reserve."""
        return 0 < self.default_from <= at


def reserves(conn: Connection, at: int) -> list[Reserve]:
    """Every merchant of which a figure, a requirement or a default was ever counted, ascending."""
    r, newer = chain_reserve.c, chain_reserve.alias()
    last = select(func.max(newer.c.block_number)).where(newer.c.merchant == r.merchant).scalar_subquery()
    told = select(chain_reserve).where(r.block_number == last).order_by(r.merchant, r.log_index)
    rows = {row.merchant: row for row in conn.execute(told)}
    owed = _outstanding(conn, at) if rows else {}
    return [
        Reserve(
            merchant, int(row.reserve_micros), row.as_of, row.stale_from, row.required_bps, row.default_from,
            owed.get(merchant, 0),
        )
        for merchant, row in rows.items()
    ]  # fmt: skip


def reserve_of(conn: Connection, merchant: int, at: int) -> Reserve:
    """One merchant's; zeros, but for what is outstanding, where the chain never told of one."""
    found = next((one for one in reserves(conn, at) if one.merchant == merchant), None)
    return found or Reserve(merchant, 0, 0, 0, 0, 0, _outstanding(conn, at).get(merchant, 0))


def cure_asked(conn: Connection, name: str) -> int | None:
    """When the default began whose cure was asked for under that name; None where none was."""
    mine = operator_act.c.act_id == f"{_CURE}:{name}"
    payload = conn.execute(select(operator_act.c.payload).where(mine)).scalar()
    return None if payload is None else int(json.loads(payload)["begins"])


def in_default(conn: Connection, at: int) -> frozenset[int]:
    """The merchants whose points are redeemed out of their reserve."""
    return frozenset(one.merchant for one in reserves(conn, at) if one.in_default(at))


def figures(conn: Connection, at: int) -> dict[str, int]:
    """For a monitor: how many merchants are short, and in how many seconds the next required figure is stale;
    none where no reserve is required."""
    required = [one for one in reserves(conn, at) if one.required_bps]
    if not required:
        return {}
    return {
        "reserves_short": sum(one.is_short(at) for one in required),
        "reserve_figure_seconds": max(0, min(one.stale_from for one in required) - at),
    }


def _outstanding(conn: Connection, at: int) -> Mapping[int, int]:
    c, p = chain_counter.c, chain_programme.c
    left = func.sum(c.issued + c.restored - c.redeemed - c.clawed_back - c.expired)
    joined = chain_counter.join(chain_programme, p.programme_id == c.programme_id)
    query = select(p.issuer, c.programme_id, left).select_from(joined).group_by(p.issuer, c.programme_id)
    values, owed = _values(conn, at), dict[int, int]()
    for issuer, programme, points in conn.execute(query):
        owed[issuer] = owed.get(issuer, 0) + int(points) * values[programme]
    return owed


def _values(conn: Connection, at: int) -> dict[int, int]:
    t, values = chain_terms.c, dict[int, int]()
    query = select(t.programme_id, t.effective_from, t.point_value_micros).where(t.acceptor == 0)
    for programme, since, micros in conn.execute(query.order_by(t.version)):
        # As the contract's `currentTerms`: the first terms count where none are in force yet.
        if since <= at or programme not in values:
            values[programme] = micros
    return values
