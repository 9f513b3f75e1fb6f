"""Sharing wired: links and touches for serving processes, rewards for front doors and jobs."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256

from ledger_service.bootstrap.foundations import Foundations, SystemRandom
from ledger_service.bootstrap.tills import Secrets, Tills
from ledger_service.checkout.shared_sales import SharedSales
from ledger_service.coupons.wallet.offering import CatalogueOffers
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


def reward_desk(writer: Writer, foundations: Foundations, tills: Tills, worker: str) -> RewardDesk:
    """The rewards room, for front doors and jobs; ``worker`` draws blocks of caps.

    Rewards are promised on the chain where the alliance has the contract for it; else they are earns.
    """
    offers, promises = CatalogueOffers(tills.coupons), foundations.alliance.campaign_desk is not None
    sales, database = SharedSales(), foundations.database
    return RewardDesk(writer, database, tills.catalogue, sales, offers, worker, promises)
