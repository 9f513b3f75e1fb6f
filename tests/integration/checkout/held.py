"""Coupons of holds, and cards, as a shop of a test reads them."""

from __future__ import annotations

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.checkout.couponing.holding import HeldCoupons
from ledger_service.coupons.codes.seeds import tagger_of
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.coupons.stored.showing import CardReader
from ledger_service.db.engine import Database
from ledger_service.members.cards.pins import Pins


def held_coupons(database: Database) -> HeldCoupons:
    return HeldCoupons(CouponCatalogueCache(database, lambda: 0.0))


def card_reader() -> CardReader:
    return CardReader(tagger_of(bytes(32)), Pins(bytes(32), SystemRandom()))
