"""A serving process: every service wired once, opened when a worker starts and closed when it ends."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

from ledger_service.api.admission import Admission
from ledger_service.api.deadline import Deadlines
from ledger_service.api.limits import Buckets, Policy
from ledger_service.api.metrics import Metrics
from ledger_service.api.pipeline import Pipeline
from ledger_service.api.ports import Governance
from ledger_service.api.request_log import RequestLog
from ledger_service.api.shared_limits import SharedBuckets
from ledger_service.bootstrap.carriers import carrier_of
from ledger_service.bootstrap.clocks import ReplayClock, SystemClock
from ledger_service.bootstrap.couponing import wallets_of
from ledger_service.bootstrap.foundations import Foundations, SystemRandom, lay_foundations
from ledger_service.bootstrap.governance import QueuedGovernance
from ledger_service.bootstrap.merging import case_desk
from ledger_service.bootstrap.observation import Observation
from ledger_service.bootstrap.paying import PaymentParts, members_of, open_payments
from ledger_service.bootstrap.sharing import SharingParts, open_sharing, reward_desk
from ledger_service.bootstrap.surroundings import Surroundings
from ledger_service.bootstrap.tills import Secrets, Tills, open_tills, secrets_of
from ledger_service.bootstrap.worker_name import SERVE, WorkerName
from ledger_service.care.review_desk import ReviewDesk
from ledger_service.care.service import CareService
from ledger_service.checkout.attach.service import AttachService
from ledger_service.checkout.claimed_sales import ReceiptSales
from ledger_service.checkout.desk import Desk
from ledger_service.checkout.offline.service import OfflineService
from ledger_service.checkout.service import CheckoutService
from ledger_service.claims.service import ClaimsService
from ledger_service.config import Settings
from ledger_service.coupons.wallet.service import WalletService
from ledger_service.db.writer import Writer, WriterLimits
from ledger_service.kernel.secp256k1 import SigningKey
from ledger_service.members.cards.service import CardService
from ledger_service.members.devices import DeviceDesk
from ledger_service.members.enrolment import Register
from ledger_service.members.households.desk import HouseholdDesk
from ledger_service.members.logins.desk import LoginDesk
from ledger_service.members.passkeys.desk import PasskeyDesk
from ledger_service.members.passkeys.rules import site_of
from ledger_service.members.service import MembersService
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.keyring import KeyRing
from ledger_service.merchants.service import MerchantsService
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.conversion.desk import ConversionDesk
from ledger_service.points.service import PointsService
from ledger_service.referrals.rewards.queries import is_promised
from ledger_service.risk.rulebook import RuleBookCache
from ledger_service.tiers.ladders import LadderCache


@dataclass(frozen=True)
class Serving:
    """Everything that endpoints are bound to; ``close`` ends it in order."""

    foundations: Foundations
    clock: ReplayClock | SystemClock
    writer: Writer
    name: WorkerName
    secrets: Secrets
    receipts: SigningKey
    checkout: CheckoutService
    offline: OfflineService
    attaching: AttachService
    cards: CardService
    logins: LoginDesk
    passkeys: PasskeyDesk
    desk: Desk
    points: PointsService
    conversions: ConversionDesk
    claims: ClaimsService
    catalogue: CatalogueCache
    wallets: WalletService
    ladders: LadderCache
    rules: RuleBookCache
    reviews: ReviewDesk
    sharing: SharingParts
    members: MembersService
    payments: PaymentParts
    households: HouseholdDesk
    care: CareService
    merchants: MerchantsService
    api_keys: ApiKeys
    keyring: KeyRing
    governance: Governance
    pipeline: Pipeline
    observation: Observation

    def close(self) -> None:
        """Everything submitted is committed and answered, the clock is noted, connections are closed."""
        self.writer.close()
        if isinstance(self.clock, ReplayClock):
            self.clock.close()
        self.name.release()
        self.foundations.close()


class StandardError:
    """Whole lines to the process's standard error, one system call each, so lines never mix."""

    def write(self, line: bytes, /) -> object:
        """Write the line."""
        return os.write(sys.stderr.fileno(), line)


def open_serving(settings: Settings) -> Serving:
    """Wire a serving process.

    Raises:
        NotFounded: the database holds no alliance yet.
        SignerUnavailable: the signing process does not answer.
        ConfigurationError: codes for members should go where nothing can be sent, or the file of payments is
            not ours alone.
    """
    return wire(lay_foundations(settings))


def wire(foundations: Foundations, governance: Governance | None = None) -> Serving:
    """Wire services over foundations that are laid; ``governance`` replaces the way over the bridge."""
    settings, database, random = foundations.settings, foundations.database, SystemRandom()
    secrets, clock, name = secrets_of(foundations), _clock(foundations), WorkerName(settings.state_dir, SERVE)
    writer = Writer(database, clock, WriterLimits(settings.queue_most, settings.group_most))
    keyring = KeyRing(database.read, clock, time.monotonic_ns)
    tills = open_tills(foundations, secrets, writer, name.text)
    observation = Observation(database, writer, clock, Surroundings(settings))
    return Serving(
        foundations=foundations,
        clock=clock,
        writer=writer,
        name=name,
        secrets=secrets,
        receipts=SigningKey(secrets.receipt),
        checkout=tills.checkout,
        offline=tills.offline,
        attaching=tills.attaching,
        cards=_cards(settings, secrets, tills),
        logins=LoginDesk(tills.cards, random, _delivers(settings, secrets), database.read, writer.run),
        passkeys=_passkeys(foundations, secrets),
        desk=tills.desk,
        points=tills.points,
        conversions=tills.conversions,
        claims=ClaimsService(tills.points, ReceiptSales(tills.catalogue)),
        catalogue=tills.catalogue,
        wallets=wallets_of(writer, tills.coupons, secrets.one_time),
        ladders=tills.ladders, rules=tills.rules, reviews=tills.reviews,
        sharing=open_sharing(secrets, reward_desk(writer, foundations, tills, name.text)),
        members=members_of(foundations, secrets), payments=open_payments(settings, secrets),
        households=_households(foundations, secrets),
        care=care_of(foundations, secrets),
        merchants=MerchantsService(random),
        api_keys=ApiKeys(random),
        keyring=keyring,
        governance=governance or _governance(foundations, writer, clock),
        pipeline=_pipeline(settings, keyring, clock, observation, secrets.cursor),
        observation=observation,
    )  # fmt: skip


def _governance(foundations: Foundations, writer: Writer, clock: ReplayClock | SystemClock) -> Governance:
    f = foundations
    return QueuedGovernance(writer, f.database, f.custody, clock, f.alliance.settlement_desk)


def _cards(settings: Settings, secrets: Secrets, tills: Tills) -> CardService:
    return CardService(tills.cards, SystemRandom(), delivers=_delivers(settings, secrets))


def _delivers(settings: Settings, secrets: Secrets) -> bool:
    return carrier_of(settings.messages, secrets.one_time) is not None


def _passkeys(foundations: Foundations, secrets: Secrets) -> PasskeyDesk:
    site, name = site_of(foundations.settings.public_url), foundations.alliance.name
    return PasskeyDesk(site, name, secrets.one_time, SystemRandom(), foundations.database.read)


def _households(foundations: Foundations, secrets: Secrets) -> HouseholdDesk:
    alliance, master = foundations.alliance, secrets.one_time
    devices = DeviceDesk(alliance.domain, master)
    return HouseholdDesk(alliance.domain, SystemRandom(), Register(alliance.gs1_prefix, master), devices)


def care_of(foundations: Foundations, secrets: Secrets) -> CareService:
    """The care room, for front doors and jobs."""
    alliance, random = foundations.alliance, SystemRandom()
    return CareService(
        alliance.domain, alliance.recovery_domain, secrets.one_time, random, foundations.custody,
        case_desk(secrets), is_promised,
    )  # fmt: skip


def _clock(foundations: Foundations) -> ReplayClock | SystemClock:
    if not foundations.settings.replay:
        return SystemClock()
    clock = ReplayClock(foundations.database)
    clock.start()
    return clock


def _pipeline(
    settings: Settings,
    keyring: KeyRing,
    clock: ReplayClock | SystemClock,
    observation: Observation,
    blind: bytes,
) -> Pipeline:
    several = settings.workers > 1
    return Pipeline(
        authenticator=keyring,
        clock=clock,
        replay=clock if isinstance(clock, ReplayClock) else None,
        keys=_buckets(settings, Policy("key", settings.rate_per_second, settings.rate_burst)),
        members=_buckets(settings, Policy("member", settings.member_rate_per_second, settings.member_burst)),
        guesses=_buckets(settings, Policy("guess", 1, settings.guess_burst, settings.guess_seconds)),
        strangers=_buckets(
            settings, Policy("stranger", settings.stranger_rate_per_second, settings.stranger_burst)
        ),
        public=_buckets(settings, Policy("public", settings.public_rate_per_second, settings.public_burst)),
        metrics=Metrics(observation.readings, observation.work, several_processes=several),
        log=RequestLog(StandardError(), least=settings.log_level),
        admission=Admission(settings.threads),
        bodies=Deadlines(settings.body_seconds),
        blind=blind,
    )


def _buckets(settings: Settings, policy: Policy) -> Buckets:
    if settings.workers == 1:
        return Buckets(policy)
    return SharedBuckets(policy, settings.state_dir / "limits" / policy.name)
