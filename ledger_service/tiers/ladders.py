"""Ladders as text in the database, checked when they come in, and all of them as one value in memory.

Ladders change rarely and ahead of their time, so a checkout decides by a snapshot that is at most a second
old.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from ledger_service.db.engine import Database
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.text import clean_text
from ledger_service.tiers.benefits import Birthday, MemberDay, Stacking
from ledger_service.tiers.models import tier_ladder
from ledger_service.tiers.rules import Broken, Downgrade, Ladder, Tier, Window

Json = dict[str, Any]


def ladder_document(ladder: Ladder) -> Json:
    """The ladder as JSON values; days are lists in ascending order, levels are tier codes."""
    codes = [tier.code for tier in ladder.tiers]
    birthday = ladder.birthday
    return {
        "window": ladder.window.value,
        "window_days": ladder.window_days,
        "grace_days": ladder.grace_days,
        "downgrade": ladder.downgrade.value,
        "broken_promotion": ladder.broken.value,
        "stacking": ladder.stacking.value,
        "tiers": [
            {"code": t.code, "name": t.name, "at_least_minor": t.at_least_minor, "rate_bps": t.rate_bps}
            for t in ladder.tiers
        ],
        "birthday": None
        if birthday is None
        else {
            "rate_bps": birthday.rate_bps,
            "days": birthday.days,
            "least_tier": codes[birthday.least_level],
        },
        "member_days": [
            {
                "rate_bps": one.rate_bps,
                "month_days": sorted(one.month_days),
                "weekdays": sorted(one.weekdays),
                "least_tier": codes[one.least_level],
            }
            for one in ladder.member_days
        ],
    }


def ladder_of(version: int, effective_from: int, given: Mapping[str, Any]) -> Ladder:
    """The ladder that a body or ``ladder_document`` describes; what is absent has its default.

    Raises:
        MalformedField: tiers that do not ascend from zero, a code that is there twice or unknown, a
            member day without days.
    """
    tiers = tuple(
        Tier(
            raw["code"],
            clean_text(raw["name"], "tiers.name", 80),
            raw["at_least_minor"],
            raw.get("rate_bps", 10_000),
        )
        for raw in given["tiers"]
    )
    levels = _levels(tiers)
    birthday = given.get("birthday")
    return Ladder(
        version,
        effective_from,
        tiers,
        Window(given.get("window", Window.CALENDAR_YEAR)),
        given.get("window_days", 365),
        given.get("grace_days", 0),
        Downgrade(given.get("downgrade", Downgrade.REQUALIFY)),
        Broken(given.get("broken_promotion", Broken.KEEP)),
        Stacking(given.get("stacking", Stacking.BEST)),
        None if birthday is None else _birthday(birthday, levels),
        tuple(_member_day(i, raw, levels) for i, raw in enumerate(given.get("member_days", ()))),
    )


def _levels(tiers: tuple[Tier, ...]) -> dict[str, int]:
    amounts = [tier.at_least_minor for tier in tiers]
    if amounts[0] != 0 or amounts != sorted(set(amounts)):
        raise MalformedField("tiers", "must begin with 0 and ask for more with each tier")
    levels = {tier.code: level for level, tier in enumerate(tiers)}
    if len(levels) < len(tiers):
        raise MalformedField("tiers", "must have a code of its own for each tier")
    return levels


def _birthday(raw: Mapping[str, Any], levels: Mapping[str, int]) -> Birthday:
    return Birthday(raw["rate_bps"], raw.get("days", 1), _level(raw, "birthday", levels))


def _member_day(index: int, raw: Mapping[str, Any], levels: Mapping[str, int]) -> MemberDay:
    where = f"member_days[{index}]"
    days, weekdays = frozenset(raw.get("month_days", ())), frozenset(raw.get("weekdays", ()))
    if not days and not weekdays:
        raise MalformedField(where, "must name days of the month or weekdays")
    return MemberDay(raw["rate_bps"], days, weekdays, _level(raw, where, levels))


def _level(raw: Mapping[str, Any], where: str, levels: Mapping[str, int]) -> int:
    code = raw.get("least_tier")
    if code is not None and code not in levels:
        raise MalformedField(f"{where}.least_tier", "must be the code of one of the tiers")
    return 0 if code is None else levels[code]


@dataclass(frozen=True)
class Ladders:
    """Every ladder of the alliance, by programme, versions ascending; ``count`` of them."""

    count: int = 0
    by_programme: Mapping[int, tuple[Ladder, ...]] = field(default_factory=dict)

    def of(self, programme_id: int) -> tuple[Ladder, ...]:
        """The versions of a programme; empty where it has no tiers."""
        return self.by_programme.get(programme_id, ())

    def any_of(self, programme_ids: Iterable[int]) -> bool:
        """Whether one of the programmes has a ladder."""
        return not self.by_programme.keys().isdisjoint(programme_ids)


NO_LADDERS = Ladders()


def read_ladders(conn: Connection) -> Ladders:
    """The ladders as a db transaction sees them."""
    found: dict[int, tuple[Ladder, ...]] = {}
    rows = conn.execute(select(tier_ladder).order_by("programme_id", "version")).all()
    for row in rows:
        one = ladder_of(row.version, row.effective_from, orjson.loads(row.body))
        found[row.programme_id] = (*found.get(row.programme_id, ()), one)
    return Ladders(len(rows), found)


class LadderCache:
    """The ladders of a process; looks for newer ones at most once in ``life_seconds``."""

    def __init__(self, database: Database, monotonic: Callable[[], float], life_seconds: int = 1) -> None:
        self._database = database
        self._monotonic = monotonic
        self._life_seconds = life_seconds
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._ladders = NO_LADDERS

    def current(self) -> Ladders:
        """The ladders, at most ``life_seconds`` behind the database."""
        looked = self._looked_at
        if looked is not None and self._monotonic() - looked < self._life_seconds:
            return self._ladders
        with self._lock:
            now = self._monotonic()
            if self._looked_at is None or now - self._looked_at >= self._life_seconds:
                self._look()
                self._looked_at = now
            return self._ladders

    def refresh(self) -> Ladders:
        """The ladders as they stand in the database now."""
        with self._lock:
            self._look()
            self._looked_at = self._monotonic()
            return self._ladders

    def _look(self) -> None:
        with self._database.snapshot() as conn:
            count = conn.execute(select(func.count()).select_from(tier_ladder)).scalar_one()
            if count != self._ladders.count:
                self._ladders = read_ladders(conn)
