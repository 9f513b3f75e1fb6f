"""What every process stands on: database, clock, alliance, custody."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from ledger_service.bootstrap.alliance import Alliance, the_alliance
from ledger_service.bootstrap.clocks import NotedClock, SystemClock
from ledger_service.chain.houses import houses_in_force
from ledger_service.config import Settings
from ledger_service.custody.client import SignerClient
from ledger_service.custody.local import LocalCustody
from ledger_service.db.engine import Database, open_database


class SystemRandom:
    """The operating system's randomness (``kernel.ids.IdSource``)."""

    def random_bytes(self, count: int) -> bytes:
        """``count`` random bytes."""
        return secrets.token_bytes(count)


# The signing process's client, or a vault inside the process (tests).
Keyholder = SignerClient | LocalCustody


@dataclass(frozen=True)
class Foundations:
    """Opened once per process; ``close`` gives everything back in reverse order.

    ``former_houses`` are the ClearingHouses that were in force before, oldest first.
    """

    settings: Settings
    database: Database
    custody: Keyholder
    alliance: Alliance
    former_houses: tuple[bytes, ...] = ()

    def close(self) -> None:
        """Connections are closed."""
        self.custody.close()
        self.database.close()


def lay_foundations(settings: Settings) -> Foundations:
    """Open the database and read the alliance.

    Raises:
        NotFounded: the database holds no alliance yet.
    """
    database = open_database(settings.database_url, pool_size=settings.read_pool)
    with database.read() as conn:
        alliance = the_alliance(conn)
        former = tuple(h for h, _ in houses_in_force(conn) if h != alliance.clearing_house)
    return Foundations(settings, database, SignerClient(settings.signer_socket), alliance, former)


def background_clock(settings: Settings, database: Database) -> NotedClock | SystemClock:
    """The clock of bridge, jobs and commands: real time, or where the replay stands."""
    return NotedClock(database) if settings.replay else SystemClock()
