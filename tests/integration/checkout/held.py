"""Coupons of holds as a shop of a test reads them."""

from __future__ import annotations

from ledger_service.checkout.couponing.holding import HeldCoupons
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.db.engine import Database


def held_coupons(database: Database) -> HeldCoupons:
    return HeldCoupons(CouponCatalogueCache(database, lambda: 0.0))
