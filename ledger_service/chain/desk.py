"""Where the bridge writes: every db transaction of the leader, fenced by its lease (one leader at a time)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, select, update

from ledger_service.chain.errors import LeadershipLost
from ledger_service.chain.models import chain_alarm, chain_leader
from ledger_service.chain.ports import Wall
from ledger_service.db.bulk import sql_of
from ledger_service.db.engine import Database

MINING_HELD_BACK = "mining-held-back"


class Desk:
    """The database as one bridge sees it.

    The lease is a row. Taking it over raises its token, and every write begins by renewing the row
    under its own token, so a leader that slept through its lease cannot write one line more.
    """

    def __init__(self, database: Database, holder: str, wall: Wall, lease_seconds: float) -> None:
        self.database = database
        self.wall = wall
        self._holder = holder
        self._lease = timedelta(seconds=lease_seconds)
        self._token: int | None = None
        self._renew_at = wall()
        self._fenced = True

    @classmethod
    def unfenced(cls, database: Database, wall: Wall) -> Desk:
        """A desk for administration beside a running bridge: nonce rows are its only lock."""
        desk = cls(database, "", wall, 0)
        desk._fenced = False
        return desk

    def lead(self) -> bool:
        """Whether this bridge leads now; takes a lease that nobody holds or that has run out.

        A lease with two thirds of its life left is not asked for again: every write checks it anyway, and
        an idle bridge commits nothing.

        Locks: the lease row.
        """
        if self._token is not None and self.wall() < self._renew_at:
            return True
        with self.database.begin() as conn:
            row = conn.execute(
                select(chain_leader).where(chain_leader.c.id == 1).with_for_update()
            ).one_or_none()
            now, until = self.wall(), self.wall() + self._lease
            if row is None:
                first = {"id": 1, "holder": self._holder, "token": 1, "expires_at": until}
                sql_of(chain_leader, conn).insert(conn, [first], or_ignore=True)
                row = conn.execute(select(chain_leader).where(chain_leader.c.id == 1).with_for_update()).one()
            mine = row.holder == self._holder
            if not mine and row.expires_at > now:
                self._token = None
                return False
            token = row.token if mine and self._token == row.token else row.token + 1
            conn.execute(update(chain_leader).values(holder=self._holder, token=token, expires_at=until))
            self._token, self._renew_at = token, now + self._lease / 3
            return True

    def resign(self) -> None:
        """Give the lead back, so that another bridge need not wait for the lease to end."""
        if self._token is None:
            return
        with self.database.begin() as conn:
            mine = (chain_leader.c.holder == self._holder) & (chain_leader.c.token == self._token)
            conn.execute(update(chain_leader).where(mine).values(expires_at=self.wall()))
        self._token = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A db transaction of the leader.

        Raises:
            LeadershipLost: another bridge has taken over; nothing is written.

        Locks: the lease row first, then whatever the block takes.
        """
        with self.database.begin() as conn:
            if not self._fenced:
                yield conn
                return
            mine = (chain_leader.c.holder == self._holder) & (chain_leader.c.token == (self._token or 0))
            now = self.wall()
            done = conn.execute(update(chain_leader).where(mine).values(expires_at=now + self._lease))
            self._renew_at = now + self._lease / 3
            if done.rowcount != 1:
                self._token = None
                raise LeadershipLost(self._holder)
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reads whose statements see one state of the database."""
        with self.database.snapshot() as conn:
            yield conn


def raise_alarm(conn: Connection, wall: Wall, code: str, subject: str, detail: str) -> None:
    """The alarm stands in the table, once per code and subject, with its newest detail."""
    same = (chain_alarm.c.code == code) & (chain_alarm.c.subject == subject)
    if conn.execute(update(chain_alarm).where(same).values(detail=detail)).rowcount == 0:
        row = {"code": code, "subject": subject, "detail": detail, "raised_at": wall()}
        sql_of(chain_alarm, conn).insert(conn, [row], or_ignore=True)


def dismiss_alarms(conn: Connection, code: str, subject: str | None) -> int:
    """A person has dealt with what alarmed: of one subject, or (None) of every subject; returns how many.

    ``MINING_HELD_BACK`` is no matter of opinion: the bridge reads it after a crash to let the node mine
    again, and takes it away itself.
    """
    those = (chain_alarm.c.code == code) & (chain_alarm.c.code != MINING_HELD_BACK)
    if subject is not None:
        those &= chain_alarm.c.subject == subject
    return conn.execute(chain_alarm.delete().where(those)).rowcount


def clear_alarm(conn: Connection, code: str, subject: str) -> None:
    """The alarm no longer stands."""
    conn.execute(
        chain_alarm.delete().where((chain_alarm.c.code == code) & (chain_alarm.c.subject == subject))
    )
