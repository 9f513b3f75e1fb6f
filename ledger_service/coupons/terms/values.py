"""The words of a coupon's terms as frozen values; money is in minor units of the terms' currency."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

WHOLE_BPS = 10_000
DAY_MINUTES = 1_440
EVERY_DAY = frozenset(range(1, 8))


class InstrumentKind(StrEnum):
    """Whether somebody paid for the coupon: paid ones have the law of gift cards over them."""

    FREE = "free"
    PAID = "paid"


class OnReturn(StrEnum):
    """What becomes of a consumed coupon when all that it took part in comes back."""

    KEEP = "keep"
    GIVE_BACK = "give-back"


class TaxBase(StrEnum):
    """Whether the discount lowers what tax is due on (an own discount) or not (another party pays for it)."""

    BEFORE = "before"
    AFTER = "after"


class GiftRule(StrEnum):
    """To whom the holder may give the coupon."""

    NONE = "none"
    ONCE = "once"
    ALLIANCE = "alliance"


@dataclass(frozen=True, slots=True)
class PercentOff:
    """A share of the goods' amount, ``most_minor`` at most."""

    bps: int
    most_minor: int | None = None


@dataclass(frozen=True, slots=True)
class AmountOff:
    """An amount off the goods."""

    minor: int


@dataclass(frozen=True, slots=True)
class FixedPrice:
    """Each piece costs this at most."""

    minor: int


@dataclass(frozen=True, slots=True)
class FreeItem:
    """So many pieces of the goods cost nothing."""

    pieces: int


@dataclass(frozen=True, slots=True)
class BuyGet:
    """For every ``buy`` pieces that trigger, ``get`` pieces are ``get_bps`` off, the cheapest first."""

    buy: int
    get: int
    get_bps: int = WHOLE_BPS


@dataclass(frozen=True, slots=True)
class Step:
    """From this spend on: an amount or a share off, never both."""

    from_minor: int
    off_minor: int = 0
    off_bps: int = 0


@dataclass(frozen=True, slots=True)
class Tiered:
    """The highest step that the spend reaches."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Shipping:
    """The shipping lines, ``most_minor`` at most (None: all)."""

    most_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Parking:
    """Minutes of parking; no money."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Gift:
    """Pieces of an article that is handed over; how many there are is the budget by count."""

    sku: str
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class Reward:
    """Spend so much in ``days`` days, at any counter: then ``minor`` off; receipts count once."""

    spend_minor: int
    days: int
    minor: int


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A card that was paid for and holds money, on a ledger account."""

    most_minor: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """A paid ticket to an event that begins then; nobody enters from ``minutes`` after that on.

    Money comes back until ``refund_minutes`` before it begins; None: only where it is called off.
    """

    event: str
    begins_at: datetime
    price_minor: int = 0
    minutes: int = DAY_MINUTES
    refund_minutes: int | None = None


Benefit = (
    PercentOff | AmountOff | FixedPrice | FreeItem | BuyGet | Tiered | Shipping | Parking | Gift | Reward
    | StoredValue | Ticket
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Goods:
    """Which lines: those that any of the named things describe; nothing named means every line.

    ``departments`` are the lines' categories, ``lists`` goods lists by id.
    """

    skus: frozenset[str] = frozenset()
    gtins: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    manufacturers: frozenset[str] = frozenset()
    lists: frozenset[int] = frozenset()

    @property
    def everything(self) -> bool:
        """Whether nothing is named."""
        return not any((self.skus, self.gtins, self.departments, self.brands, self.manufacturers, self.lists))


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the coupon holds: ``of`` are the goods that trigger it, ``on`` those that get the benefit.

    ``on`` None means the same goods; ``excluded`` goods neither trigger nor get. Empty ``stores``,
    ``channels`` and ``segments`` mean all; empty ``merchants`` the owner alone. ``least_minor`` and
    ``least_pieces`` count the triggering goods. A segment is the owner's ``CODE`` or another merchant's
    ``<gln>/CODE``; the member is in one of them. ``first_purchase``: the member has bought nothing yet from
    the merchant at whose till it stands; such a coupon serves each member once at most.
    """

    of: Goods = Goods()
    on: Goods | None = None
    excluded: Goods | None = None
    merchants: frozenset[int] = frozenset()
    stores: frozenset[int] = frozenset()
    channels: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    least_minor: int = 0
    least_pieces: int = 0
    first_purchase: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """When the coupon holds: ``starts_at`` inside, ``ends_at`` outside, None for open.

    ``weekdays`` (Monday is 1) and ``minutes`` after midnight (the second outside; from > to spans midnight
    and belongs to the day on which it began) are on the clock of ``zone``. ``days_after_claim`` counts whole
    local days, so that a coupon claimed on any hour ends at a midnight.
    """

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    zone: str = "UTC"
    weekdays: frozenset[int] = EVERY_DAY
    minutes: tuple[int, int] = (0, DAY_MINUTES)
    days_after_claim: int | None = None


@dataclass(frozen=True, slots=True)
class Stacking:
    """What stands beside it: see ``deciding.offers.Stack``; each of two coupons must allow the other."""

    group: str = ""
    exclusive: bool = False
    most_per_group: int | None = None
    combines_with: frozenset[str] = frozenset()
    excludes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, None for no bound: days, weeks (from Monday) and months are those of the window's zone.

    ``per_basket`` counts coupons of the definition in one basket; a budget is never exceeded by one unit.
    """

    per_basket: int = 1
    per_member: int | None = None
    per_member_day: int | None = None
    per_member_week: int | None = None
    per_member_month: int | None = None
    per_store_day: int | None = None
    budget_count: int | None = None
    budget_value_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """The part of the discount that a party pays: a merchant's id (GLN) and basis points."""

    party: int
    bps: int


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of a definition; ``merchant`` owns it, the shares of ``funders`` sum to 10,000.

    What is ``automatic`` holds for every basket that qualifies; all else needs a coupon or a code.
    """

    definition: int
    version: int
    merchant: int
    currency: str
    benefit: Benefit
    funders: tuple[Share, ...]
    scope: Scope = field(default_factory=Scope)
    window: Window = field(default_factory=Window)
    stacking: Stacking = field(default_factory=Stacking)
    limits: Limits = field(default_factory=Limits)
    kind: InstrumentKind = InstrumentKind.FREE
    on_return: OnReturn = OnReturn.KEEP
    tax_base: TaxBase = TaxBase.AFTER
    gift: GiftRule = GiftRule.NONE
    automatic: bool = False

    @property
    def named_segments(self) -> frozenset[tuple[int, str]]:
        """Each segment of the scope by its owner and the owner's code for it."""
        if not self.scope.segments:
            return frozenset()
        parted = [name.rpartition("/") for name in self.scope.segments]
        return frozenset((int(owner) if owner else self.merchant, code) for owner, _, code in parted)

    @property
    def most_per_member(self) -> int | None:
        """How many each member may use; None for no bound."""
        return 1 if self.scope.first_purchase else self.limits.per_member

    @property
    def payer(self) -> int | None:
        """The owner, where it alone pays for what the coupon takes off; else None."""
        return self.merchant if {share.party for share in self.funders} == {self.merchant} else None

    def taken_by(self, merchant: int) -> bool:
        """Whether a merchant's tills take it."""
        return merchant in self.scope.merchants if self.scope.merchants else merchant == self.merchant
