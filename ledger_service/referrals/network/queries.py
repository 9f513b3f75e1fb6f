"""Reads of the network that a request may ask for: the newest report, a spread, a member's tree."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, select

from ledger_service.members.models import member
from ledger_service.referrals.links.models import share_bind, share_link, share_tie
from ledger_service.referrals.network.errors import ShareNetworkUnmeasured
from ledger_service.referrals.network.models import share_network
from ledger_service.referrals.network.pictures import ELSEWHERE, Tie, by_place

_B, _L, _T, _N = share_bind.c, share_link.c, share_tie.c, share_network.c
MOST_DRAWN = 3_000
TREE_LEVELS = 8


class Measured(NamedTuple):
    """A report with its instant; ``numbers`` are those of the members in it, but of erased ones."""

    at: datetime
    report: dict[str, Any]
    numbers: dict[int, str]


def newest(conn: Connection, campaign_id: bytes, until: datetime) -> Measured:
    """The newest report by an instant.

    Raises:
        ShareNetworkUnmeasured: there is none.
    """
    its = select(_N.measured_at, _N.report).where(_N.campaign_id == campaign_id, _N.measured_at <= until)
    row = conn.execute(its.order_by(_N.measured_at.desc()).limit(1)).one_or_none()
    if row is None:
        raise ShareNetworkUnmeasured
    report = orjson.loads(row.report)
    return Measured(row.measured_at, report, _numbers(conn, _named(report)))


def spread_of(conn: Connection, campaign_id: bytes, until: datetime) -> list[Tie]:
    """Who followed whom in the campaign, by an instant, the first ``MOST_DRAWN`` in their order."""
    its = select(_B.sharer_id, _B.member_id, _B.bound_at, _L.channel).select_from(
        share_bind.join(share_link, _L.code == _B.code)
    ).where(_B.campaign_id == campaign_id, _B.sharer_id.is_not(None), _B.bound_at <= until)  # fmt: skip
    return [Tie(*row) for row in conn.execute(its.order_by(_B.number).limit(MOST_DRAWN))]


def spread_by_place(conn: Connection, campaign_id: bytes, until: datetime) -> list[Tie]:
    """As ``spread_of``, with who came by a cashier's live code: each place is a source, numbered below
    nought, and what came over a member's link has the place of whoever stands first in its line."""
    its = select(_B.sharer_id, _B.member_id, _B.bound_at, _L.place).select_from(
        share_bind.join(share_link, _L.code == _B.code)
    ).where(_B.campaign_id == campaign_id, _B.bound_at <= until)  # fmt: skip
    places: dict[str, int] = {}
    ties = []
    for sharer, target, at, place in conn.execute(its.order_by(_B.number).limit(MOST_DRAWN)):
        source = sharer if place is None else places.setdefault(place, -1 - len(places))
        ties.append(Tie(source, target, at, place or ELSEWHERE))
    return by_place([tie for tie in ties if tie.source is not None])


def tree_of(conn: Connection, member_id: int) -> list[Tie]:
    """Who came of a member into the alliance, level by level, so many levels and members at most."""
    found: list[Tie] = []
    frontier = [member_id]
    for _ in range(TREE_LEVELS):
        if not frontier or len(found) >= MOST_DRAWN:
            break
        its = select(_T.sharer_id, _T.member_id, _T.tied_at, _L.channel).select_from(
            share_tie.join(share_bind, _B.number == _T.number).join(share_link, _L.code == _B.code)
        ).where(_T.sharer_id.in_(frontier))  # fmt: skip
        some = conn.execute(its.order_by(_T.number).limit(MOST_DRAWN - len(found)))
        level = [Tie(*row) for row in some]
        found += level
        frontier = [tie.target for tie in level]
    return found


def _named(report: dict[str, Any]) -> set[int]:
    tops = (report.get("strength", []), report.get("reach", []), report.get("influence", []))
    between = report.get("betweenness", {}).get("top", [])
    return {one["member"] for top in (*tops, between) for one in top} | set(report.get("deepest", []))


def _numbers(conn: Connection, members: set[int]) -> dict[int, str]:
    its = select(member.c.member_id, member.c.member_number).where(member.c.member_id.in_(members))
    return {row.member_id: row.member_number for row in conn.execute(its)}
