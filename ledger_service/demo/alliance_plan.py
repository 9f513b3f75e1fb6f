"""The alliance of the main run: twelve rival merchants made of the departments of the real data set.

A merchant's GLN and each store's GLN follow from the merchant's place in this list and the data's store
number, under the GS1 prefix for examples (952). Nothing here is random and nothing is read from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from ledger_service.kernel.gs1 import with_check_digit

Period = Literal["week", "month", "quarter"]
CURRENCY = "USD"
FOUNDED_AT = datetime(2016, 12, 1, 12, tzinfo=UTC)
_GS1_DEMO_PREFIX = "952"


@dataclass(frozen=True)
class Programme:
    """One merchant's points: what a point is worth, what earns one, and when it expires.

    ``point_value_micros`` is settlement micros a point; ``points_per_unit`` is points for each whole dollar;
    ``validity_epochs`` counts the calendar periods after the one of the purchase.
    """

    code: str
    point_value_micros: int
    points_per_unit: int
    fee_bps: int
    issuance_cap: int
    period: Period
    validity_epochs: int


@dataclass(frozen=True)
class Merchant:
    """A rival business: some departments of the data, its time zone, and its programme where it has one."""

    position: int
    name: str
    timezone: str
    departments: tuple[str, ...]
    programme: Programme | None

    @property
    def key(self) -> str:
        """A short stable name: the programme's code, or NONE for the merchant without a programme."""
        return self.programme.code if self.programme else "NONE"

    @cached_property
    def gln(self) -> str:
        """The merchant's GLN, 13 digits."""
        return with_check_digit(f"{_GS1_DEMO_PREFIX}{self.position:02d}0000000")

    @property
    def returns_to(self) -> str:
        """Which other merchant takes its goods back; empty for none."""
        return TAKES_BACK.get(self.key, "")

    def store_gln(self, store: int) -> str:
        """The GLN of this merchant's shop at one of the data's stores (1 .. 9,999,999)."""
        return with_check_digit(f"{_GS1_DEMO_PREFIX}{self.position:02d}{store:07d}")


_NEW_YORK, _CHICAGO, _DENVER, _LOS_ANGELES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
)  # fmt: skip
_PLENTY = 1_000_000_000

MERCHANTS = (
    Merchant(1, "Meadow Grocers", _NEW_YORK, ("GROCERY", "FROZEN GROCERY", "PRODUCE"),
             Programme("GROC", 10_000, 1, 100, _PLENTY, "quarter", 1)),
    Merchant(2, "Quayside Meat & Fish", _NEW_YORK, ("MEAT", "MEAT-PCKGD", "SEAFOOD", "SEAFOOD-PCKGD"),
             Programme("MEAT", 5_000, 3, 150, _PLENTY, "month", 2)),
    Merchant(3, "Corner Deli & Bakery", _NEW_YORK, ("DELI", "PASTRY", "CHEF SHOPPE", "SALAD BAR"),
             Programme("DELI", 20_000, 1, 200, _PLENTY, "month", 1)),
    Merchant(4, "Lantern Drugstore", _CHICAGO, ("DRUG GM", "COSMETICS"),
             Programme("DRUG", 1_000, 20, 125, _PLENTY, "quarter", 1)),
    Merchant(5, "Good Measure Nutrition", _DENVER, ("NUTRITION",),
             Programme("NUTR", 2_000, 10, 150, _PLENTY, "month", 2)),
    Merchant(6, "Milepost Fuel", _CHICAGO, ("FUEL", "AUTOMOTIVE"),
             Programme("FUEL", 1_000, 30, 50, _PLENTY, "week", 0)),
    Merchant(7, "Petal Florist", _NEW_YORK, ("FLORAL",),
             Programme("FLOR", 50_000, 1, 250, _PLENTY, "quarter", 1)),
    Merchant(8, "Green Gate Garden Centre", _DENVER, ("GARDEN CENTER",),
             Programme("GARD", 25_000, 2, 250, _PLENTY, "quarter", 2)),
    Merchant(9, "Cask & Cellar Spirits", _NEW_YORK, ("SPIRITS",),
             Programme("SPIR", 4_000, 5, 200, _PLENTY, "month", 1)),
    Merchant(10, "Blue Plate Restaurant", _LOS_ANGELES, ("RESTAURANT",),
             Programme("REST", 100_000, 1, 300, _PLENTY, "month", 3)),
    Merchant(11, "Main Street General", _CHICAGO,
             ("MISCELLANEOUS", "TRAVEL & LEISURE", "COUPON", "GM MERCH EXP", "PHOTO & VIDEO",
              "CNTRL/STORE SUP", "POSTAL CENTER", "PROD-WHS SALES", "TOYS", "ELECT &PLUMBING"),
             Programme("GENL", 3_000, 5, 100, _PLENTY, "month", 1)),
    Merchant(12, "Unassigned", _NEW_YORK, (), None),
)  # fmt: skip
UNASSIGNED = MERCHANTS[-1]
PROGRAMMES = {m.programme.code: m.programme for m in MERCHANTS if m.programme}
POINT_VALUES = {code: programme.point_value_micros for code, programme in PROGRAMMES.items()}
# Whose goods another merchant takes back; both publish it.
TAKES_BACK = {"DELI": "MEAT", "SPIR": "GROC"}


def _ladder(window: dict[str, Any], *tiers: tuple[str, str, int, int]) -> dict[str, Any]:
    names = ("code", "name", "at_least_minor", "rate_bps")
    return {**window, "tiers": [dict(zip(names, tier, strict=True)) for tier in tiers]}


# Tiers of the two programmes that publish some, as PUT /v1/programmes/{code}/tiers takes them.
LADDERS = {
    "GROC": _ladder(
        {"window": "calendar-year", "grace_days": 31},
        ("BASE", "Member", 0, 10_000), ("SILVER", "Silver", 20_000, 11_000),
        ("GOLD", "Gold", 100_000, 12_500),
    ),
    "FUEL": _ladder(
        {"window": "rolling-days", "window_days": 90, "downgrade": "step"},
        ("BASE", "Member", 0, 10_000), ("ROAD", "Road", 6_000, 11_000),
        ("HIGHWAY", "Highway", 20_000, 12_500),
    ),
}  # fmt: skip
_BY_DEPARTMENT = {department: merchant for merchant in MERCHANTS for department in merchant.departments}


def merchant_of_department(department: str | None) -> Merchant:
    """The merchant whose line it is: ``Unassigned`` where the data has no product row.

    Raises:
        KeyError: a department that the plan does not name; a new edition of the data must be looked at by a
        person.
    """
    return UNASSIGNED if department is None else _BY_DEPARTMENT[department]
