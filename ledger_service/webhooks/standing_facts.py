"""Facts of members as such: who enrolled them, tiers that they reached, kept for longer or lost, and points
that end soon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, select

from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.ids import derive_id
from ledger_service.members.models import member
from ledger_service.points.conversion.models import programme_end
from ledger_service.points.models import expiry_notice, programme
from ledger_service.points.notices import OF_THE_END
from ledger_service.tiers.change_rules import Cause
from ledger_service.tiers.models import tier_change, tier_ladder
from ledger_service.tiers.rules import day_begins
from ledger_service.webhooks.facts import Fact
from ledger_service.webhooks.rules import Kind

_T, _L, _G, _M = tier_change.c, tier_ladder.c, programme.c, member.c
_X, _E = expiry_notice.c, programme_end.c


def climbed(
    conn: Connection, notes: Sequence[tuple[bytes | None, int]], _: datetime
) -> dict[tuple[bytes | None, int], list[Fact]]:
    """The programme's merchant is told how its members stand; of who is erased by then nothing is said."""
    wanted = {number for _, number in notes}
    whose = select(_T.member_id).where(_T.change_id.in_(list(wanted)))
    joined = tier_change.join(programme, _G.programme_id == _T.programme_id).join(
        member, _M.member_id == _T.member_id
    )
    its = select(tier_change, _G.code, _G.merchant_id, _G.timezone).select_from(joined)
    of_them = its.where(_T.member_id.in_(whose), _M.status != "erased").order_by(_T.change_id)
    codes = _Codes(conn)
    # The same twice within a second, with its undoing between, are two facts; counted anew it is none.
    seen: Counter[tuple[Any, ...]] = Counter()
    found: dict[tuple[bytes | None, int], list[Fact]] = {}
    for row in conn.execute(of_them):
        at = row.at
        if row.cause == Cause.TIME:
            at = instant_of_seconds(day_begins(row.day, ZoneInfo(row.timezone)))
        tier = codes.of(row, row.level)
        which = row.member_id, row.programme_id, row.change, tier, row.until_day or 0, format_instant(at)
        seen[which] += 1
        if row.change_id not in wanted:
            continue
        body = {
            "programme": row.code, "ladder": row.ladder_version, "change": row.change, "tier": tier,
            "before": codes.of(row, row.was), "because_of": row.cause,
            "until": None if row.until_day is None else date.fromordinal(row.until_day).isoformat(),
        }  # fmt: skip
        event_id = derive_id("webhook", Kind.TIER, *which, seen[which])
        found[(None, row.change_id)] = [Fact(event_id, row.merchant_id, Kind.TIER, row.member_id, body, at)]
    return found


def enrolled(
    conn: Connection, notes: Sequence[tuple[bytes | None, int]], _: datetime
) -> dict[tuple[bytes | None, int], list[Fact]]:
    """The merchant that enrolled a member is told so; of who is erased by then nothing is said."""
    its = select(_M.member_id, _M.enrolled_by, _M.custody, _M.created_at)
    mine = its.where(_M.member_id.in_([number for _, number in notes]), _M.status != "erased")
    return {
        (None, row.member_id): [Fact(
            derive_id("webhook", Kind.ENROLLED, row.member_id), row.enrolled_by, Kind.ENROLLED, row.member_id,
            {"custody": row.custody}, row.created_at,
        )]
        for row in conn.execute(mine)
    }  # fmt: skip


def ending(
    conn: Connection, notes: Sequence[tuple[bytes | None, int]], _: datetime
) -> dict[tuple[bytes | None, int], list[Fact]]:
    """The programme's merchant is told of each notice that a member has of points that end; of who is erased
    by then nothing is said."""
    into = programme.alias("into")
    joined = (
        expiry_notice.join(programme, _G.programme_id == _X.programme_id)
        .join(member, _M.member_id == _X.member_id)
        .outerjoin(programme_end, (_E.programme_id == _X.programme_id) & (_X.epoch == OF_THE_END))
        .outerjoin(into, into.c.programme_id == _E.target_id)
    )
    its = select(expiry_notice, _G.code, _G.merchant_id, _M.created_at, into.c.code.label("converts_into"))
    mine = _X.notice_id.in_([number for _, number in notes]) & (_M.status != "erased")
    found: dict[tuple[bytes | None, int], list[Fact]] = {}
    for row in conn.execute(its.select_from(joined).where(mine)):
        body = {
            "programme": row.code, "points": row.points, "last_day": row.last_day,
            "days_before": row.days_before, "converts_into": row.converts_into,
        }  # fmt: skip
        # Notices are numbered anew after a restore, and so are members: a member is told apart by when it
        # enrolled, and the notice by what it is of.
        which = row.member_id, format_instant(row.created_at), row.programme_id, row.epoch, row.days_before
        event_id = derive_id("webhook", Kind.ENDING, *which)
        fact = Fact(event_id, row.merchant_id, Kind.ENDING, row.member_id, body, row.noticed_at)
        found[(None, row.notice_id)] = [fact]
    return found


class _Codes:
    """Codes of tiers by ladder and level, each ladder read once."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._known: dict[tuple[int, int], list[str]] = {}

    def of(self, row: Any, level: int) -> str:
        """The code of a level as the change's own ladder numbers it."""
        which = (row.programme_id, row.ladder_version)
        if which not in self._known:
            its = select(_L.body).where(_L.programme_id == which[0], _L.version == which[1])
            tiers = orjson.loads(self._conn.execute(its).scalar_one())["tiers"]
            self._known[which] = [tier["code"] for tier in tiers]
        return self._known[which][level]
