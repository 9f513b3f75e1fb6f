"""A bridge process: the chain room's loop with custody's keys, the rooms' handlers and their jobs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from ledger_service.bootstrap.agreeing import Agreement
from ledger_service.bootstrap.answering import reserve_acts, settlement_acts
from ledger_service.bootstrap.campaign_alarms import campaign_alarms
from ledger_service.bootstrap.caring import CareClerk
from ledger_service.bootstrap.chain_events import handlers
from ledger_service.bootstrap.chain_parts import CustodyKeys, chain_settings, desk_of, node_of, steps_of
from ledger_service.bootstrap.clerking import GovernanceClerk
from ledger_service.bootstrap.event_log import CheckpointClerk
from ledger_service.bootstrap.foundations import Foundations, lay_foundations
from ledger_service.bootstrap.jobs import Jobs, open_jobs
from ledger_service.bootstrap.kept_figures import FiguresKeeper
from ledger_service.bootstrap.merging import case_desk
from ledger_service.bootstrap.period_papers import alliances_of
from ledger_service.bootstrap.prize_drawing import PrizeDrawer
from ledger_service.bootstrap.relaying import relay_jobs
from ledger_service.bootstrap.standings import StandingReader
from ledger_service.bootstrap.tills import secrets_of
from ledger_service.chain.admin import Admin, Steps
from ledger_service.chain.beside.relay import relay_room
from ledger_service.chain.bridge import Bridge, Job, Wiring
from ledger_service.chain.client import Node
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import ChainUnavailable, WrongNetwork
from ledger_service.chain.log_office import LogOffice
from ledger_service.chain.recovery import RecoveryOffice
from ledger_service.chain.settings import Contracts
from ledger_service.chain.settlement_office import SettlementOffice
from ledger_service.config import Settings

_ACTS_SECONDS = 0.1


@dataclass(frozen=True)
class Bridging:
    """A bridge and what it stands on."""

    foundations: Foundations
    jobs: Jobs
    bridge: Bridge

    def close(self) -> None:
        """Everything is given back; the bridge's loop has ended before."""
        self.jobs.close()
        self.foundations.close()


def open_bridging(settings: Settings) -> Bridging:
    """Wire a bridge process.

    Raises:
        NotFounded: the database holds no alliance yet.
        WrongNetwork: the node serves another chain; one that does not answer yet is waited for.
    """
    return bridging_over(lay_foundations(settings))


def bridging_over(foundations: Foundations) -> Bridging:
    """A bridge over foundations that are laid."""
    settings = foundations.settings
    database, custody, alliance = foundations.database, foundations.custody, foundations.alliance
    room, node = chain_settings(settings), _node(foundations)
    desk = desk_of(database, room)
    contracts = Contracts(alliance.clearing_house, alliance.registry)
    steps = steps_of(desk, node, custody, room)
    agreed = _agreement(foundations, steps)
    reader = None if agreed is None else StandingReader(agreed, desk)
    clerk = GovernanceClerk(
        desk, Admin(steps, contracts), {**settlement_acts(reader), **reserve_acts(foundations, steps)}
    )
    secrets = secrets_of(foundations)
    jobs = open_jobs(foundations, secrets)
    acts = [Job("operator-acts", _ACTS_SECONDS, clerk.run, signs=True)]
    if alliance.recovery_desk is not None:
        office = RecoveryOffice(steps, alliance.recovery_desk)
        caring = CareClerk(office, case_desk(secrets), database, jobs.writer, jobs.clock, settings.replay)
        acts.append(Job("care", settings.jobs_seconds, caring.run, signs=True))
    if reader is not None:
        acts.append(Job("settlement-standing", settings.jobs_seconds, reader.run))
    keeper = FiguresKeeper(database, desk, alliances_of(alliance))
    acts.append(Job("settlement-figures", settings.jobs_seconds, keeper.run))
    told = handlers(foundations, secrets)
    keys = CustodyKeys(custody)
    beside = relay_jobs(
        relay_room(desk, node, keys, room, (*told, campaign_alarms(desk.wall))), alliance
    )
    timed = [Job(name, settings.jobs_seconds, run) for name, run in jobs.steps().items()]
    wiring = Wiring(
        chain_id=alliance.chain_id, database=database, node=node, keys=keys, contracts=contracts,
        settings=room, desk=desk, handlers=told,
        jobs=(*acts, *beside, *_checkpoints(foundations, steps, desk, jobs), *_draws(foundations, node, jobs),
              *timed),
    )  # fmt: skip
    return Bridging(foundations, jobs, Bridge(wiring))


def _checkpoints(foundations: Foundations, steps: Steps, desk: Desk, jobs: Jobs) -> list[Job]:
    settings, at = foundations.settings, foundations.alliance.transparency_log
    if at is None:
        return []
    clerk = CheckpointClerk(LogOffice(steps, at), desk, jobs.clock, settings.replay)
    return [Job("checkpoints", settings.jobs_seconds, clerk.run, signs=True)]


def _draws(foundations: Foundations, node: Node, jobs: Jobs) -> list[Job]:
    settings, known = foundations.settings, foundations.alliance
    if known.item_registry is None or known.transparency_log is None:
        return []
    deep = chain_settings(settings).confirmations
    where = known.item_registry, known.transparency_log
    drawer = PrizeDrawer(foundations.database, node, *where, deep, jobs.clock)
    return [Job("prize-draws", settings.jobs_seconds, drawer.run)]


def _agreement(foundations: Foundations, steps: Steps) -> Agreement | None:
    at = foundations.alliance.settlement_desk
    return None if at is None else Agreement(foundations, SettlementOffice(steps, at), at)


def _node(foundations: Foundations) -> Node:
    node = node_of(foundations.settings)
    try:
        with suppress(ChainUnavailable):
            node.must_serve(foundations.alliance.chain_id)
    except WrongNetwork:
        node.transport.close()
        foundations.close()
        raise
    return node
