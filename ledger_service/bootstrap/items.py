"""The endpoints of items wired: scans, claims and returns, goods, cases, the resolver."""

from __future__ import annotations

from types import ModuleType

from ledger_service.api.administration import Administration
from ledger_service.api.endpoints import (
    goods,
    goods_making,
    item_cases,
    item_claims,
    prefixes,
    prizes,
    resolver,
    scans,
)
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Served
from ledger_service.bootstrap.alliance import Alliance
from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.items_service import items_service
from ledger_service.bootstrap.serving import Serving
from ledger_service.checkout.items.service import ItemsService
from ledger_service.traceability.goods.service import Goods
from ledger_service.traceability.proofs.bundle import Place
from ledger_service.traceability.proofs.commitments import Commitments
from ledger_service.traceability.proofs.pool_service import PoolProver
from ledger_service.traceability.scanning.service import Scans

ITEM_MODULES: tuple[ModuleType, ...] = (
    scans, item_claims, goods, goods_making, prefixes, item_cases, prizes, resolver,
)  # fmt: skip


def served_items(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """Every route of items with its endpoint over the services."""
    s, database, master = serving, serving.foundations.database, serving.secrets.one_time
    known = serving.foundations.alliance
    anchors = known.item_registry is not None
    prover = PoolProver(Commitments(master), place_of(known))
    random, url = SystemRandom(), serving.foundations.settings.public_url
    claims = item_claims.ItemClaimsDoor(administration, cursors, items_of(serving), s.catalogue)
    return [
        *scans.served(scans.ScansDoor(Scans(master, random), database, s.writer)),
        *item_claims.served(claims),
        *goods.served(
            goods.GoodsDoor(administration, cursors, Goods(master, random), database, url, anchors)
        ),
        *goods_making.served(
            goods_making.GoodsMakingDoor(administration, Goods(master, random), known.draws)
        ),
        *prefixes.served(prefixes.PrefixesDoor(administration, cursors)),
        *item_cases.served(item_cases.ItemCasesDoor(administration, cursors)),
        *prizes.served(prizes.PrizesDoor(administration, database, prover)),
        *resolver.served(resolver.ResolverDoor(administration, database, url)),
    ]


def place_of(known: Alliance) -> Place:
    """Where the alliance's contracts of items and events stand; zero bytes where it has none."""
    nowhere = bytes(20)
    return Place(known.chain_id, known.item_registry or nowhere, known.transparency_log or nowhere)


def items_of(serving: Serving) -> ItemsService:
    """Claims and returns of items of a serving process."""
    s = serving
    return items_service(s.foundations, s.secrets, s.wallets.offers, (s.writer, s.catalogue, s.name.text))
