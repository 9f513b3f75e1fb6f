"""Commands of the tiers room; the caller commits. Activity changes inside a checkout's draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select

from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.clock import seconds_floor
from ledger_service.tiers.change_rules import Cause, Stand, carried_level
from ledger_service.tiers.changing import note_change
from ledger_service.tiers.errors import LadderOutOfOrder
from ledger_service.tiers.ladders import ladder_document
from ledger_service.tiers.models import member_tier, qualifying_day, tier_ladder
from ledger_service.tiers.rules import Ladder, Place, place_at, years_that_count

MEMBER_TIER: Load = load_by(member_tier, "member_id", "programme_id")
DAYS_OF_YEAR: Load = load_by(qualifying_day, "member_id", "programme_id", "year")


def publish(conn: Connection, programme_id: int, ladder: Ladder, at: datetime) -> Ladder:
    """The programme has one more version of its ladder; until its time members stay by the one before.

    Returns:
        The ladder with the version that it got.

    Raises:
        LadderOutOfOrder: it would count before now, or not after the version before it.

    Locks: none; two publishers at once meet in the primary key, and one is told to try again.
    """
    mine = tier_ladder.c.programme_id == programme_id
    latest = select(func.max(tier_ladder.c.version), func.max(tier_ladder.c.effective_from)).where(mine)
    version, effective = conn.execute(latest).one()
    earliest = max(seconds_floor(at), 0 if effective is None else effective + 1)
    if ladder.effective_from < earliest:
        raise LadderOutOfOrder(earliest)
    numbered = replace(ladder, version=(version or 0) + 1)
    row = {"programme_id": programme_id, "version": numbered.version, "published_at": at}
    body = orjson.dumps(ladder_document(numbered)).decode()
    conn.execute(insert(tier_ladder).values({**row, "effective_from": ladder.effective_from, "body": body}))
    return numbered


@dataclass(frozen=True, slots=True)
class Climber:
    """A member on the ladder of a programme, as its command has loaded it.

    ``versions`` are all of the programme's ladders and ``at`` is the present second: ``count`` needs them.
    """

    member_id: int
    programme_id: int
    ladder: Ladder
    versions: tuple[Ladder, ...] = ()
    at: int = 0

    def needs(self, day: int) -> list[Need]:
        """What ``place`` and ``count`` of this day read: the cached row, and the years that matter."""
        years = years_that_count(self.ladder, day)
        return [
            MEMBER_TIER.of(self.member_id, self.programme_id),
            *(DAYS_OF_YEAR.of(self.member_id, self.programme_id, year) for year in years),
        ]

    def place(self, draft: Draft, day: int, today: int) -> Place:
        """Where the member stands on the day, before anything that is not in the draft yet.

        Reads: ``needs`` of the day and, where it is past, of every year up to ``today``.
        """
        amounts, total = self._amounts(draft, day), _total(self._row(draft))
        if day < today:
            total -= sum(self._bought_after(draft, day, today))
        return place_at(self.ladder, amounts, day, total)

    def _bought_after(self, draft: Draft, day: int, today: int) -> list[int]:
        years = range(date.fromordinal(day).year, date.fromordinal(today).year + 1)
        rows = [
            r for year in years for r in draft.find(DAYS_OF_YEAR, self.member_id, self.programme_id, year)
        ]
        return [row["amount_minor"] for row in rows if row["day"] > day]

    def count(self, draft: Draft, day: int, change_minor: int, today: int) -> Place:
        """So much more (or less, for a refund) counts for the day; the cached row says where that leaves it.

        What is taken off is bounded by what stands there: before a new programme's sales were counted, a
        refund may find less than it returns, and the count that follows leaves it out by itself.

        Args:
            draft: with what ``needs`` of ``today`` asked for, and the year of ``day``.
            day: the business day of the sale.
            change_minor: minor units; nothing is written for 0.
            today: the business day on which this happens.

        Returns:
            Where the member stands now.
        """
        row = self._row(draft)
        stood = self._stood(draft, row, today)
        cause = Cause.PURCHASE if change_minor > 0 else Cause.REFUND
        if change_minor:
            change_minor = self._change_day(draft, day, change_minor)
        total = _total(row) + change_minor
        amounts = self._amounts(draft, today)
        # Another host's clock may be a day ahead: its row is not taken back to yesterday.
        place = place_at(self.ladder, amounts, max(today, *amounts, 1), total)
        self._write(draft, row, place, total)
        self._note(draft, (stood, Stand(place.level, place.until_day)), cause, today)
        return place

    def _stood(self, draft: Draft, row: Mapping[str, Any] | None, today: int) -> Stand:
        """Where the member stands before this command, by the ladder in force.

        What the job is yet to find of it, since a day or a version has begun, is written first.
        """
        if row is None:
            return Stand()
        version, until = row["ladder_version"], row["until_day"]
        stood, same = Stand(row["level"], until), version == self.ladder.version
        lapsed = until is not None and until < today
        if same and not lapsed:
            return stood
        amounts = self._amounts(draft, today)
        place = place_at(self.ladder, amounts, max(today, *amounts, 1), _total(row))
        if not same:
            level = carried_level(self.versions, self.ladder, version, stood.level)
            stood = Stand(level, until)
        now = Stand(place.level, place.until_day)
        cause, since = (Cause.TIME, until + 1) if same else (Cause.LADDER, today)
        self._note(draft, (stood, now), cause, since)
        return now

    def _note(self, draft: Draft, stands: tuple[Stand, Stand], cause: Cause, day: int) -> None:
        whose = (self.member_id, self.programme_id, self.at)
        note_change(draft, whose, self.ladder, stands, (cause, day))

    def _change_day(self, draft: Draft, day: int, change_minor: int) -> int:
        year = date.fromordinal(day).year
        key = (self.member_id, self.programme_id, year, day)
        row = draft.get(qualifying_day, key)
        if row is not None:
            change_minor = max(change_minor, -row["amount_minor"])
            draft.change(qualifying_day, key, amount_minor=row["amount_minor"] + change_minor)
            return change_minor
        if change_minor < 0:
            return 0
        names = ("member_id", "programme_id", "year", "day")
        draft.add(qualifying_day, {**dict(zip(names, key, strict=True)), "amount_minor": change_minor})
        return change_minor

    def _write(self, draft: Draft, row: Mapping[str, Any] | None, place: Place, total: int) -> None:
        values = {
            "level": place.level,
            "until_day": place.until_day,
            "total_minor": total,
            "ladder_version": self.ladder.version,
        }
        key = {"member_id": self.member_id, "programme_id": self.programme_id}
        if row is None:
            if total:
                draft.add(member_tier, {**key, **values})
        elif any(row[name] != value for name, value in values.items()):
            draft.change(member_tier, (self.member_id, self.programme_id), **values)

    def _row(self, draft: Draft) -> Mapping[str, Any] | None:
        return draft.get(member_tier, (self.member_id, self.programme_id))

    def _amounts(self, draft: Draft, day: int) -> dict[int, int]:
        years = years_that_count(self.ladder, day)
        rows = [
            r for year in years for r in draft.find(DAYS_OF_YEAR, self.member_id, self.programme_id, year)
        ]
        return {row["day"]: row["amount_minor"] for row in rows}


def _total(row: Mapping[str, Any] | None) -> int:
    return 0 if row is None else row["total_minor"]
