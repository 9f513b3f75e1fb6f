"""Sharing wired: links and touches for serving processes, rewards for front doors and jobs."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.tills import Secrets, Tills
from ledger_service.checkout.shared_sales import SharedSales
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.referrals.links.binding import Binder
from ledger_service.referrals.links.rules import codes_of
from ledger_service.referrals.links.service import LinkDesk
from ledger_service.referrals.rewards.service import RewardDesk

_SIGNALS = b"alliance share signals v1"


@dataclass(frozen=True)
class SharingParts:
    """What front doors need of the sharing room."""

    links: LinkDesk
    binder: Binder
    rewards: RewardDesk


def open_sharing(secrets: Secrets, rewards: RewardDesk) -> SharingParts:
    """The sharing room of a serving process; its keys follow from the service's secrets."""
    random = SystemRandom()
    signals = hmac.digest(secrets.identity, _SIGNALS, sha256)
    desk = LinkDesk(codes_of(secrets.one_time), random, signals)
    return SharingParts(desk, Binder(random, SharedSales()), rewards)


def reward_desk(writer: Writer, database: Database, tills: Tills, worker: str) -> RewardDesk:
    """The rewards room, for front doors and jobs; ``worker`` draws blocks of caps."""
    offers = CatalogueOffers(tills.coupons)
    return RewardDesk(writer, database, tills.catalogue, SharedSales(), offers, worker)
