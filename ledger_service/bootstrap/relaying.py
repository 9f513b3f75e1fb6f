"""The relay of contracts beside the ClearingHouse as a job of the bridge; none where there are none."""

from __future__ import annotations

from ledger_service.bootstrap.alliance import Alliance
from ledger_service.chain.beside.relay import Relay, RelayRoom
from ledger_service.chain.beside.targets import Target, campaigns_at, coupons_at, items_at
from ledger_service.chain.bridge import Job

_BESIDE_SECONDS = 0.1


def targets_of(alliance: Alliance) -> list[Target]:
    """The contracts beside the ClearingHouse that this alliance has."""
    places = (
        (coupons_at, alliance.coupons),
        (items_at, alliance.item_registry),
        (campaigns_at, alliance.campaign_desk),
    )
    return [target_at(address) for target_at, address in places if address is not None]


def relay_jobs(room: RelayRoom, alliance: Alliance) -> list[Job]:
    """The relay's job, if there is anything for it to do."""
    targets = targets_of(alliance)
    return [Job("beside", _BESIDE_SECONDS, Relay(room, targets).run, signs=True)] if targets else []
