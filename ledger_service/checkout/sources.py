"""What the door keeper reads."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.checkout.directory import Directory
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.db.engine import Database
from ledger_service.kernel.ids import IdSource
from ledger_service.members.cards.desk import CardDesk
from ledger_service.members.digits import DigitDesk
from ledger_service.members.ports import PermitSigner
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.risk.rulebook import RuleBookCache
from ledger_service.tiers.ladders import LadderCache


@dataclass(frozen=True)
class Watch:
    """The published rules, and where the ids of decisions come from."""

    rules: RuleBookCache
    ids: IdSource


@dataclass(frozen=True)
class Sources:
    """What the door keeper reads: programmes, stores, and (None where not served) 18-digit codes, ladders,
    cards, rules, and which merchants' receipts add up to rewards."""

    catalogue: CatalogueCache
    directory: Directory
    database: Database
    digits: DigitDesk | None = None
    custody: PermitSigner | None = None
    ladders: LadderCache | None = None
    cards: CardDesk | None = None
    watch: Watch | None = None
    coupons: CouponCatalogueCache | None = None
