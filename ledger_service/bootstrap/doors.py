"""Every route of the API with its endpoint over the services of a worker."""

from __future__ import annotations

from importlib.metadata import version

from ledger_service.api.administration import Administration
from ledger_service.api.endpoints import (
    acceptance,
    acts,
    adjustments,
    alliance,
    appeals,
    attachments,
    care,
    chain,
    checkout,
    claims,
    conversions,
    coupon_campaigns,
    coupon_clearing,
    coupon_definitions,
    coupon_goods,
    coupons,
    coverage,
    days,
    devices,
    gestures,
    held_sales,
    households,
    imports,
    jobs,
    keys,
    leaving,
    liabilities,
    member_receipts,
    members,
    merchants,
    modes,
    offline,
    outstanding,
    owners,
    pair_terms,
    paycodes,
    payments,
    places,
    programme_ends,
    programme_policies,
    programmes,
    proofs,
    recomputation,
    reserves,
    retries,
    returns,
    reviews,
    risk,
    rule_trials,
    settlement,
    settlement_basis,
    settlement_papers,
    settlement_pools,
    settling,
    spend_rewards,
    statements,
    status,
    tickets,
    tiers,
    value_accounts,
    value_cards,
)
from ledger_service.api.endpoints.acts import with_acts_named
from ledger_service.api.endpoints.consents import with_reads_noted
from ledger_service.api.openapi import document_of
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Route, Served
from ledger_service.api.schema import Json
from ledger_service.bootstrap.entering import ENTERING_MODULES, served_entering
from ledger_service.bootstrap.event_doors import EVENT_MODULES, served_events
from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.leaving import leaving_document
from ledger_service.bootstrap.liabilities import issuer_liability_document, liability_document
from ledger_service.bootstrap.serving import Serving
from ledger_service.bootstrap.settlement_papers import served_papers
from ledger_service.checkout.couponing.service import CouponedCheckout
from ledger_service.checkout.household_sales import spent_by_keys
from ledger_service.checkout.offline.allowances import Statements
from ledger_service.checkout.stored.paying import reader_of
from ledger_service.checkout.stored.service import CardCheckout
from ledger_service.members.households.parting import PartingDesk
from ledger_service.merchants.owners.service import OwnersService
from ledger_service.points.retries.service import RetryDesk

MODULES = (
    checkout, held_sales, returns, acceptance, coupon_definitions, coupon_campaigns, coupon_goods, coupons,
    value_cards, value_accounts, tickets, coupon_clearing, spend_rewards, days, attachments, payments,
    offline, paycodes, members, *ENTERING_MODULES, devices, households, care, statements, member_receipts,
    gestures, adjustments, claims, programmes, rule_trials, programme_policies, outstanding, liabilities,
    pair_terms, settlement_basis, conversions, programme_ends, leaving, tiers, risk, reviews, appeals,
    merchants, places, owners, modes, keys, chain, retries, proofs, settlement, recomputation, settling,
    settlement_papers, settlement_pools, coverage, reserves, acts, imports, jobs, *EVENT_MODULES, alliance,
    status,
)  # fmt: skip


def all_routes() -> list[Route]:
    """Every route of the API, in the order of the documents."""
    return [route for module in MODULES for route in module.ROUTES]


def openapi_document(url: str = "/") -> Json:
    """The OpenAPI document of every route."""
    return document_of(all_routes(), version("ledger_service"), url)


def bound(serving: Serving) -> list[Served]:
    """Every route with its endpoint over the services."""
    s, cursors = serving, Cursors(serving.secrets.cursor)
    administration = Administration(s.writer, s.foundations.database, s.secrets.cursor)
    points = programmes.ProgrammesDoor(administration, s.catalogue, s.governance, cursors)
    alone = offline.OfflineDoor(administration, s.offline, Statements(s.desk), s.catalogue, s.writer, cursors)
    admission = merchants.MerchantsDoor(administration, s.merchants, s.keyring, s.governance, cursors)
    every = [
        *checkout.served(s.checkout, _couponed(s)),
        *offline.served(alone),
        *_of_merchants(s, administration, cursors),
        *_of_coupons(s, administration, cursors),
        *days.served(days.DaysDoor(administration, cursors)),
        *attachments.served(attachments.AttachmentsDoor(administration, s.attaching, cursors)),
        *served_entering(s, administration, cursors),
        *paycodes.served(paycodes.PayCodesDoor(administration, s.checkout, s.secrets.one_time)),
        *members.served(members.MembersDoor(administration, s.members, s.keyring, s.sharing.binder)),
        *devices.served(devices.DevicesDoor(administration, s.members)),
        *households.served(_households(serving, administration, cursors)),
        *care.served(care.CareDoor(administration, s.care, cursors)),
        *_of_histories(s, administration, cursors),
        *gestures.served(gestures.GesturesDoor(administration, s.points)),
        *adjustments.served(adjustments.AdjustmentsDoor(administration, cursors, s.catalogue)),
        *claims.served(claims.ClaimsDoor(administration, cursors, s.catalogue, s.claims)),
        *_of_programmes(points),
        *conversions.served(conversions.ConversionsDoor(points, s.conversions)),
        *tiers.served(tiers.TiersDoor(administration, s.catalogue, s.ladders)),
        *_of_risk(s, administration, cursors),
        *merchants.served(admission),
        *_places(serving, administration, cursors),
        *keys.served(keys.KeysDoor(administration, s.api_keys, s.keyring, cursors)),
        *_of_chain(serving, administration, cursors),
        *acts.served(acts.ActsDoor(administration, cursors)),
        *imports.served(imports.ImportsDoor(administration)),
        *jobs.served(jobs.JobsDoor(administration)),
        *served_events(serving, administration, cursors),
        *alliance.served(_facts(serving)),
        *status.served(_status(serving)),
    ]
    return with_acts_named(with_reads_noted(every, administration))


def _of_histories(s: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """What was done or is held, found again."""
    return [
        *held_sales.served(held_sales.HeldSalesDoor(administration, cursors)),
        *statements.served(statements.StatementsDoor(administration, cursors, s.catalogue)),
        *member_receipts.served(member_receipts.ReceiptsDoor(administration, s.catalogue)),
    ]


def _of_risk(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """Rules, what waits for a person, and what members say against it."""
    return [
        *risk.served(risk.RiskDoor(administration, serving.rules, cursors)),
        *reviews.served(reviews.ReviewsDoor(administration, serving.reviews, cursors)),
        *appeals.served(appeals.AppealsDoor(administration, cursors)),
    ]


def _of_programmes(points: programmes.ProgrammesDoor) -> list[Served]:
    return [
        *programmes.served(points),
        *rule_trials.served(rule_trials.RuleTrialsDoor(points)),
        *programme_policies.served(programme_policies.PoliciesDoor(points)),
        *outstanding.served(outstanding.OutstandingDoor(points)),
        *liabilities.served(
            liabilities.LiabilitiesDoor(points, liability_document, issuer_liability_document)
        ),
        *pair_terms.served(pair_terms.PairTermsDoor(points)),
        *settlement_basis.served(settlement_basis.SettlementBasisDoor(points)),
        *programme_ends.served(programme_ends.ProgrammeEndsDoor(points)),
        *leaving.served(leaving.LeavingDoor(points, leaving_document)),
    ]


def _places(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    s = serving
    return [
        *places.served(places.PlacesDoor(administration, s.merchants, s.keyring, cursors)),
        *owners.served(owners.OwnersDoor(administration, OwnersService(SystemRandom()), cursors)),
        *modes.served(modes.ModesDoor(administration, s.merchants, s.keyring)),
    ]


def _of_chain(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    domain = serving.foundations.alliance.domain
    return [
        *chain.served(chain.ChainDoor(administration)),
        *retries.served(retries.RetriesDoor(administration, cursors, RetryDesk(serving.writer))),
        *proofs.served(proofs.ProofsDoor(administration, serving.catalogue, domain)),
        *settlement.served(settlement.SettlementDoor(administration, cursors, serving.governance)),
        *recomputation.served(recomputation.RecomputationDoor(administration)),
        *settling.served(settling.SettlingDoor(administration, serving.governance)),
        *served_papers(serving, administration, cursors),
        *coverage.served(coverage.CoverageDoor(administration, cursors)),
        *reserves.served(_reserves(serving, administration)),
    ]


def _reserves(serving: Serving, administration: Administration) -> reserves.ReservesDoor:
    offered = serving.foundations.alliance.reserve_desk is not None
    return reserves.ReservesDoor(administration, serving.governance, offered)


def _of_merchants(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """What a merchant takes back, which points it takes, and who has paid."""
    paid = serving.payments
    return [
        *returns.served(returns.ReturnsDoor(administration, serving.checkout, _couponed(serving), cursors)),
        *acceptance.served(acceptance.AcceptanceDoor(administration, serving.catalogue, cursors)),
        *payments.served(
            payments.PaymentsDoor(administration, cursors, serving.writer, paid.desk, paid.accounts)
        ),
    ]


def _couponed(serving: Serving) -> CouponedCheckout:
    return serving.checkout.with_coupons(serving.wallets.offers.catalogue, serving.wallets.tagger)


def _of_coupons(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    door = coupon_definitions.DefinitionsDoor(administration, cursors, serving.desk.currency)
    database, contract = serving.foundations.database, serving.foundations.alliance.coupons
    clearing = coupon_clearing.CouponClearingDoor(administration, cursors, database, contract)
    return [
        *coupon_clearing.served(clearing),
        *coupon_definitions.served(door),
        *coupon_campaigns.served(coupon_campaigns.CampaignsDoor(administration, cursors)),
        *coupon_goods.served(coupon_goods.GoodsDoor(administration, cursors)),
        *coupons.served(coupons.CouponsDoor(administration, serving.wallets, cursors)),
        *spend_rewards.served(spend_rewards.SpendRewardsDoor(administration, cursors)),
        *value_cards.served(_cards(serving)),
        *value_accounts.served(
            value_accounts.ValueAccountsDoor(administration, cursors, reader_of(serving.desk))
        ),
        *tickets.served(_tickets(serving, administration, cursors)),
    ]


def _cards(serving: Serving) -> CardCheckout:
    return serving.checkout.with_cards(serving.desk, serving.wallets.offers.catalogue)


def _tickets(serving: Serving, administration: Administration, cursors: Cursors) -> tickets.TicketsDoor:
    cards, tagger = _cards(serving), serving.wallets.tagger
    return tickets.TicketsDoor(administration, cursors, cards.tickets(tagger), serving.writer, tagger)


def _households(
    serving: Serving, administration: Administration, cursors: Cursors
) -> households.HouseholdsDoor:
    parting = PartingDesk(spent_by_keys)
    return households.HouseholdsDoor(
        administration, cursors, serving.catalogue, serving.households, parting, serving.desk.exponent
    )


def _facts(serving: Serving) -> alliance.AllianceFacts:
    known = serving.foundations.alliance
    return alliance.AllianceFacts(
        name=known.name,
        currency=known.currency,
        domain=known.domain,
        registry=known.registry,
        receipt_signer=serving.receipts.address,
        per_permit_micros=known.per_permit_micros,
        per_day_micros=known.per_day_micros,
        replay=serving.foundations.settings.replay,
        former_houses=serving.foundations.former_houses,
        item_registry=known.item_registry,
        transparency_log=known.transparency_log,
        campaign_desk=known.campaign_desk,
    )


def _status(serving: Serving) -> status.StatusParts:
    settings = serving.foundations.settings
    return status.StatusParts(
        readiness=serving.observation.readiness,
        metrics=serving.pipeline.metrics,
        document=lambda: openapi_document(settings.public_url),
        replay=settings.replay,
    )
