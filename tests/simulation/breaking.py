"""Books of a run that is over, to be broken on purpose: in a db transaction that is never committed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text

from tests.simulation import invariants, rewards
from tests.simulation.founding import CAP
from tests.simulation.machine.stage import Stage
from tests.simulation.network.chain import Chain
from tests.simulation.running import Run
from tests.simulation.world import World

_GUARDED = ("entry", "posting", "epcis_event")


@dataclass
class Played:
    """The books that a run left, and the checkpoints that it made."""

    conn: Connection
    chain: Chain
    logged: dict[int, bytes]

    def broken(self) -> list[str]:
        """What is wrong with them now."""
        return [
            *invariants.of_the_ledger(self.conn, 0), *invariants.of_the_permits(self.conn, 0),
            *invariants.of_the_caps(self.conn, CAP), *invariants.of_the_mirror(self.conn, self.chain),
            *invariants.of_the_coupons(self.conn), *invariants.of_the_items(self.conn),
            *invariants.of_the_log(self.conn, self.logged), *rewards.of_the_rewards(self.conn),
            *rewards.between(self.conn, self.chain.head),
        ]  # fmt: skip


@contextmanager
def unguarded(stage: Stage, free: Sequence[str] = ()) -> Iterator[Connection]:
    """The books on the stage without the guards against changes, and the ``free`` tables without any of their
    constraints; every change is undone."""
    with stage.database.writing.connect() as conn, conn.begin() as undone:
        for table in _GUARDED:
            for act in ("update", "delete"):
                conn.execute(text(f"DROP TRIGGER {table}_refuse_{act}"))
        for table in free:
            # A table of the connection's own hides the database's: the rows, and nothing that guards them.
            conn.execute(text(f"CREATE TEMP TABLE {table} AS SELECT * FROM main.{table}"))
        yield conn
        undone.rollback()


def play_until(
    worlds: Iterable[World], steps: int, edits: Sequence[str], free: Sequence[str] = ()
) -> Chain:
    """The chain of the first of these runs that left rows for every edit; its database lies on the stage.

    Raises:
        AssertionError: in none of them did enough happen.
    """
    for world in worlds:
        Run(world).go(steps)
        if all(_finds_a_row(world.stage, edit, free) for edit in edits):
            return world.chain
    raise AssertionError("in none of the runs did enough happen")


def _finds_a_row(stage: Stage, edit: str, free: Sequence[str]) -> bool:
    with unguarded(stage, free) as conn:
        return conn.exec_driver_sql(edit).rowcount > 0
