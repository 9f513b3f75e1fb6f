"""What a till uploads, as frozen values; ``parsing`` makes them from JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger_service.checkout.couponing.wishing import CouponWish
from ledger_service.checkout.requests import SaleRequest


@dataclass(frozen=True, slots=True)
class OfflineSale:
    """A sale that a till made alone.

    Args:
        key: the client's own, the same that an attempt online would carry.
        sold_at: by the till's clock; for a spend the signed acceptance time.
        sale: as a sale online; ``spend.max_value_minor`` is what the till took as paid in points.
        allowance_version: of the statement that the till went by; 0 without one.
        digest: SHA-256 of the item as it came.
        coupons: what the till took coupons for, if it did.
        coupons_minor: what it took off for them.
    """

    key: str
    sold_at: datetime
    sale: SaleRequest
    allowance_version: int
    digest: bytes
    coupons: CouponWish | None = None
    coupons_minor: int = 0

    @property
    def offered_minor(self) -> int:
        """What points should have paid, in minor units."""
        spend = self.sale.spend
        return 0 if spend is None or spend.max_value_minor is None else spend.max_value_minor


@dataclass(frozen=True, slots=True)
class SetAllowance:
    """A merchant's word on what one of its terminals may take in points while offline."""

    terminal_id: str
    allowance_micros: int
    window_seconds: int
