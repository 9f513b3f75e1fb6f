"""Ladders of tiers and the standing of a member on them, as JSON."""

from __future__ import annotations

from typing import Any

from ledger_service.api import shapes
from ledger_service.api.paging import MOST_ROWS
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.points.catalogue import Programme
from ledger_service.tiers.benefits import Stacking
from ledger_service.tiers.ladders import ladder_document
from ledger_service.tiers.queries import Standing
from ledger_service.tiers.rules import Broken, Downgrade, Ladder, Window, day_begins

Json = dict[str, Any]
_CODE = Text(pattern="[A-Z0-9]{2,12}", about="Code of a tier")
_RATE = Integer(10_000, 100_000, "Hundredths of a percent of the plain rate; 12500 is a quarter more")
_TIER = Record(
    {"code": _CODE, "name": Text(80), "at_least_minor": Integer(0, 10**12, "Minor units in a window")},
    {"rate_bps": _RATE},
)
_BIRTHDAY = Record(
    {"rate_bps": _RATE}, {"days": Integer(1, 31, "Local days from the birthday on"), "least_tier": _CODE}
)
_MEMBER_DAY = Record(
    {"rate_bps": _RATE},
    {
        "month_days": Listing(Integer(1, 31), 31),
        "weekdays": Listing(Integer(1, 7, "1 is Monday"), 7),
        "least_tier": _CODE,
    },
)
LADDER = Named(
    "Ladder",
    Record(
        {"tiers": Listing(_TIER, 12, 1, "Lowest first; the lowest asks for 0")},
        {
            "window": Text(one_of=tuple(w.value for w in Window)),
            "window_days": Integer(1, 1830, "Of rolling windows"),
            "grace_days": Integer(0, 1830, "How long a tier outlives its window"),
            "downgrade": Text(one_of=tuple(d.value for d in Downgrade)),
            "broken_promotion": Text(one_of=tuple(b.value for b in Broken)),
            "stacking": Text(one_of=tuple(s.value for s in Stacking)),
            "birthday": Nullable(_BIRTHDAY),
            "member_days": Listing(_MEMBER_DAY, 12),
        },
    ),
)
_VERSIONS = Listing(Record(closed=False), MOST_ROWS)
LADDERS = shapes.answer("Ladders", programme=shapes.PROGRAMME, versions=_VERSIONS)
PUBLISHED = shapes.answer("PublishedLadder", programme=shapes.PROGRAMME, members_moving=Nullable(Integer()))
_STANDING = shapes.answer(
    "Standing", programme=shapes.PROGRAMME, tier=_CODE, since=Nullable(shapes.INSTANT),
    until=Nullable(shapes.INSTANT), reason=Text(), to_next_minor=Nullable(shapes.MINOR),
)  # fmt: skip
STANDINGS = shapes.answer("Standings", number=shapes.NUMBER, tiers=Listing(_STANDING))


def version_document(ladder: Ladder) -> Json:
    """A published ladder."""
    effective = format_instant(instant_of_seconds(ladder.effective_from))
    return {"version": ladder.version, "effective_from": effective, **ladder_document(ladder)}


def moves_document(ladders: tuple[Ladder | None, Ladder], moves: dict[tuple[int, int], int]) -> list[Json]:
    """From which tier to which so many members would go; None where there was no tier before."""
    before, after = ladders
    return [
        {
            "from": None if before is None else before.tiers[was].code,
            "to": after.tiers[will].code,
            "members": members,
        }
        for (was, will), members in sorted(moves.items())
    ]


def standing_document(programme: Programme, standing: Standing) -> Json:
    """A member's tier; ``since`` and ``until`` are local midnights of the programme, ``until`` excluded."""
    ladder, place = standing.ladder, standing.place
    tier = ladder.tiers[place.level]
    until, since = place.until_day, standing.since_day
    return {
        "programme": programme.code,
        "tier": tier.code,
        "name": tier.name,
        "rate_bps": tier.rate_bps,
        "ladder_version": ladder.version,
        "since": None if since is None else _midnight(programme, since),
        "until": None if until is None else _midnight(programme, until + 1),
        "reason": place.reason.value,
        "window": ladder.window.value,
        "window_minor": place.window_minor,
        "next_tier": None if place.level == ladder.top else ladder.tiers[place.level + 1].code,
        "to_next_minor": standing.to_next_minor,
        "to_keep_minor": standing.to_keep_minor,
    }


def _midnight(programme: Programme, day: int) -> str:
    return format_instant(instant_of_seconds(day_begins(day, programme.zone)))
