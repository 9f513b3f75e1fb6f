"""The doors behind what happens to goods and what comes of sharing."""

from __future__ import annotations

from ledger_service.api.administration import Administration
from ledger_service.api.endpoints import (
    epcis,
    epcis_discovery,
    epcis_lists,
    epcis_queries,
    epcis_standing,
    epcis_subscriptions,
    item_proofs,
    share,
    share_campaigns,
    share_enrolment,
    share_network,
    share_rewards,
    share_staff,
)
from ledger_service.api.limits import Buckets, Policy
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Served
from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.insight import INSIGHT_MODULES, served_insight
from ledger_service.bootstrap.items import ITEM_MODULES, place_of, served_items
from ledger_service.bootstrap.serving import Serving
from ledger_service.bootstrap.webhooks import subscription_desk
from ledger_service.traceability.proofs.commitments import Commitments
from ledger_service.traceability.proofs.service import Prover

EVENT_MODULES = (
    epcis, epcis_lists, epcis_queries, epcis_standing, epcis_subscriptions, epcis_discovery, item_proofs,
    *ITEM_MODULES, share, share_campaigns, share_enrolment, share_rewards, share_staff, share_network,
    *INSIGHT_MODULES,
)  # fmt: skip
# Of one link: what a group chat does at once, and what a flood may go on with.
_TOUCHES_A_SECOND, _TOUCHES_AT_ONCE = 100, 600


def served_events(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """Their routes with endpoints over the services of a worker."""
    database = serving.foundations.database
    asking = epcis_queries.EpcisQueriesDoor(database, cursors)
    desk = subscription_desk(serving.foundations, serving.secrets)
    subscribing = epcis_subscriptions.SubscriptionsDoor(database, administration, cursors, desk)
    return [
        *epcis.served(epcis.EpcisDoor(database, SystemRandom(), cursors)),
        *epcis_lists.served(epcis_lists.EpcisListsDoor(database, cursors)),
        *epcis_queries.served(asking),
        *epcis_standing.served(epcis_standing.StandingQueriesDoor(administration, cursors, asking)),
        *epcis_subscriptions.served(subscribing),
        *epcis_discovery.served(),
        *_of_items(serving),
        *served_items(serving, administration, cursors),
        *_of_sharing(serving, administration, cursors),
        *served_insight(serving, administration, cursors),
    ]


def _of_sharing(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    parts, url = serving.sharing, serving.foundations.settings.public_url
    flood = Buckets(Policy("touch", _TOUCHES_A_SECOND, _TOUCHES_AT_ONCE))
    door = share.ShareDoor(administration, cursors, serving.writer, parts.links, parts.binder, flood, url)
    enrolment = share_enrolment.ShareEnrolmentDoor(
        administration, serving.logins, serving.members, parts.binder, serving.api_keys
    )
    return [
        *share.served(door),
        *share_enrolment.served(enrolment),
        *share_campaigns.served(share_campaigns.ShareCampaignsDoor(administration, cursors)),
        *share_rewards.served(share_rewards.ShareRewardsDoor(administration, cursors, parts.rewards)),
        *share_staff.served(share_staff.ShareStaffDoor(administration, cursors)),
        *share_network.served(share_network.ShareNetworkDoor(administration, serving.foundations.database)),
    ]


def _of_items(serving: Serving) -> list[Served]:
    prover = Prover(Commitments(serving.secrets.one_time), place_of(serving.foundations.alliance))
    return item_proofs.served(item_proofs.ItemProofsDoor(serving.foundations.database, prover))
