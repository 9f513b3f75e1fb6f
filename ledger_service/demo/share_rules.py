"""The sharing model of the main run, as published in docs/run-rules.md: pure, the same for one seed.

Who shopped when is data; who shares with whom is not in it and is drawn here. Nothing looks ahead at what a
household will buy.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.demo.alliance_plan import MERCHANTS
from ledger_service.demo.rules import draw
from ledger_service.kernel.clock import parse_instant, seconds_floor

FRIENDS, PANTRY = "BRING-A-FRIEND", "PANTRY-CLUB"
BEGINS = seconds_floor(parse_instant("2017-01-02T05:00:00Z", "share"))
RING_AT = seconds_floor(parse_instant("2017-01-03T15:00:00Z", "share"))
RING, RING_BUYS, RING_PAYS = 3, "MEAT", 1_000
SHARES_BPS, PANTRY_BPS, BRINGS_BPS, FOLLOWS_BPS = 4_000, 5_000, 4_500, 3_000
_MOST_LIKED, _MOST_VIEWS = 40, 9
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# Channel, and the ten thousandths up to which a draw falls on it.
_CHANNELS = (
    ("wechat-group", 3_500), ("wechat-moments", 5_500), ("line", 7_000), ("whatsapp", 8_200),
    ("weibo", 9_000), ("sms", 9_600), ("paper", 10_000),
)  # fmt: skip
_GLN = {merchant.key: merchant.gln for merchant in MERCHANTS}
CAMPAIGNS: dict[str, dict[str, Any]] = {
    FRIENDS: {
        "code": FRIENDS, "merchant": _GLN["GROC"], "programme": "GROC", "name": "Bring a friend",
        "terms": {
            "trigger": "first-purchase", "sharer_points": 200, "newcomer_points": 100, "second_points": 50,
            "milestones": [{"count": 3, "points": 200}, {"count": 10, "points": 1_000}], "vest_days": 3,
            "most_per_sharer": 20, "most_a_day": 5, "burst_hour": 4,
        },
        "budget": {"points": 200_000, "rewards": 3_000},
    },
    PANTRY: {
        "code": PANTRY, "merchant": _GLN["MEAT"], "programme": "MEAT", "name": "Pantry club",
        "terms": {
            "trigger": "basket", "least_minor": 500, "sharer_points": 100, "newcomer_points": 60,
            "window_days": 14, "touch": "first", "vest_days": 0, "most_per_sharer": 12,
        },
        "budget": {"points": 100_000, "rewards": 1_200},
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Shared:
    """A member makes a link and shares it; so many people look at it within a day and go away again."""

    at: int
    household: int
    campaign: str
    channel: str
    views: int


@dataclass(frozen=True, slots=True, order=True)
class Came:
    """Somebody opens a member's link and taps once: a newcomer enrols, a member follows."""

    at: int
    household: int
    sharer: int
    campaign: str
    newcomer: bool

    @property
    def touched_at(self) -> int:
        """When the link was opened, some minutes before."""
        return self.at - 3 * _MINUTE - self.household % 15 * _MINUTE


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that happens besides the purchases, in its order."""

    shared: tuple[Shared, ...]
    came: tuple[Came, ...]


def channel_of(seed: str, household: int) -> str:
    """The channel over which a household shares."""
    place = draw(seed, "channel", household)
    return next(name for name, below in _CHANNELS if place < below)


def liked(seed: str, household: int) -> int:
    """How many times as many people listen to this household as to most: few are heard by very many."""
    return min(_MOST_LIKED, 10_000 // (draw(seed, "liked", household) + 1) + 1)


def model_of(seed: str, firsts: Sequence[tuple[int, int]], ring: Sequence[int]) -> Model:
    """The model of households with their first baskets (household, seconds), earliest first."""
    crowd = {code: _Crowd() for code in CAMPAIGNS}
    shared: list[Shared] = []
    came: list[Came] = []
    for household, first in firsts:
        joined = first
        for one in _brought(seed, household, first, crowd[FRIENDS]):
            came.append(one)
            joined = one.at
        if household not in ring:
            came += _followed(seed, household, joined, crowd[PANTRY])
            for link in _shares(seed, household, joined):
                shared.append(link)
                crowd[link.campaign].add(link.at, household, liked(seed, household))
    for place, household in enumerate(ring):
        shared.append(Shared(RING_AT, household, PANTRY, "wechat-group", 0))
        sharer = ring[(place + 1) % len(ring)]
        came.append(Came(RING_AT + _HOUR + place * _MINUTE, household, sharer, PANTRY, newcomer=False))
    return Model(tuple(sorted(shared)), tuple(sorted(came)))


class _Crowd:
    """Who has shared a campaign since when, each with the weight of who listens."""

    def __init__(self) -> None:
        self._links: list[tuple[int, int, int]] = []

    def add(self, at: int, household: int, weight: int) -> None:
        insort(self._links, (at, household, weight))

    def pick(self, before: int, decision: int, but: int) -> int | None:
        """One of those who had shared an hour before; a draw decides, by weight."""
        known = self._links[: bisect_right(self._links, (before - _HOUR,))]
        known = [one for one in known if one[1] != but]
        place = decision * sum(weight for _, _, weight in known) // 10_000
        for _, household, weight in known:
            place -= weight
            if place < 0:
                return household
        return None


def _brought(seed: str, household: int, first: int, crowd: _Crowd) -> Iterator[Came]:
    """A newcomer's enrolment, some hours before the household's first basket."""
    at = first - (2 + draw(seed, "early", household) % 24) * _HOUR
    if draw(seed, "brought", household) < BRINGS_BPS:
        sharer = crowd.pick(at, draw(seed, "by", household), household)
        if sharer is not None:
            yield Came(at, household, sharer, FRIENDS, newcomer=True)


def _followed(seed: str, household: int, joined: int, crowd: _Crowd) -> Iterator[Came]:
    """A member follows another's link, some days after it joined."""
    at = max(joined, BEGINS) + _DAY + draw(seed, "later", household) % 96 * _HOUR
    if draw(seed, "follows", household) < FOLLOWS_BPS:
        sharer = crowd.pick(max(joined, BEGINS + 6 * _HOUR), draw(seed, "whom", household), household)
        if sharer is not None:
            yield Came(at, household, sharer, PANTRY, newcomer=False)


def _shares(seed: str, household: int, joined: int) -> Iterator[Shared]:
    """The links of a household: for friends, and half of these for the club, too."""
    if draw(seed, "shares", household) >= SHARES_BPS:
        return
    at = max(joined + 30 * _MINUTE, BEGINS + _HOUR + draw(seed, "when", household) % 12 * _HOUR)
    views = 1 + min(_MOST_VIEWS, liked(seed, household)) + draw(seed, "views", household) % 3
    channel = channel_of(seed, household)
    yield Shared(at, household, FRIENDS, channel, views)
    if draw(seed, "club", household) < PANTRY_BPS:
        yield Shared(at + _MINUTE, household, PANTRY, channel, views // 2)
