"""A change of ClearingHouse with the processes at work: what `alliance house migrate` does, step by step.

Everything that was done is found on the chain, in custody or in the alliance's row, so a run that was killed
anywhere is simply run again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func, select, update

from ledger_service.bootstrap.beside_bridge import replay_stamp, steps_beside_bridge
from ledger_service.bootstrap.foundations import Foundations, background_clock
from ledger_service.bootstrap.worker_name import SERVE, names_held
from ledger_service.chain.admin import Steps
from ledger_service.chain.errors import RootsApart
from ledger_service.chain.houses import houses_in_force
from ledger_service.chain.models import chain_tx
from ledger_service.chain.state_root import StateRoot, state_root
from ledger_service.chain.succession import Offices, Succession
from ledger_service.config import Settings
from ledger_service.custody.errors import SigningRefused
from ledger_service.custody.requests import BindDomain
from ledger_service.db.models import alliance as alliance_row
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.ledger.models import hold
from ledger_service.outbox.models import State, intent, standing


class NotInForce(Exception):
    """The house that shall be followed is not the alliance's; the message says which is."""


@dataclass(frozen=True, slots=True)
class Migration:
    """Where a change of house stands; the first of these that is set says what is next.

    Args:
        done: whether everything goes by the successor.
        creation: what custody must allow first (`alliance signer allow-house`).
        waits_until: seconds; the admin's delay ends then.
        waits_for: what must be over before the house may change, in words.
        successor: the new house's address, once it stands.
        root: equal before and after.
    """

    done: bool = False
    creation: bytes | None = None
    waits_until: int = 0
    waits_for: list[str] = field(default_factory=list)
    successor: bytes | None = None
    root: StateRoot | None = None


def migrate_house(settings: Settings, former: bytes) -> Migration:
    """Whatever of the change can be done now is done.

    Args:
        settings: of the installation; a bridge is at work.
        former: the house that shall be followed, so that a run after the last one does not begin another.

    Raises:
        NotInForce: the alliance has gone on from another house.
        RootsApart: former and successor do not answer the same; nothing was put in force.
        AdminRefused: custody's operator key is no admin, or a step was refused.
        ChainUnavailable: not mined in time (no bridge at work?); run it again.
    """
    with steps_beside_bridge(settings) as (foundations, steps):
        return _Change(foundations, steps, former).advance()


class _Change:
    def __init__(self, foundations: Foundations, steps: Steps, former: bytes) -> None:
        self._foundations, self._steps, self._former = foundations, steps, former
        alliance = foundations.alliance
        self._ways = Succession(steps, Offices(alliance.registry, alliance.manager), former)

    def advance(self) -> Migration:
        house = self._foundations.alliance.clearing_house
        if house != self._former:
            return self._over(house)
        stamp = replay_stamp(self._foundations)
        successor = self._ways.in_force()
        if successor == self._former:
            begun = self._begin(stamp)
            if isinstance(begun, Migration):
                return begun
            successor = begun
            self._ways.put_in_force(successor, stamp)
        root = self._equal_roots(successor)
        self._go_over(successor)
        return Migration(done=True, successor=successor, root=root)

    def _begin(self, stamp: int | None) -> Migration | bytes:
        """The successor's address where it may be put in force now, else what that waits for."""
        try:
            successor = self._ways.create(stamp)
        except SigningRefused:
            return Migration(creation=self._ways.creation_hash)
        due = self._ways.schedule(successor, stamp)
        settings, database = self._foundations.settings, self._foundations.database
        if due > seconds_floor(background_clock(settings, database).now()):
            return Migration(waits_until=due, successor=successor)
        with database.snapshot() as conn:
            waits_for = [*served_from(settings.state_dir), *unsettled(conn)]
        if waits_for:
            return Migration(waits_for=waits_for, successor=successor)
        self._equal_roots(successor)
        return successor

    def _equal_roots(self, successor: bytes) -> StateRoot:
        """Both houses answer the same at the head: before the change, and after it with nothing added."""
        node = self._steps.node
        at = node.head_number()
        with self._foundations.database.snapshot() as conn:
            before = state_root(conn, node, self._former, at)
            after = state_root(conn, node, successor, at)
        if before != after:
            raise RootsApart(at, before.root.hex(), after.root.hex())
        return after

    def _go_over(self, successor: bytes) -> None:
        known = self._foundations.alliance
        self._foundations.custody.bind(BindDomain(known.chain_id, successor, known.registry))
        mine = alliance_row.c.clearing_house == self._former
        with self._foundations.database.begin() as conn:
            conn.execute(update(alliance_row).where(mine).values(
                clearing_house=successor, extends=True, campaign_desk=self._ways.campaign_desk(),
            ))  # fmt: skip

    def _over(self, house: bytes) -> Migration:
        with self._foundations.database.snapshot() as conn:
            line = [address for address, _ in houses_in_force(conn)]
        if self._former not in line:
            raise NotInForce(f"the alliance's ClearingHouse is 0x{house.hex()}")
        return Migration(done=True, successor=house)


def unsettled(conn: Connection) -> list[str]:
    """What of the house in force is not over: operations under way, transactions in no block, open holds."""
    under_way = standing(State.QUEUED, State.PACKED, State.MINED)
    counted = select(intent.c.state, func.count()).where(under_way).group_by(intent.c.state)
    states: dict[str, int] = {row[0]: row[1] for row in conn.execute(counted)}
    words = {State.QUEUED: "are not packed", State.PACKED: "are in no block", State.MINED: "are not final"}
    found = [f"{states[state]} operations {word} yet" for state, word in words.items() if states.get(state)]
    opened = chain_tx.c.state.in_(("signed", "broadcast")) & chain_tx.c.batch_number.is_not(None)
    flying = conn.execute(select(func.count()).select_from(chain_tx).where(opened)).scalar_one()
    if flying:
        found.append(f"{flying} batches are in no block yet")
    held, last = conn.execute(
        select(func.count(), func.max(hold.c.expires_at)).where(hold.c.state == "open")
    ).one()
    if held:
        found.append(f"{held} holds are open, the last until {format_instant(last)}: capture or void them")
    return found


def served_from(folder: Path) -> list[str]:
    """The serving processes of this installation, which would go on accepting for the former house."""
    held = names_held(folder, SERVE)
    return [f"{held} serving processes work: stop `alliance serve`"] if held else []
