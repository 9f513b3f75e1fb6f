"""Coupons wired: wallets for serving processes, lists of codes for the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger_service.bootstrap.clocks import NotedClock, SystemClock
from ledger_service.bootstrap.foundations import SystemRandom, background_clock, lay_foundations
from ledger_service.bootstrap.tills import secrets_of
from ledger_service.config import Settings
from ledger_service.coupons.codes.making import ListDesk
from ledger_service.coupons.codes.seeds import safe_of, tagger_of
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.coupons.wallet.service import WalletService
from ledger_service.db.writer import Writer


def wallets_of(writer: Writer, catalogue: CouponCatalogueCache, secret: bytes) -> WalletService:
    """The wallet room; ``secret`` is the service's one-time secret, from which that of codes follows."""
    return WalletService(writer, CatalogueOffers(catalogue), tagger_of(secret))


@contextmanager
def coupon_lists(settings: Settings) -> Iterator[tuple[ListDesk, NotedClock | SystemClock]]:
    """Lists of codes beside a service that runs; needs the signing process, which keeps the secret.

    Raises:
        NotFounded: the database holds no alliance yet.
        SignerUnavailable: the signing process does not answer.
    """
    foundations = lay_foundations(settings)
    try:
        random, secret = SystemRandom(), secrets_of(foundations).one_time
        desk = ListDesk(foundations.database, tagger_of(secret), safe_of(secret, random), random)
        yield desk, background_clock(settings, foundations.database)
    finally:
        foundations.close()
