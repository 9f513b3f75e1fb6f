"""The checkout wired: for serving processes, and for the bridge, whose jobs close holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ledger_service.bootstrap.foundations import Foundations, SystemRandom
from ledger_service.bootstrap.period import MirroredPeriod
from ledger_service.bootstrap.watching import gift_watch, open_watch
from ledger_service.care.review_desk import ReviewDesk
from ledger_service.chain.again import standing
from ledger_service.checkout.admission import Admission
from ledger_service.checkout.attach.service import AttachService
from ledger_service.checkout.couponing.holding import HeldCoupons
from ledger_service.checkout.couponing.wishing import Wishing
from ledger_service.checkout.desk import CustodialLimits, Desk
from ledger_service.checkout.directory import Directory
from ledger_service.checkout.offline.service import OfflineService
from ledger_service.checkout.service import CheckoutService, Store
from ledger_service.checkout.sources import Sources
from ledger_service.coupons.codes.seeds import tagger_of
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.coupons.stored.showing import CardReader
from ledger_service.custody.asking import CustodialPayCodes
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.secp256k1 import SigningKey
from ledger_service.members.cards.desk import CardDesk
from ledger_service.members.cards.pins import Pins
from ledger_service.members.digits import DigitDesk
from ledger_service.members.identities import IdentityVault
from ledger_service.points.adopted import Standing
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.conversion.desk import ConversionDesk
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.service import PointsService, PointsSettings
from ledger_service.risk.rulebook import RuleBookCache
from ledger_service.tiers.ladders import LadderCache


@dataclass(frozen=True)
class Secrets:
    """The service's own secrets, from custody, in memory only."""

    identity: bytes = field(repr=False)
    one_time: bytes = field(repr=False)
    receipt: bytes = field(repr=False)
    cursor: bytes = field(repr=False)


def secrets_of(foundations: Foundations) -> Secrets:
    """The secrets, asked of the signing process.

    Raises:
        SignerUnavailable: it does not answer.
    """
    purposes = ("identity", "one-time", "receipt", "cursor")
    return Secrets(*(foundations.custody.service_secret(purpose) for purpose in purposes))


@dataclass(frozen=True)
class Tills:
    """The checkout with what it was made of."""

    checkout: CheckoutService
    offline: OfflineService
    attaching: AttachService
    cards: CardDesk
    desk: Desk
    points: PointsService
    conversions: ConversionDesk
    catalogue: CatalogueCache
    coupons: CouponCatalogueCache
    ladders: LadderCache
    rules: RuleBookCache
    reviews: ReviewDesk


def open_tills(foundations: Foundations, secrets: Secrets, writer: Writer, worker: str) -> Tills:
    """The checkout of this process; ``worker`` numbers its receipts and draws its blocks of caps."""
    database = foundations.database
    catalogue = CatalogueCache(database, time.monotonic)
    ladders, watch = LadderCache(database, time.monotonic), open_watch(database)
    desk = _desk(foundations, secrets, worker)
    cards = card_desk_of(foundations, secrets, writer)
    sources = replace(_sources(foundations, secrets, writer, (catalogue, ladders)), cards=cards)
    coupons = CouponCatalogueCache(database, time.monotonic)
    admission = Admission(desk, replace(sources, watch=watch, coupons=coupons), writer.submit)
    settings, limits = foundations.settings, desk.limits
    adjustments = AdjustmentLimits(settings.adjustment_points, settings.adjustment_day_points)
    constants = PointsSettings(desk.domain, limits, adjustments, worker)
    gifts = gift_watch(watch, worker, desk.exponent)
    points = PointsService(writer, database, catalogue, constants, gifts)
    store = Store(writer, database, partial(_standings, database))
    checkout = CheckoutService(store, admission, HeldCoupons(coupons))
    wishing = Wishing(store, coupons, tagger_of(secrets.one_time))
    offline = OfflineService(store, admission, desk, wishing)
    attaching = AttachService(store, admission)
    reviews = ReviewDesk(writer, database, catalogue, worker)
    conversions = ConversionDesk(writer, database, catalogue, constants)
    return Tills(
        checkout, offline, attaching, cards, desk, points, conversions, catalogue, coupons, ladders,
        watch.rules, reviews,
    )  # fmt: skip


def _standings(database: Database, op_ids: Sequence[bytes]) -> dict[bytes, Standing]:
    """What the chain has of these operations, as the checkout takes it."""
    if not op_ids:
        return {}
    with database.read() as conn:
        return {op_id: Standing(*stood) for op_id, stood in standing(conn, op_ids).items()}


def card_desk_of(foundations: Foundations, secrets: Secrets, writer: Writer) -> CardDesk:
    """Who knows members by their cards and lets them pay with a PIN or a one-time code."""
    vault, pins = IdentityVault(secrets.identity), Pins(secrets.one_time, SystemRandom())
    return CardDesk(vault, pins, secrets.one_time, foundations.database.read, writer.run)


def _desk(foundations: Foundations, secrets: Secrets, worker: str) -> Desk:
    alliance, period = foundations.alliance, MirroredPeriod(foundations.database)
    limits = CustodialLimits(alliance.per_permit_micros, alliance.per_day_micros)
    tags = frozenset(Domain(alliance.chain_id, house).tag for house in foundations.former_houses)
    receipts = SigningKey(secrets.receipt)
    cards = CardReader(tagger_of(secrets.one_time), Pins(secrets.one_time, SystemRandom()))
    return Desk(alliance.domain, alliance.currency, limits, receipts, period, worker, tags, cards)


def _sources(
    foundations: Foundations, secrets: Secrets, writer: Writer, caches: tuple[CatalogueCache, LadderCache]
) -> Sources:
    database = foundations.database
    catalogue, ladders = caches
    digits = DigitDesk(secrets.one_time, database.read, writer.run)
    custody = CustodialPayCodes(foundations.custody, foundations.alliance.domain)
    return Sources(catalogue, Directory(database, time.monotonic), database, digits, custody, ladders)
