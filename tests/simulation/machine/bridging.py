"""A bridge process: the real bridge with the real handlers and jobs over this process's database and wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from ledger_service.bootstrap.bridging import _ACTS_SECONDS
from ledger_service.bootstrap.campaign_alarms import campaign_alarms
from ledger_service.bootstrap.chain_events import handlers
from ledger_service.bootstrap.chain_parts import CustodyKeys, steps_of
from ledger_service.bootstrap.clerking import GovernanceClerk
from ledger_service.bootstrap.foundations import Foundations
from ledger_service.bootstrap.items_service import items_service
from ledger_service.bootstrap.jobs import Jobs
from ledger_service.bootstrap.relaying import relay_jobs
from ledger_service.bootstrap.sharing import reward_desk
from ledger_service.bootstrap.tills import open_tills, secrets_of
from ledger_service.chain.admin import Admin
from ledger_service.chain.beside.relay import relay_room
from ledger_service.chain.bridge import Bridge, Job, Progress, Wiring
from ledger_service.chain.client import Node
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import ChainUnavailable, LeadershipLost, LyingNode, NodeRefusal, WrongNetwork
from ledger_service.chain.indexer import CursorMoved
from ledger_service.chain.models import chain_leader
from ledger_service.chain.settings import ChainSettings, Contracts
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.db.errors import StorageUnavailable
from ledger_service.traceability.proofs.commitments import Commitments
from tests.simulation.machine.clock import SimClock
from tests.simulation.machine.process import Process
from tests.simulation.machine.writer import SyncWriter
from tests.simulation.network.wire import Carry, Wire

JOBS_SECONDS = 5.0
EXPECTED = (
    ChainUnavailable, CursorMoved, LeadershipLost, LyingNode, WrongNetwork, DBAPIError, NodeRefusal,
    StorageUnavailable,
)  # fmt: skip


class Sleepwalker(AssertionError):
    """A bridge wrote though another one leads."""


class WatchedDesk(Desk):
    """The desk of a bridge, with somebody who looks whose lease it writes under."""

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as conn:
            holder = conn.execute(select(chain_leader.c.holder)).scalar_one()
            if holder != self._holder:
                raise Sleepwalker(f"{self._holder} writes while {holder} leads")
            yield conn


class Bridging:
    """One bridge process; made anew after each crash, as a supervisor would."""

    def __init__(
        self, process: Process, foundations: Foundations, clock: SimClock, room: ChainSettings, carry: Carry
    ) -> None:
        self.process = process
        self.writer = SyncWriter(foundations.database, clock)
        self.node = Node(Wire(process, carry))
        self.desk = WatchedDesk(foundations.database, process.name, clock.now, room.lease_seconds)
        alliance, secrets = foundations.alliance, secrets_of(foundations)
        contracts = Contracts(alliance.clearing_house, alliance.registry)
        steps = steps_of(self.desk, self.node, foundations.custody, room)
        clerk = GovernanceClerk(self.desk, Admin(steps, contracts))
        name: Any = process
        tills = open_tills(foundations, secrets, self.writer, process.name)
        rewards = reward_desk(self.writer, foundations, tills, process.name)
        commitments = Commitments(secrets.one_time)
        catalogues = CatalogueOffers(tills.coupons), (self.writer, tills.catalogue, process.name)
        items = items_service(foundations, secrets, *catalogues)
        self.jobs = Jobs(foundations, clock, self.writer, name, tills, commitments, rewards, items)
        timed = [Job(name, JOBS_SECONDS, run) for name, run in self.jobs.steps().items()]
        keys, told = CustodyKeys(foundations.custody), handlers(foundations, secrets)
        beside = (*told, campaign_alarms(self.desk.wall))
        relay = relay_jobs(relay_room(self.desk, self.node, keys, room, beside), alliance)
        self.bridge = Bridge(Wiring(
            database=foundations.database, node=self.node, keys=keys, contracts=contracts, settings=room,
            desk=self.desk, handlers=told,
            jobs=(Job("operator-acts", _ACTS_SECONDS, clerk.run, signs=True), *relay, *timed),
        ))  # fmt: skip

    def step(self) -> Progress | Exception:
        """One pass; what ``Bridge.run`` would log and try again is returned.

        Raises:
            Killed: the process died.
        """
        try:
            return self.bridge.step()
        except EXPECTED as failure:
            if isinstance(failure, LyingNode | WrongNetwork):
                self.bridge._alarm(failure)
            return failure
