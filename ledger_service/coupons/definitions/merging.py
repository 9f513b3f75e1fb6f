"""Two members become one: what both have used of a coupon counts against the limits of who stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from ledger_service.coupons.definitions.models import coupon_definition, coupon_use
from ledger_service.db.bulk import sql_of
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent

_U = coupon_use.c
_AT_ONCE = 500
# A till's sale alone counts by its own day for a week; a day more on either side for the zones.
_DAYS_BACK, _DAYS_AHEAD = 9, 2


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Counters of who closes are added to those of who stays: for good, and of days that may still count.

    Locks: none further; counters of a member are guarded by its row, which whoever merges has locked.
    """
    definitions = list(conn.execute(select(coupon_definition.c.definition_id)).scalars())
    whens = list(_whens(merge.at))
    keys = [
        f"{definition}:{scope}:{merge.closes}{when}" for definition in definitions for scope, when in whens
    ]
    for some in (keys[at : at + _AT_ONCE] for at in range(0, len(keys), _AT_ONCE)):
        for row in conn.execute(select(coupon_use).where(_U.use_key.in_(some))).mappings().all():
            when = row["subject"].removeprefix(str(merge.closes))
            subject = f"{merge.stays}{when}"
            key = f"{row['definition_id']}:{row['scope']}:{subject}"
            more = {"count": _U.count + row["count"], "value_minor": _U.value_minor + row["value_minor"]}
            if not conn.execute(update(coupon_use).where(_U.use_key == key).values(more)).rowcount:
                sql_of(coupon_use, conn).insert(conn, [{**row, "use_key": key, "subject": subject}])
        conn.execute(delete(coupon_use).where(_U.use_key.in_(some)))
    return []


def _whens(at: datetime) -> Iterator[tuple[str, str]]:
    """Scopes of a member with the end of their key, as ``budgets`` writes them."""
    yield "member", ""
    days = [at.date() + timedelta(days=n) for n in range(-_DAYS_BACK, _DAYS_AHEAD + 1)]
    yield from (("member-day", f":{day.toordinal()}") for day in days)
    yield from (("member-week", f":{year}-{week}") for year, week in sorted({_week(day) for day in days}))
    yield from (("member-month", f":{y}-{m}") for y, m in sorted({(day.year, day.month) for day in days}))


def _week(day: date) -> tuple[int, int]:
    year, week, _ = day.isocalendar()
    return year, week
