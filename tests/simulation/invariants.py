"""The invariants as one step of a run may show them broken: each step looks at all books, not at rest alone.

INV-1 is the shape of a posting, and its rehash; INV-14 is in ``rewards``. Coupons, items and the log are not
on a run's chain: the contracts' half of INV-6, 12 and 15 is tried in ``tests/contracts`` and ``tests/chain``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, text

from ledger_service.bootstrap.ledger_view import SqlLedgerView
from ledger_service.chain import models as m
from ledger_service.chain.reconciler import reconcile
from ledger_service.checkout.items.claim_command import op_id_of
from ledger_service.checkout.models import sale
from ledger_service.checkout.records import record_of
from ledger_service.db.engine import Database
from ledger_service.db.heads import ledger_head
from ledger_service.kernel.history_tree import hash_leaf, root_of, verify_consistency
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Gift, Redeem
from ledger_service.ledger import reconcile as ledger
from ledger_service.outbox.models import intent
from ledger_service.points.models import issuance_budget, permit_use
from ledger_service.points.permits import nonce_key
from ledger_service.traceability.log.models import log_checkpoint
from ledger_service.traceability.log.queries import TileReader, log_size
from ledger_service.traceability.log.rules import consistency_proof
from ledger_service.traceability.log.rules import root_of as log_root
from tests.simulation.network.chain import Block, Chain
from tests.simulation.rewards import between, of_the_desk, of_the_rewards

# Ways in which points leave what a member may spend: by a permit, or as an exception that the contract names.
PERMITTED, EXCEPTED = frozenset({"redeem", "hold", "gift"}), frozenset({"clawback", "expire"})
# A refused operation waits for people, it is no difference between books.
WAITS_FOR_PEOPLE = "operation-set-aside"
_LEFT = text(
    "SELECT DISTINCT e.sequence, e.kind FROM entry AS e JOIN posting AS p ON p.sequence = e.sequence"
    " JOIN account AS s ON s.account_id = p.source_id"
    " WHERE s.kind = 'available' AND s.member_id IS NOT NULL AND e.sequence > :after"
)
_EARLY = text(
    "SELECT e.sequence FROM entry AS e JOIN posting AS p ON p.sequence = e.sequence"
    " JOIN account AS d ON d.account_id = p.destination_id"
    " JOIN programme_epoch AS t ON t.programme_id = p.programme_id AND t.epoch = p.epoch"
    " WHERE d.kind = 'expired' AND e.sequence > :after"
    " AND e.occurred_at < t.ends_at * 1000000"
)
# What a refusal puts into suspense and a retry takes out again is issued once.
_ISSUED = text(
    "SELECT p.programme_id, SUM(p.amount) FROM posting AS p JOIN account AS s ON s.account_id = p.source_id"
    " JOIN account AS d ON d.account_id = p.destination_id"
    " WHERE s.kind = 'issuance' AND d.kind <> 'suspense' GROUP BY 1"
)
# A use ends when the coupon is given back with the goods; what it is now is what its history comes to.
_USES = text(
    "SELECT c.coupon_id, c.state, c.used_by AS by, SUM(CASE e.kind WHEN 'consumed' THEN 1"
    " WHEN 'given-back' THEN -1 ELSE 0 END) AS used FROM coupon AS c"
    " JOIN coupon_event AS e ON e.coupon_id = c.coupon_id GROUP BY c.coupon_id, c.state, c.used_by"
    " HAVING used NOT IN (0, 1) OR (used = 1) <> (c.state = 'consumed')"
    " OR (c.state = 'consumed') AND NOT EXISTS (SELECT 1 FROM sale WHERE sale_id = c.used_by)"
    " OR (c.state = 'reserved') AND NOT EXISTS"
    " (SELECT 1 FROM hold WHERE hold_id = c.used_by AND state = 'open')"
)
# What items earned, with what an old debt took of it; a promise that vested issued what was left.
_CLAIMS = text(
    "SELECT i.item_id, i.state, c.op_id, c.member_id, c.programme_id, c.points, c.net, c.voided_at"
    " FROM trace_item AS i LEFT JOIN trace_claim AS c ON c.item_id = i.item_id"
)
_EARNED = text(
    "SELECT e.op_id, e.kind, a.member_id, p.amount, json_extract(e.body, '$.adopted') AS adopted"
    " FROM entry AS e JOIN posting AS p ON p.sequence = e.sequence"
    " JOIN account AS a ON a.account_id = p.destination_id"
    " WHERE e.kind IN ('issue', 'promise') AND e.op_id IN :op_ids ORDER BY e.sequence"
).bindparams(bindparam("op_ids", expanding=True))
_COLLECTED = text(
    "SELECT COALESCE(SUM(p.amount), 0) FROM entry AS e JOIN posting AS p ON p.sequence = e.sequence"
    " WHERE e.kind = 'collect' AND json_extract(e.body, '$.earned_by') = :op_id"
)
_TOLD = text(
    "SELECT event_seq AS seq, body FROM epcis_event UNION ALL SELECT seq, body FROM log_word ORDER BY seq"
)
_COUNTERS = (
    ("issued", "issued"), ("redeemed", "redeemed"), ("restored", "restored"), ("clawed_back", "clawedBack"),
    ("expired", "expired"),
)  # fmt: skip


def of_the_ledger(conn: Connection, after: int) -> Iterator[str]:
    """INV-1, 2, 3, 9, 11 and 13: what the ledger alone tells; of entries, the newer ones."""
    yield from (f"INV-1, 2, 3 {found}" for found in ledger.differences(conn, after))
    for sequence, kind in conn.execute(_LEFT, {"after": after}):
        if kind not in PERMITTED | EXCEPTED:
            yield f"INV-9 entry {sequence} takes points from a member as {kind}"
    yield from (f"INV-11 entry {row[0]} is too early" for row in conn.execute(_EARLY, {"after": after}))
    yield from _given_back(conn)


def _given_back(conn: Connection) -> Iterator[str]:
    for row in conn.execute(select(sale).where(sale.c.returned != "")).mappings():
        sold = record_of(row)
        back, pieces = sold.returned, {line.line: line.quantity for line, _ in sold.lines}
        more = [number for number, count in back.pieces.items() if count > pieces[number]]
        money = back.cash_minor + back.points_minor
        if more or money > row["total_minor"]:
            yield f"INV-13 sale {sold.sale_id.hex()} gave back {more} and {money}"


def of_the_permits(conn: Connection, after: int) -> Iterator[str]:
    """INV-9: whatever moves by a member's word bears one, and that is written down as used."""
    used = {(bytes(row.account), bytes(row.nonce)) for row in conn.execute(select(permit_use))}
    sent = select(intent.c.intent_id, intent.c.payload).where(intent.c.intent_id > after)
    for number, payload in conn.execute(sent):
        operation = operation_of(payload)
        if isinstance(operation, Redeem | Gift) and _permit_of(operation) not in used:
            yield f"INV-9 intent {number} moves points by a permit that nobody wrote down"


def _permit_of(operation: Redeem | Gift) -> tuple[bytes, bytes]:
    return operation.account, nonce_key(operation.nonce)


def of_the_caps(conn: Connection, cap: int) -> Iterator[str]:
    """INV-10: what was drawn and what was issued stay within the cap."""
    drawn = {row.programme_id: row.drawn_total for row in conn.execute(select(issuance_budget))}
    for programme, points in conn.execute(_ISSUED):
        if points > cap:
            yield f"INV-10 programme {programme} issued {points} of {cap}"
    over = [(programme, points) for programme, points in drawn.items() if points > cap]
    yield from (f"INV-10 programme {programme} has drawn {points} of {cap}" for programme, points in over)


def of_the_coupons(conn: Connection) -> Iterator[str]:
    """INV-6: a coupon is used by at most one sale that stands, or held by one hold that is open."""
    for row in conn.execute(_USES):
        yield f"INV-6 coupon {row.coupon_id.hex()} is {row.state}, was used {row.used} times by {row.by}"


def of_the_items(conn: Connection) -> Iterator[str]:
    """INV-12: an item has earned once, for the member that claimed it, what its claim says; or not at all."""
    items = {op_id_of(row.item_id): row for row in conn.execute(_CLAIMS)}
    earned: dict[bytes, list[Any]] = {op_id: [] for op_id in items}
    for row in conn.execute(_EARNED, {"op_ids": list(items)}) if items else ():
        earned[bytes(row.op_id)].append(row)
    for op_id, item in items.items():
        found = earned[op_id]
        twice = any(sum(row.kind == kind for row in found) > 1 for kind in ("issue", "promise"))
        if twice or not _as_claimed(conn, item, found):
            yield f"INV-12 item {item.item_id} is {item.state}, claimed as {item}, and has earned {found}"


def _as_claimed(conn: Connection, item: Any, found: list[Any]) -> bool:
    """Whether an item earned what its claim says; where a loss took the claim, the chain's word stands."""
    if item.op_id is None:
        return item.state != "activated" and all(row.adopted for row in found)
    collected = conn.execute(_COLLECTED, {"op_id": bytes(item.op_id).hex()}).scalar_one()
    made = [(row.member_id, row.amount) for row in found[:1]]
    stands = item.state == ("activated" if item.voided_at is None else "void")
    right = bytes(item.op_id) == op_id_of(item.item_id) and item.net + collected == item.points
    return stands and right and made == ([(item.member_id, item.net)] if item.net else [])


def of_the_log(conn: Connection, known: Mapping[int, bytes]) -> Iterator[str]:
    """INV-15: what checkpoint ever stood does, is provably the log's beginning, and of what was told."""
    size, tiles, stored = log_size(conn), TileReader(conn), checkpoints_of(conn)
    leaves = [hash_leaf(bytes(row.body)) for row in conn.execute(_TOLD)]
    root = log_root(tiles, 0, size)
    for old, was in sorted({*stored.items(), *known.items()}):
        if stored.get(old) != was:
            yield f"INV-15 the checkpoint of size {old} is gone or another"
        proof = consistency_proof(tiles, old, size) if old <= size else []
        if not verify_consistency((old, size), (was, root), proof):
            yield f"INV-15 the checkpoint of size {old} is not the beginning of the log of size {size}"
        elif root_of(leaves[:old]) != was:
            yield f"INV-15 the checkpoint of size {old} is not of what was captured"


def checkpoints_of(conn: Connection) -> dict[int, bytes]:
    """The roots of the log's checkpoints by size."""
    return {row.size: bytes(row.root) for row in conn.execute(select(log_checkpoint))}


def of_the_chain(block: Block) -> Iterator[str]:
    """INV-4, 5 and 10 of a block's state: outstanding is what was issued less what left, nets are zero."""
    state, owned, sums = block.state, Counter[tuple[int, int]](), Counter[int]()
    for (_, programme, epoch), points in state.lots.items():
        owned[programme, epoch] += points
        if points < 0:
            yield f"INV-2 a lot of programme {programme} is {points} on the chain"
    signs = {"issued": 1, "restored": 1, "redeemed": -1, "clawedBack": -1, "expired": -1}
    for (programme, epoch, kind), points in state.counters.items():
        owned[programme, epoch] -= points * signs[kind] if epoch else 0
    differing = [(key, points) for key, points in owned.items() if points]
    yield from (f"INV-4 programme and epoch {key} differ by {points}" for key, points in differing)
    for (period, _), micros in state.nets.items():
        sums[period] += micros
    unequal = [(period, micros) for period, micros in sums.items() if micros]
    yield from (f"INV-5 nets of period {period} are {micros}" for period, micros in unequal)
    for number, known in state.programmes.items():
        if state.counters[number, 0, "issued"] > max((terms[3] for terms in known.terms), default=0):
            yield f"INV-10 programme {number} issued more than its cap on the chain"


def of_the_mirror(conn: Connection, chain: Chain) -> Iterator[str]:
    """INV-7 and 8: where the mirror has read to, it is the chain's state there."""
    cursor = conn.execute(select(m.chain_cursor)).first()
    block = None if cursor is None else chain.known.get(bytes(cursor.hash))
    if block is None:
        return
    state, figures = block.state, select(m.chain_counter)
    rows = {
        "balances": {(bytes(r[0]), r[1], r[2]): r[3] for r in conn.execute(select(m.chain_balance)) if r[3]},
        "nets": {(r[0], r[1]): r[2] for r in conn.execute(select(m.chain_net)) if r[2]},
        "roots": {r.number: bytes(r.root) for r in conn.execute(select(m.chain_applied))},
        "counters": {
            (r.programme_id, r.epoch, theirs): getattr(r, ours)
            for r in conn.execute(figures) for ours, theirs in _COUNTERS if getattr(r, ours)
        },
    }  # fmt: skip
    truth: dict[str, dict[Any, Any]] = {
        "balances": {key: points for key, points in state.lots.items() if points},
        "nets": {key: micros for key, micros in state.nets.items() if micros},
        "roots": dict(state.roots),
        # Under epoch 0 the contract keeps a programme's sums.
        "counters": {key: points for key, points in state.counters.items() if points and key[1]},
    }
    for name, mirrored in rows.items():
        if mirrored != truth[name]:
            differing = sorted(mirrored.items() ^ truth[name].items(), key=repr)
            yield f"INV-8 {name} of block {block.number}: {differing}"


def between_books(database: Database) -> Iterator[str]:
    """INV-4 and 7: ledger = chain + what is on its way, and each batch is what the outbox put into it."""
    for found in reconcile(database, SqlLedgerView()).differences:
        if found.check != WAITS_FOR_PEOPLE:
            yield f"ledger = chain + outbox: {found}"


class Books:
    """Looks at every book of one run again and again; what never changes it looks at once."""

    def __init__(self, database: Database, chain: Chain, cap: int) -> None:
        self._database, self._chain, self._cap = database, chain, cap
        self._entry = self._intent = 0
        # Every checkpoint of the log that ever stood, by its size.
        self.logged: dict[int, bytes] = {}
        # Whether the database has everything that it ever had.
        self.unforgotten = True

    def broken(self, *, whole: bool) -> list[str]:
        """What is wrong now.

        Args:
            whole: whether the books are of one time; those of a restored database and of its chain are not.
        """
        with self._database.snapshot() as conn:
            entry = int(conn.execute(select(func.max(ledger_head.c.sequence))).scalar() or 0)
            newest = int(conn.execute(select(func.max(intent.c.intent_id))).scalar() or 0)
            if entry < self._entry or newest < self._intent:
                self._entry = self._intent = 0
            found = [
                *of_the_ledger(conn, self._entry), *of_the_permits(conn, self._intent),
                *of_the_caps(conn, self._cap), *of_the_mirror(conn, self._chain),
                *of_the_coupons(conn), *of_the_items(conn), *of_the_log(conn, self.logged),
                *of_the_rewards(conn),
            ]  # fmt: skip
            found += between(conn, self._chain.head) if self.unforgotten else ()
            self.logged |= checkpoints_of(conn)
        self._entry, self._intent = entry, newest
        found += [*of_the_chain(self._chain.head), *of_the_desk(self._chain.head)]
        return found + list(between_books(self._database)) if whole else found
