"""How far apart two coarse places are at least. Pure; the one place of this room with floats, for angles."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

_EARTH_METRES = 6_371_009
# Each place is known to a tenth of a degree: two of them may each be off by half a cell's diagonal.
_SLACK_METRES = 16_000
MOST_LATITUDE, MOST_LONGITUDE = 900, 1_800


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody scans, as coarse as it is kept: a country and tenths of a degree, each if known."""

    country: str | None = None
    latitude_tenths: int | None = None
    longitude_tenths: int | None = None

    @property
    def point(self) -> tuple[int, int] | None:
        """Both tenths, where both are known."""
        if self.latitude_tenths is None or self.longitude_tenths is None:
            return None
        return self.latitude_tenths, self.longitude_tenths

    @property
    def cell(self) -> str:
        """The place as one word, as fine as it is known; empty where it is not."""
        return self.country or "" if self.point is None else f"{self.point[0]},{self.point[1]}"


def metres_at_least(one: Place, other: Place) -> int:
    """Metres on the great circle between two places, less what their coarseness may add; 0 if unknown."""
    if one.point is None or other.point is None:
        return 0
    (lat, lon), (lat2, lon2) = (
        [radians(tenths / 10) for tenths in point] for point in (one.point, other.point)
    )
    half = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return max(0, int(2 * _EARTH_METRES * asin(min(1.0, sqrt(half)))) - _SLACK_METRES)
