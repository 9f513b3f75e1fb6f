"""What the caller has looked up before a basket is decided: lines, the visit, the member, the coupons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ledger_service.coupons.deciding.reasons import Reason
from ledger_service.coupons.terms.values import Terms


@dataclass(frozen=True, slots=True)
class Goods:
    """One line: ``amount_minor`` (>= 0) for ``pieces`` (>= 1; a weighed line is one piece).

    ``lists`` are the goods lists that hold it, ``tax_minor`` the tax in the amount. ``shipping`` is what only
    a coupon for shipping takes off; ``barred`` goods bear no coupon by law (gift cards, tobacco …).
    """

    line: str
    amount_minor: int
    pieces: int = 1
    sku: str = ""
    gtin: str = ""
    department: str = ""
    brand: str = ""
    manufacturer: str = ""
    lists: frozenset[int] = frozenset()
    tax_minor: int = 0
    shipping: bool = False
    barred: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """Where and when the basket stands, and whose it is.

    ``member`` says whether a member is known; ``segments`` (owner and code) and ``first_purchase`` are the
    member's. ``consents`` are (owner, reader): the reader may know of the owner's segments. ``judged`` says
    that an authorisation found the member right, which stands.
    """

    merchant: int
    store: int
    currency: str
    at: datetime
    channel: str = "store"
    member: bool = False
    segments: frozenset[tuple[int, str]] = frozenset()
    first_purchase: bool = False
    consents: frozenset[tuple[int, int]] = frozenset()
    judged: bool = False


@dataclass(frozen=True, slots=True)
class Uses:
    """What is left of a version's limits for this member, store and day; None where there is no limit."""

    member_left: int | None = None
    store_left: int | None = None
    budget_left: int | None = None
    value_left_minor: int | None = None

    @property
    def nothing(self) -> bool:
        """Whether a limit leaves nothing."""
        return 0 in (self.member_left, self.store_left, self.budget_left, self.value_left_minor)


@dataclass(frozen=True, slots=True)
class Basket:
    """A basket and the limits that its merchant publishes for coupons; ``uses`` by definition and version."""

    lines: tuple[Goods, ...]
    visit: Visit
    most_coupons: int = 10
    most_of_definition: int = 10
    uses: Mapping[tuple[int, int], Uses] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A coupon that may be used: of the wallet, presented, or of an automatic definition.

    ``key`` is its own among the candidates. ``expires_at`` is the coupon's own end, if it has one;
    ``refused`` what the wallet says against it.
    """

    key: str
    terms: Terms
    expires_at: datetime | None = None
    refused: Reason | None = None
