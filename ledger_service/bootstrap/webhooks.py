"""Webhooks wired: the desk for front doors, the follower and the couriers for jobs."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from ledger_service.bootstrap.foundations import Foundations, SystemRandom
from ledger_service.bootstrap.tills import Secrets
from ledger_service.bootstrap.webhook_transport import HttpTransport
from ledger_service.chain.periods import nets_of_period, periods_after
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import Clock
from ledger_service.webhooks.courier import Courier
from ledger_service.webhooks.following import follow, something_new
from ledger_service.webhooks.ports import Settled
from ledger_service.webhooks.service import WebhookDesk
from ledger_service.webhooks.subscriptions.courier import ReportCourier
from ledger_service.webhooks.subscriptions.service import SubscriptionDesk, TokenSafe

_SECRETS = b"alliance webhooks v1"
_PERIODS_AT_ONCE = 10


class MirroredSettlements:
    """Periods that are closed for good, from the mirror of the chain."""

    def closed_after(self, conn: Connection, period: int, at: datetime) -> tuple[int, Sequence[Settled]]:
        """The last closed period behind ``period``, of the next few, and the nets of those up to it."""
        found: list[Settled] = []
        for one in periods_after(conn, period, _PERIODS_AT_ONCE):
            if not one.final:
                break
            period = one.number
            nets = nets_of_period(conn, period)
            found += [Settled(period, merchant, net) for merchant, net in nets.items()]
        return period, found


@dataclass(frozen=True)
class WebhookJobs:
    """What jobs do for webhooks."""

    database: Database
    clock: Clock
    courier: Courier
    reports: ReportCourier

    def follow(self) -> bool:
        """The books are read on; returns whether there is more at once."""
        at, settlements = self.clock.now(), MirroredSettlements()
        with self.database.read() as conn:
            if not something_new(conn, settlements, at):
                return False
        # Not by the writer of sales, which would wait for a step.
        with self.database.begin() as conn:
            return follow(conn, settlements, at)

    def send(self) -> bool:
        """What is due sets out, what has come back is written down."""
        return self.courier.step()

    def report(self) -> bool:
        """As ``send``, of subscriptions to queries of EPCIS."""
        return self.reports.step()

    def close(self) -> None:
        """Nothing is under way any more."""
        self.courier.close()
        self.reports.close()


def webhook_desk(foundations: Foundations, secrets: Secrets) -> WebhookDesk:
    """Endpoints, for front doors."""
    return WebhookDesk(_master(secrets), SystemRandom(), foundations.settings.webhook_loopback)


def subscription_desk(foundations: Foundations, secrets: Secrets) -> SubscriptionDesk:
    """Subscriptions to queries of EPCIS, for front doors."""
    safe = TokenSafe(_master(secrets))
    return SubscriptionDesk(safe, SystemRandom(), foundations.settings.webhook_loopback)


def webhook_jobs(foundations: Foundations, secrets: Secrets, clock: Clock) -> WebhookJobs:
    """Follower and couriers, for the jobs of a process."""
    database, transport = foundations.database, HttpTransport(foundations.settings.webhook_loopback)
    courier = Courier(database, transport, clock, _master(secrets))
    reports = ReportCourier(database, transport, clock, TokenSafe(_master(secrets)))
    return WebhookJobs(database, clock, courier, reports)


def _master(secrets: Secrets) -> bytes:
    return hmac.digest(secrets.one_time, _SECRETS, sha256)
