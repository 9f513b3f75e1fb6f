"""Every route of the API with its endpoint over the services of a worker."""

from __future__ import annotations

from importlib.metadata import version

from ledger_service.api.administration import Administration
from ledger_service.api.endpoints import (
    acceptance,
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
    epcis,
    epcis_queries,
    gestures,
    households,
    imports,
    item_proofs,
    keys,
    liabilities,
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
    returns,
    reviews,
    risk,
    settlement,
    settlement_basis,
    settlement_papers,
    settlement_pools,
    settling,
    share,
    share_campaigns,
    share_network,
    share_rewards,
    share_staff,
    spend_rewards,
    statements,
    status,
    tiers,
    value_accounts,
    value_cards,
)
from ledger_service.api.endpoints.consents import with_reads_noted
from ledger_service.api.limits import Buckets, Policy
from ledger_service.api.openapi import document_of
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Route, Served
from ledger_service.api.schema import Json
from ledger_service.bootstrap.entering import ENTERING_MODULES, served_entering
from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.insight import INSIGHT_MODULES, served_insight
from ledger_service.bootstrap.items import ITEM_MODULES, place_of, served_items
from ledger_service.bootstrap.liabilities import liability_document
from ledger_service.bootstrap.serving import Serving
from ledger_service.bootstrap.settlement_papers import served_papers
from ledger_service.checkout.couponing.service import CouponedCheckout
from ledger_service.checkout.household_sales import spent_by_keys
from ledger_service.checkout.offline.allowances import Statements
from ledger_service.members.households.parting import PartingDesk
from ledger_service.merchants.owners.service import OwnersService
from ledger_service.traceability.proofs.commitments import Commitments
from ledger_service.traceability.proofs.service import Prover

MODULES = (
    checkout, returns, acceptance, coupon_definitions, coupon_campaigns, coupon_goods, coupons,
    value_cards, value_accounts,
    coupon_clearing, spend_rewards, days, attachments, payments, offline, paycodes, members,
    *ENTERING_MODULES, devices,
    households, care, statements, gestures, adjustments, claims, programmes, programme_policies, outstanding,
    liabilities, pair_terms, settlement_basis, conversions, programme_ends, tiers, risk, reviews,
    appeals, merchants,
    places, owners, modes, keys, chain, proofs, settlement, settling, settlement_papers, settlement_pools,
    coverage, imports, epcis, epcis_queries, item_proofs, *ITEM_MODULES, share, share_campaigns,
    share_rewards, share_staff, share_network, *INSIGHT_MODULES, alliance, status,
)  # fmt: skip
# Of one link: what a group chat does at once, and what a flood may go on with.
_TOUCHES_A_SECOND, _TOUCHES_AT_ONCE = 100, 600


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
        *statements.served(statements.StatementsDoor(administration, cursors, s.catalogue)),
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
        *imports.served(imports.ImportsDoor(administration)),
        *_of_events(serving, administration, cursors),
        *served_items(serving, administration, cursors),
        *alliance.served(_facts(serving)),
        *status.served(_status(serving)),
    ]
    return with_reads_noted(every, administration)


def _of_risk(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """Rules, what waits for a person, and what members say against it."""
    return [
        *risk.served(risk.RiskDoor(administration, serving.rules, cursors)),
        *reviews.served(reviews.ReviewsDoor(administration, serving.reviews, cursors)),
        *appeals.served(appeals.AppealsDoor(administration, cursors)),
    ]


def _of_events(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """What happens to goods, and what comes of sharing."""
    database = serving.foundations.database
    return [
        *epcis.served(epcis.EpcisDoor(database, SystemRandom(), cursors)),
        *epcis_queries.served(epcis_queries.EpcisQueriesDoor(database, cursors)),
        *_of_items(serving),
        *_of_sharing(serving, administration, cursors),
        *served_insight(serving, administration, cursors),
    ]


def _of_sharing(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    parts, url = serving.sharing, serving.foundations.settings.public_url
    flood = Buckets(Policy("touch", _TOUCHES_A_SECOND, _TOUCHES_AT_ONCE))
    door = share.ShareDoor(administration, cursors, serving.writer, parts.links, parts.binder, flood, url)
    return [
        *share.served(door),
        *share_campaigns.served(share_campaigns.ShareCampaignsDoor(administration, cursors)),
        *share_rewards.served(share_rewards.ShareRewardsDoor(administration, cursors, parts.rewards)),
        *share_staff.served(share_staff.ShareStaffDoor(administration, cursors)),
        *share_network.served(share_network.ShareNetworkDoor(administration, serving.foundations.database)),
    ]


def _of_items(serving: Serving) -> list[Served]:
    prover = Prover(Commitments(serving.secrets.one_time), place_of(serving.foundations.alliance))
    return item_proofs.served(item_proofs.ItemProofsDoor(serving.foundations.database, prover))


def _of_programmes(points: programmes.ProgrammesDoor) -> list[Served]:
    return [
        *programmes.served(points),
        *programme_policies.served(programme_policies.PoliciesDoor(points)),
        *outstanding.served(outstanding.OutstandingDoor(points)),
        *liabilities.served(liabilities.LiabilitiesDoor(points, liability_document)),
        *pair_terms.served(pair_terms.PairTermsDoor(points)),
        *settlement_basis.served(settlement_basis.SettlementBasisDoor(points)),
        *programme_ends.served(programme_ends.ProgrammeEndsDoor(points)),
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
        *chain.served(chain.ChainDoor(administration, cursors)),
        *proofs.served(proofs.ProofsDoor(administration, serving.catalogue, domain)),
        *settlement.served(settlement.SettlementDoor(administration, cursors, serving.governance)),
        *settling.served(settling.SettlingDoor(administration, serving.governance)),
        *served_papers(serving, administration, cursors),
        *coverage.served(coverage.CoverageDoor(administration, cursors)),
    ]


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
        *value_cards.served(serving.checkout.with_cards(serving.desk, serving.wallets.offers.catalogue)),
        *value_accounts.served(value_accounts.ValueAccountsDoor(administration, cursors)),
    ]


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
    )


def _status(serving: Serving) -> status.StatusParts:
    settings = serving.foundations.settings
    return status.StatusParts(
        readiness=serving.observation.readiness,
        metrics=serving.pipeline.metrics,
        document=openapi_document(settings.public_url),
        replay=settings.replay,
    )
