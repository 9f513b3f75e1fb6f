"""Founding an alliance: contracts on chain, custody bound to them, the row, the operator's API key."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ledger_service.bootstrap.alliance import Alliance, find_alliance, store_alliance
from ledger_service.bootstrap.chain_parts import chain_settings, desk_of, node_of, steps_of
from ledger_service.bootstrap.clocks import note_instant
from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.chain.deploy import Deployment, MoneyRules, deploy
from ledger_service.chain.desk import Desk
from ledger_service.config import Settings
from ledger_service.custody.client import SignerClient
from ledger_service.custody.requests import BindDomain
from ledger_service.db.engine import Database
from ledger_service.db.schema import migrate
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.money import exponent_of, micros_of_minor
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssueKey

_LEAD_PATIENCE_SECONDS = 60


class FoundingRefused(Exception):
    """The alliance cannot be founded as asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Charter:
    """What an alliance is founded as; ``at`` is the instant of the founding (given in replay)."""

    name: str
    currency: str
    gs1_prefix: str
    at: datetime


def found(settings: Settings, database: Database, charter: Charter) -> Alliance:
    """The database is at its newest schema and holds the alliance, whose contracts stand on chain.

    Idempotency: an alliance that is founded already is returned as it is, and custody bound to it, which a
    signing process that lost its journal needs.

    Raises:
        FoundingRefused: another bridge leads, so this is not a new installation.
        SigningRefused: custody belongs to another alliance.
        ChainUnavailable, AdminRefused, SignerUnavailable: run it again; finished steps are not repeated.
    """
    migrate(database)
    with database.read() as conn:
        known = find_alliance(conn)
    custody = SignerClient(settings.signer_socket)
    if known is not None:
        custody.bind(BindDomain(known.chain_id, known.clearing_house, known.registry))
        custody.close()
        return known
    node, room = node_of(settings), chain_settings(settings)
    desk = desk_of(database, room)
    _lead(desk)
    try:
        at = seconds_floor(charter.at) if settings.replay else None
        deployed = deploy(steps_of(desk, node, custody, room), _money(settings, charter), at)
    finally:
        desk.resign()
    contracts = deployed.contracts
    custody.bind(BindDomain(node.chain_id, contracts.clearing_house, contracts.registry))
    custody.close()
    founded = _alliance(settings, charter, deployed, node.chain_id)
    with database.begin() as conn:
        store_alliance(conn, founded)
        if settings.replay:
            note_instant(conn, charter.at)
    return founded


def operator_key(database: Database, path: Path, at: datetime) -> bool:
    """An operator's API key stands in a file of mode 0600; returns whether it was made now."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with database.begin() as conn:
        issued = ApiKeys(SystemRandom()).issue(conn, None, IssueKey("operator", "founder", label="setup"), at)
        # Written before the commit: a key that nobody holds is worse than a file with a key that never was.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(issued.token + "\n")
            file.flush()
            os.fsync(file.fileno())
    return True


def _lead(desk: Desk) -> None:
    deadline = time.monotonic() + _LEAD_PATIENCE_SECONDS
    while not desk.lead():
        if time.monotonic() > deadline:
            raise FoundingRefused("a bridge leads on this database; stop it before founding an alliance")
        time.sleep(0.5)


def _money(settings: Settings, charter: Charter) -> MoneyRules:
    one_minor = micros_of_minor(1, exponent_of(charter.currency))
    return MoneyRules(settings.custodial_permit_micros, settings.custodial_day_micros, one_minor)


def _alliance(settings: Settings, charter: Charter, deployed: Deployment, chain_id: int) -> Alliance:
    return Alliance(
        name=charter.name,
        currency=charter.currency,
        gs1_prefix=charter.gs1_prefix,
        chain_id=chain_id,
        clearing_house=deployed.contracts.clearing_house,
        registry=deployed.contracts.registry,
        manager=deployed.manager,
        points_implementation=deployed.points_implementation,
        per_permit_micros=settings.custodial_permit_micros,
        per_day_micros=settings.custodial_day_micros,
        founded_at=charter.at,
        recovery_desk=deployed.recovery_desk,
        settlement_desk=deployed.settlement_desk,
        reserve_desk=deployed.reserve_desk,
        coupons=deployed.coupons,
        item_registry=deployed.item_registry,
        campaign_desk=deployed.campaign_desk,
        transparency_log=deployed.transparency_log,
        extends=True,
        pairs=True,
        converts=True,
    )
