"""Claims, prizes and returns of items wired, for front doors and jobs."""

from __future__ import annotations

from ledger_service.bootstrap.foundations import Foundations, SystemRandom
from ledger_service.bootstrap.tills import Secrets
from ledger_service.checkout.items.ports import ItemRegistry, NoRegistry
from ledger_service.checkout.items.registry import OutboxRegistry
from ledger_service.checkout.items.service import ItemsService
from ledger_service.coupons.wallet.requests import Offers
from ledger_service.db.writer import Writer
from ledger_service.points.catalogue import CatalogueCache


def items_service(
    foundations: Foundations, secrets: Secrets, offers: Offers, process: tuple[Writer, CatalogueCache, str]
) -> ItemsService:
    """Told to the chain where the alliance has a registry of items; ``process`` ends with its worker."""
    registry: ItemRegistry = NoRegistry() if foundations.alliance.item_registry is None else OutboxRegistry()
    writer, catalogue, worker = process
    return ItemsService(
        writer, foundations.database, catalogue, registry, SystemRandom(), worker, offers, secrets.one_time
    )
