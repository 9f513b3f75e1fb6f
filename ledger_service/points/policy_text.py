"""Policies of a programme as the JSON text that ``programme`` keeps, both ways."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from ledger_service.points.inactivity_rules import Activity


def notice_days_of(text: str | None) -> tuple[int, ...]:
    """The days that ``programme.notice_days`` keeps, the longest before the end first."""
    return () if text is None else tuple(orjson.loads(text))


def activities_of(text: str | None) -> tuple[Activity, ...]:
    """The activities that ``programme.inactivity`` keeps; none where points end by time alone."""
    return () if text is None else tuple(map(Activity, orjson.loads(text)))


def activities_text(activities: Iterable[Activity]) -> str | None:
    """The text that ``programme.inactivity`` keeps, each activity once; None for none."""
    once = sorted({activity.value for activity in activities})
    return orjson.dumps(once).decode() if once else None


def notice_days_text(days: Iterable[int]) -> str | None:
    """The text that ``programme.notice_days`` keeps, each day once; None for no notices."""
    once = sorted(set(days), reverse=True)
    return orjson.dumps(once).decode() if once else None
