"""What must be true: after every step by a few queries, at rest by comparing every book with every other."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Table, func, select, text

from ledger_service.bootstrap.ledger_view import SqlLedgerView
from ledger_service.chain import models as m
from ledger_service.chain.beside.audit import check_beside
from ledger_service.chain.beside.targets import campaigns_at
from ledger_service.chain.client import Node
from ledger_service.chain.desk import Desk
from ledger_service.chain.indexer import Indexer
from ledger_service.chain.node_check import check_node
from ledger_service.chain.reconciler import reconcile
from ledger_service.chain.settings import Contracts
from ledger_service.checkout.models import idempotency
from ledger_service.ledger import reconcile as ledger
from ledger_service.outbox import queries as outbox
from ledger_service.outbox.models import intent
from tests.simulation.founding import CAP
from tests.simulation.invariants import Books
from tests.simulation.machine.process import Process
from tests.simulation.network.wire import Wire, honest
from tests.simulation.people.memory import Memory, Who
from tests.simulation.rewards import SHARED
from tests.simulation.world import World

_TWICE_OPEN = text(
    "SELECT op_id FROM chain_batch_item WHERE batch IN (SELECT number FROM chain_batch WHERE state <> 'dead')"
    " GROUP BY op_id HAVING COUNT(*) > 1"
)
_HELD = text(
    "SELECT COUNT(*) FROM hold WHERE points_captured + points_released > points_held"
    " OR (state = 'open') = (points_captured + points_released = points_held AND state = 'closed')"
)
_EXPIRED = text(
    "SELECT m.member_number, g.code, SUM(p.amount) FROM posting AS p"
    " JOIN account AS a ON a.account_id = p.source_id JOIN account AS d ON d.account_id = p.destination_id"
    " JOIN member AS m ON m.member_id = a.member_id JOIN programme AS g ON g.programme_id = p.programme_id"
    " WHERE d.kind = 'expired' GROUP BY 1, 2"
)
_HAS = text(
    "SELECT m.member_number, g.code, SUM(l.available + l.held + l.pending) FROM lot AS l"
    " JOIN member AS m ON m.member_id = l.member_id JOIN programme AS g ON g.programme_id = l.programme_id"
    " GROUP BY 1, 2"
)
MIRROR = (
    m.chain_block, m.chain_applied, m.chain_operation, m.chain_restored, m.chain_balance, m.chain_counter,
    m.chain_net, m.chain_programme, m.chain_terms, m.chain_merchant_keys, m.chain_period,
)  # fmt: skip


# Whose answers are stored by key alone.
KEPT = frozenset({
    "sale", "authorise", "capture", "void", "extend", "refund", "gift", "revoke", "claim-item", "return-item",
})  # fmt: skip


class Broken(AssertionError):
    """An invariant does not hold."""


def demand(what: str, expected: Any, found: Any) -> None:
    """Both are equal.

    Raises:
        Broken: they are not.
    """
    if expected != found:
        raise Broken(f"{what}: expected {expected!r}, found {found!r}")


class Watch:
    """Looks at the world after each step; remembers which batches were buried."""

    def __init__(self, world: World, memory: Memory) -> None:
        self._world, self._memory = world, memory
        self._dead: set[int] = set()
        self._books = Books(world.inner, world.chain, CAP)
        # The log's checkpoints that a backup has.
        self.kept: dict[int, bytes] = {}
        # Whether the books are of one time: between a restore and the end of its runbook they are not.
        self.whole = True

    @property
    def logged(self) -> dict[int, bytes]:
        """The log's checkpoints that ever stood, roots by size."""
        return dict(self._books.logged)

    def remember(self) -> None:
        """A backup is taken: what stands now in the log must stand after its restore."""
        self.kept = self.logged

    def forget(self) -> None:
        """The database is as it was then: checkpoints that were made since are lost with their events."""
        self._books.logged = dict(self.kept)
        self._books.unforgotten = False

    def step(self) -> None:
        """Every invariant that people and machines of a run could break.

        Raises:
            Broken: naming the invariant.
        """
        with self._world.inner.read() as conn:
            demand("D8 one live batch per operation", [], list(conn.execute(_TWICE_OPEN)))
            self._nonces(conn)
            self._burials(conn)
        demand("every book", [], self._books.broken(whole=self.whole))

    def _nonces(self, conn: Connection) -> None:
        """Every nonce below the next is stored or was seen used: no gap that nobody will fill."""
        live = m.chain_tx.c.state.notin_(("replaced", "dropped"))
        twice = select(m.chain_tx.c.signer, m.chain_tx.c.nonce).where(live)
        twice = twice.group_by(m.chain_tx.c.signer, m.chain_tx.c.nonce).having(func.count() > 1)
        demand("R3 one live transaction per nonce", [], list(conn.execute(twice)))

    def _burials(self, conn: Connection) -> None:
        rows = conn.execute(
            select(m.chain_batch.c.number, m.chain_batch.c.root).where(m.chain_batch.c.state == "dead")
        )
        for number, root in rows:
            if number not in self._dead:
                self._dead.add(number)
                self._proven(conn, number, root)

    def _proven(self, conn: Connection, number: int, root: bytes) -> None:
        chain, depth = self._world.chain, self._world.climate.room.confirmations
        deep = chain.blocks[max(chain.head.number - depth, 0)].state
        demand(f"D8 batch {number} was not applied", False, deep.roots.get(number) == root)
        sent = select(m.chain_tx.c.signer, m.chain_tx.c.nonce).where(m.chain_tx.c.batch_number == number)
        alive = [row for row in conn.execute(sent) if deep.nonce(bytes(row.signer)) <= row.nonce]
        if alive and deep.last_batch < number:
            raise Broken(f"D8 batch {number} was buried alive: {alive}")


def at_rest(world: World, memory: Memory, undone: frozenset[bytes] = frozenset()) -> None:
    """Every book agrees with every other, and with what people were told.

    ``undone`` are operations that were refused and have come back whole: they never reach the chain.

    Raises:
        Broken: naming the difference.
    """
    node = Node(Wire(Process("auditor"), honest(world.wire.rpc)))
    alliance = world.founded.alliance
    contracts = Contracts(alliance.clearing_house, alliance.registry)
    with world.inner.snapshot() as conn:
        demand("INV-1, 2, 3 ledger against itself", [], list(ledger.differences(conn)))
        demand("outbox leaves", [], list(outbox.forgeries(conn)))
        rest = select(intent.c.op_id, intent.c.state, intent.c.reason).where(intent.c.state != "final")
        unfinished = [row for row in conn.execute(rest) if row.op_id not in undone]
        demand("INV-7 every intent is final", [], unfinished)
        demand("INV-3 holds", 0, conn.execute(_HELD).scalar_one())
        _nothing_forgotten(conn, memory)
        _points_as_told(conn, memory)
    demand("ledger = chain", [], reconcile(world.inner, SqlLedgerView()).differences)
    demand("mirror = node", [], check_node(world.inner, node, contracts))
    if alliance.campaign_desk is not None and not world.met["restored"]:
        # Of what a loss took, the desk still has its promises.
        desk = campaigns_at(alliance.campaign_desk)
        demand("INV-14 ledger = desk", [], check_beside(world.inner, node, desk))
    _same_as_fresh(world, node, contracts)
    for signer in {tx.sender for tx in world.chain.pool.values()}:
        stuck = [n for s, n in world.chain.pool if s == signer]
        raise Broken(f"nonces {stuck} wait in the pool for ever")


def _nothing_forgotten(conn: Connection, memory: Memory) -> None:
    kept = {(row.key): bytes(row.response) for row in conn.execute(select(idempotency)) if row.status}
    for (_, key), (action, raw) in memory.answered.items():
        if action.kind in KEPT:
            demand(f"the answer to {action.kind} {key}", raw, kept.get(key))
    wrongly = [key for (_, key) in memory.refused if key in kept]
    demand("a refusal leaves no answer", [], wrongly)


def _points_as_told(conn: Connection, memory: Memory) -> None:
    told: Counter[Who] = Counter({k: v for k, v in memory.points.items() if v})
    for number, code, points in conn.execute(_EXPIRED):
        told[number, code] -= points
    for number, code, points in conn.execute(SHARED):
        told[number, code] += points
    twice = [coupon for coupon, uses in memory.used.items() if uses > 1]
    demand("INV-6 coupons that tills were told are used more than once", [], twice)
    has = {(number, code): points for number, code, points in conn.execute(_HAS) if points}
    wrong = {k: (told[k], has.get(k, 0)) for k in {*told, *has} if told[k] != has.get(k, 0)}
    demand("points as people were told, and as they are", {}, wrong)


def _same_as_fresh(world: World, node: Node, contracts: Contracts) -> None:
    """INV-8: the mirror is what an index from block zero would be."""
    fresh = world.stage.auditors
    desk = Desk(fresh, "auditor", world.clock.now, 3600.0)
    desk.lead()
    indexer = Indexer(desk, node, contracts, replace(world.climate.room, blocks_per_read=1_000))
    while indexer.step().blocks:
        continue
    with fresh.snapshot() as theirs, world.inner.snapshot() as ours:
        for table in MIRROR:
            wrong = _rows(theirs, table) ^ _rows(ours, table)
            demand(f"INV-8 {table.name}", set(), wrong)


def _rows(conn: Connection, table: Table) -> set[tuple[Any, ...]]:
    """The rows that say something: a figure of zero may stand there or not."""
    keys = len(table.primary_key.columns)
    rows = map(tuple, conn.execute(select(table)))
    return {row for row in rows if len(row) == keys or any(row[keys:])}
