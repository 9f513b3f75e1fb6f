"""An accident: everything dies, the database comes back from a backup, the chain goes on; then the runbook.

What people were told since the backup is either repeated, or adopted from the chain, or lost, and nothing is
half there. They know the recovery point: what they were told before it must stand as ever.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from ledger_service.bootstrap.adopting import Adopted, adopt_all
from ledger_service.bootstrap.lost import Lost, lost
from ledger_service.ledger.models import entry
from ledger_service.outbox.models import intent
from ledger_service.points.models import pending_issue
from tests.simulation.checking import Broken, demand
from tests.simulation.machine.process import Process, SimDatabase
from tests.simulation.machine.writer import SyncWriter
from tests.simulation.people.memory import Action, Memory
from tests.simulation.world import World

ANSWERED_ONCE = ("sale", "capture")
_OPERATORS = ("operator:ann", "operator:ben")


@dataclass
class Backup:
    """A copy of the database with its last entry, and what people knew when it was taken."""

    path: Path
    last_entry: int
    memory: Memory


@dataclass
class Told:
    """What somebody was told since the backup, and the operations of which it speaks; None of an upload."""

    action: Action | None
    op_ids: tuple[bytes, ...] = ()


@dataclass
class Loss:
    """What an accident took: the answers since the backup, sorted as far as they are dealt with."""

    told: list[Told] = field(default_factory=list)
    adopted: set[bytes] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)


def take(world: World, memory: Memory) -> Backup:
    """A copy of the database as ``alliance backup`` makes it, while everybody works."""
    path = world.stage.folder / "backup.sqlite"
    with sqlite3.connect(world.stage.folder / "alliance.db") as source, sqlite3.connect(path) as target:
        source.backup(target)
    source.close()
    target.close()
    with world.inner.read() as conn:
        last = conn.execute(select(func.coalesce(func.max(entry.c.sequence), 0))).scalar_one()
    world.note("backup")
    return Backup(path, last, deepcopy(memory))


def strike(world: World, backup: Backup, memory: Memory) -> Loss:
    """The database is as in the backup, every process has started anew, and people remember its time."""
    for database in (world.inner,):
        database.writing.dispose()
        database.reading.dispose()
    for old in world.stage.folder.glob("alliance.db*"):
        if not old.name.endswith(".gate"):
            old.unlink()
    shutil.copy(backup.path, world.stage.folder / "alliance.db")
    loss = Loss(_since(backup, memory), suspended=set(memory.suspended))
    done = [told.action for told in loss.told if told.action is not None]
    returned = {action.facts["sale"].sale_id for action in done if action.kind == "refund"}
    memory.recall(backup.memory, returned)
    memory.claimed_before.update(a.facts["item"] for a in done if a.kind == "claim-item")
    world.start()
    world.note("restored")
    return loss


def _since(backup: Backup, memory: Memory) -> list[Told]:
    known = backup.memory
    fresh = [kept for name, kept in memory.answered.items() if name not in known.answered]
    alone = [content for name, content in memory.uploaded.items() if name not in known.uploaded]
    uploads = [content["sale"] for content in alone if "sale" in content]
    told = [Told(action, _operations(memory.body_of(raw))) for action, raw in fresh]
    return told + [Told(None, _operations(body)) for body in uploads]


def _operations(body: dict[str, Any]) -> tuple[bytes, ...]:
    found = body.get("operations") or ([body["operation"]] if "operation" in body else [])
    return tuple(map(bytes.fromhex, found))


class Recovery:
    """The runbook after a restore beside a chain that went on; the bridge has read the chain to its head."""

    def __init__(self, world: World, memory: Memory, loss: Loss) -> None:
        self._world, self._memory, self._loss = world, memory, loss
        self._database: Any = SimDatabase(world.inner, Process("operators"))
        self._writer = SyncWriter(self._database, world.clock)

    def lost(self) -> list[Lost]:
        """What the chain alone has."""
        with self._world.inner.snapshot() as conn:
            return list(lost(conn))

    def _promised(self) -> dict[str, int]:
        """What people count as theirs already of issues that the chain has made: pending here."""
        p = pending_issue.c
        its = select(p.op_id, p.left).where(p.state == "waiting")
        with self._world.inner.snapshot() as conn:
            return {bytes(row.op_id).hex(): row.left for row in conn.execute(its)}

    def adopt(self) -> Adopted:
        """Whatever can be booked is; people are told by how much that changed their points."""
        rows, promised = self.lost(), self._promised()
        clock = self._world.clock
        done = adopt_all(self._database, self._writer, clock, _OPERATORS, lambda _: self._all_know())
        left = {one.op_id for one in self.lost()}
        for one in rows:
            if one.op_id in left:
                continue
            self._loss.adopted.add(bytes.fromhex(one.op_id))
            if one.member is not None and one.kind != "expire":
                self._memory.points[one.member, one.programme] += one.points - promised.get(one.op_id, 0)
        self._world.met["adopted"] += done.adopted
        return done

    def _all_know(self) -> None:
        for front in self._world.fronts:
            front.serving.catalogue.refresh()

    def must_be_whole(self, backup: Backup, ask: Callable[[Action], str]) -> None:
        """Everything since the recovery point is adopted, or gone altogether; who repeats it is told which.

        Raises:
            Broken: something is neither.
        """
        demand("the chain has nothing that the books lack", [], [one.op_id for one in self.lost()])
        gone = [
            told for told in self._loss.told
            if not self._adopted(told) and not (told.action and self._memory.has_answer(told.action))
        ]  # fmt: skip
        op_ids = [op_id for told in gone for op_id in told.op_ids]
        demand("what is lost is lost altogether", [], self._traces(backup, op_ids))
        for told in self._loss.told[-4:]:
            if told.action is not None and self._adopted(told) and told.action.kind in ANSWERED_ONCE:
                word = ask(told.action)
                if word not in ("operation-adopted", "doubt"):
                    raise Broken(f"{told.action} was adopted, and its till is told {word}")

    def _adopted(self, told: Told) -> bool:
        return not self._loss.adopted.isdisjoint(told.op_ids)

    def _traces(self, backup: Backup, op_ids: Sequence[bytes]) -> list[str]:
        with self._world.inner.read() as conn:
            later = (entry.c.sequence > backup.last_entry) & entry.c.op_id.in_(op_ids)
            booked = conn.execute(select(entry.c.op_id).where(later)).scalars().all()
            sent = conn.execute(select(intent.c.op_id).where(intent.c.op_id.in_(op_ids))).scalars().all()
        return sorted(op_id.hex() for op_id in {*booked, *sent})
