"""Proves SQL = chain and names every difference; it raises alarms and never mends anything (R10).

At any instant, drained or not: what the ledger says a member has, is what the chain says plus what
the intents that are not mined yet will change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Result, Select, func, select

from ledger_service.chain import models as m
from ledger_service.chain import successions
from ledger_service.chain.decode import MinedOperation
from ledger_service.chain.effects import BalanceKey, Effects, Move, Obligations, add_move
from ledger_service.chain.mirror import move_of, operation_of_row, terms_by_key
from ledger_service.chain.ports import LedgerView
from ledger_service.chain.tally import ROWS_AT_ONCE, RestoredLegs, Row, Scratch, Tally, added, unequal
from ledger_service.chain.unmined import read_unmined
from ledger_service.db.engine import Database
from ledger_service.kernel.merkle import root_of
from ledger_service.kernel.operations import Kind
from ledger_service.outbox.models import State, intent

Change = tuple[BalanceKey, int]
_ACCOUNTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two books tell differently: what is compared, of what, and both figures."""

    check: str
    subject: str
    expected: int | str
    actual: int | str


@dataclass(slots=True)
class Report:
    """What was compared, and every difference. ``pending`` intents were taken into account, not ignored."""

    balances: int = 0
    operations: int = 0
    pending: int = 0
    block_number: int = -1
    differences: list[Difference] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every comparison agreed."""
        return not self.differences

    def compare(self, check: str, expected: Iterable[Row], actual: Iterable[Row]) -> None:
        """Name every key whose figures differ; both come in the order of their keys."""
        for (account, programme, epoch), wanted, found in unequal(expected, actual):
            subject = f"account 0x{account.hex()} programme {programme} epoch {epoch}"
            self.differences.append(Difference(check, subject, wanted, found))


def reconcile(database: Database, ledger: LedgerView | None) -> Report:
    """Compare ledger, outbox and mirror in one snapshot of the database.

    Rows are read in order and sums spill to a file, so that memory grows neither with the chain nor with the
    members.

    Args:
        database: where ledger, outbox and mirror stand.
        ledger: the SQL side; None compares the mirror with itself alone, as an auditor's copy does.
    """
    report = Report()
    with closing(Scratch()) as scratch, database.snapshot() as conn:
        cursor = conn.execute(select(m.chain_cursor.c.number)).scalar()
        report.block_number = cursor or -1
        _check_operations(conn, report, scratch)
        _check_moved(conn, report)
        _check_batches(conn, report)
        _check_intents(conn, report)
        if ledger is not None:
            report.compare("entries-are-lots", ledger.postings(conn), ledger.lots(conn))
            coming, went = Tally(scratch), successions.every(conn)
            waiting = read_unmined(conn, lambda move: coming.add(_where_they_went(_balances_of(move), went)))
            coming.add(_brought_along(conn, went))
            report.pending = waiting.count
            report.differences += [
                Difference("operation-set-aside", op_id.hex(), "on chain", "refused by the contract")
                for op_id in waiting.refused
            ]
            expected = added(_mirrored(conn), coming.rows())
            report.compare("ledger-is-chain", ledger.lots(conn), expected)
    return report


def _mirrored(conn: Connection) -> Iterator[Row]:
    c = m.chain_balance.c
    query = select(c.account, c.programme_id, c.epoch, c.amount).where(c.amount != 0)
    ordered = query.order_by(c.account, c.programme_id, c.epoch)
    return (tuple(row) for row in _streamed(conn, ordered))


def _streamed(conn: Connection, query: Select[Any]) -> Result[Any]:
    return conn.execute(query.execution_options(yield_per=ROWS_AT_ONCE))


def _where_they_went(changes: Iterable[Change], went: Mapping[bytes, bytes]) -> Iterator[Change]:
    """The changes on the accounts that these have moved to, so that a move in the air is no difference."""
    for (account, programme, epoch), points in changes:
        yield (successions.current_of(account, went), programme, epoch), points


def _brought_along(conn: Connection, went: Mapping[bytes, bytes]) -> Iterator[Change]:
    """What the chain still has on accounts that the ledger has left: there no more, but where they went."""
    c, left = m.chain_balance.c, list(went)
    for at in range(0, len(left), _ACCOUNTS_AT_ONCE):
        some = c.account.in_(left[at : at + _ACCOUNTS_AT_ONCE])
        for row in conn.execute(select(m.chain_balance).where(some, c.amount != 0)):
            key = (row.account, row.programme_id, row.epoch)
            yield key, -row.amount
            yield (successions.current_of(row.account, went), row.programme_id, row.epoch), row.amount


def _check_moved(conn: Connection, report: Report) -> None:
    """An account that moved has nothing left: what stands there could still be spent by its old keys."""
    c, o = m.chain_balance.c, m.chain_operation.c
    moved = select(o.account).where(o.kind == int(Kind.MOVE))
    left = select(c.account, func.sum(c.amount)).where(c.account.in_(moved), c.amount != 0)
    for account, points in conn.execute(left.group_by(c.account)):
        subject = f"account 0x{account.hex()}"
        report.differences.append(Difference("moved-account-is-empty", subject, 0, int(points)))


def _balances_of(move: Move) -> Iterable[tuple[BalanceKey, int]]:
    effects = Effects()
    add_move(effects, move, 1)
    return effects.balances.items()


def _check_operations(conn: Connection, report: Report, scratch: Scratch) -> None:
    """The mirror's sums are those of its own operations: balances, counters and nets added up from the
    first."""
    effects, balances, originals = Effects(), Tally(scratch), RestoredLegs(scratch)
    originals.fill((r.original_leaf, r.leg_index, r.most) for r in _streamed(conn, select(m.chain_restored)))
    obligations = Obligations(terms_by_key(conn), originals)
    baseless: set[str] = set()
    for row in _all_operations(conn):
        report.operations += 1
        operation = _told_by(row, report)
        if operation is None:
            continue
        move = move_of(operation)
        add_move(effects, move, 1)
        try:
            obligations.add(effects, move, row.period, 1)
        except KeyError as missing:
            baseless.add(str(missing))
        if len(effects.balances) > ROWS_AT_ONCE:
            balances.add(effects.balances.items())
            effects.balances.clear()
    balances.add(effects.balances.items())
    report.differences += [
        Difference("obligation-basis", key, "terms or original leg in the mirror", "missing")
        for key in sorted(baseless)
    ]
    report.compare("operations-are-balances", balances.rows(), _mirrored(conn))
    _check_rows(conn, report)
    _compare_counters(conn, report, effects)
    _compare_nets(conn, report, effects)


def _check_rows(conn: Connection, report: Report) -> None:
    """No balance is negative, and no leaf was applied twice."""
    balance, o = m.chain_balance.c, m.chain_operation.c
    counted = select(func.count()).select_from(m.chain_balance).where(balance.amount != 0)
    report.balances = int(conn.execute(counted).scalar_one())
    for row in _streamed(conn, select(m.chain_balance).where(balance.amount < 0)):
        key = (row.account, row.programme_id, row.epoch)
        report.differences.append(Difference("balance-not-negative", str(key), 0, row.amount))
    twice = select(o.leaf).group_by(o.leaf).having(func.count() > 1)
    for leaf in conn.execute(twice).scalars().all():
        placed = select(o.op_id).where(o.leaf == leaf).order_by(o.batch, o.position)
        for op_id in conn.execute(placed).scalars().all()[1:]:
            report.differences.append(Difference("applied-once", op_id.hex(), 1, 2))


def _told_by(row: Any, report: Report) -> MinedOperation | None:
    """The operation of a row, if it can be read; what is not that of its leaf is named."""
    operation = _readable(row)
    found = "unreadable" if operation is None else operation.leaf.hex()
    if operation is None or operation.leaf != row.leaf or operation.op_id != row.op_id:
        report.differences.append(Difference("event-is-leaf", row.op_id.hex(), row.leaf.hex(), found))
    return operation


def _readable(row: Any) -> MinedOperation | None:
    try:
        return operation_of_row(row)
    except (ValueError, LookupError, TypeError):
        return None  # nothing that a log could have given


def _all_operations(conn: Connection) -> Iterator[Any]:
    o, a = m.chain_operation, m.chain_applied
    query = (
        select(o, a.c.period)
        .select_from(o.join(a, a.c.number == o.c.batch))
        .order_by(o.c.batch, o.c.position)
    )
    yield from _streamed(conn, query)


def _compare_counters(conn: Connection, report: Report, effects: Effects) -> None:
    names = ("issued", "redeemed", "restored", "clawed_back", "expired")
    stored = {
        (r.programme_id, r.epoch, n): getattr(r, n)
        for r in conn.execute(select(m.chain_counter))
        for n in names
    }
    for key in effects.counters.keys() | {k for k, v in stored.items() if v}:
        if effects.counters[key] != stored.get(key, 0):
            report.differences.append(
                Difference("counters", str(key), effects.counters[key], stored.get(key, 0))
            )


def _compare_nets(conn: Connection, report: Report, effects: Effects) -> None:
    stored = {(r.period, r.merchant): r.net_micros for r in conn.execute(select(m.chain_net))}
    for key in effects.nets.keys() | stored.keys():
        if effects.nets[key] != stored.get(key, 0):
            report.differences.append(Difference("nets", str(key), effects.nets[key], stored.get(key, 0)))
    by_period: Counter[int] = Counter()
    for (period, _), micros in stored.items():
        by_period[period] += micros
    report.differences += [
        Difference("nets-sum-to-zero", f"period {p}", 0, s) for p, s in by_period.items() if s
    ]


def _check_batches(conn: Connection, report: Report) -> None:
    """Each applied batch has as many operations as the contract counted, and their leaves give its root."""
    a, o = m.chain_applied.c, m.chain_operation.c
    leaves = _streamed(conn, select(o.batch, o.leaf).order_by(o.batch, o.position))
    found = ((batch, [row.leaf for row in group]) for batch, group in groupby(leaves, itemgetter(0)))
    batches = _streamed(conn, select(a.number, a.root, a.count.label("size")).order_by(a.number))
    told = ((row.number, (row.root, row.size)) for row in batches)
    both = merge(((n, 0, each) for n, each in told), ((n, 1, each) for n, each in found), key=itemgetter(0))
    for number, group in groupby(both, itemgetter(0)):
        sides: dict[int, Any] = {side: each for _, side, each in group}
        _compare_batch(report, number, sides.get(0), sides.get(1, []))


def _compare_batch(report: Report, batch: int, told: tuple[bytes, int] | None, leaves: list[bytes]) -> None:
    root = root_of(leaves)
    if told != (root, len(leaves)):
        expected = "no such batch" if told is None else f"{told[0].hex()} of {told[1]}"
        found = f"{root.hex()} of {len(leaves)}"
        report.differences.append(Difference("batch-root", f"batch {batch}", expected, found))


def _check_intents(conn: Connection, report: Report) -> None:
    """Every mined intent is that operation on the chain, and every operation on the chain was an intent."""
    o = m.chain_operation
    placed = intent.outerjoin(
        o, (o.c.batch == intent.c.batch_number) & (o.c.position == intent.c.batch_index)
    )
    done = intent.c.state.in_((State.MINED.value, State.FINAL.value))
    wrong = done & (o.c.leaf.is_(None) | (o.c.leaf != intent.c.leaf) | (o.c.op_id != intent.c.op_id))
    for row in conn.execute(
        select(intent.c.op_id, intent.c.leaf, o.c.leaf.label("found")).select_from(placed).where(wrong)
    ):
        found = "missing" if row.found is None else row.found.hex()
        report.differences.append(Difference("intent-is-operation", row.op_id.hex(), row.leaf.hex(), found))
    if conn.execute(select(func.count()).select_from(intent)).scalar_one() == 0:
        return
    stranger = o.outerjoin(
        intent, (intent.c.op_id == o.c.op_id) & intent.c.state.in_((State.MINED.value, State.FINAL.value))
    )
    unknown = select(o.c.op_id, o.c.batch).select_from(stranger).where(intent.c.op_id.is_(None))
    for op_id, batch in conn.execute(unknown):
        report.differences.append(
            Difference("operation-was-intended", op_id.hex(), "an intent", f"batch {batch}")
        )
