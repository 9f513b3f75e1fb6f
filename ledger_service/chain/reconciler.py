"""Proves SQL = chain and names every difference; it raises alarms and never mends anything (R10).

At any instant, drained or not: what the ledger says a member has, is what the chain says plus what
the intents that are not mined yet will change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, func, select

from ledger_service.chain import models as m
from ledger_service.chain.decode import MinedOperation
from ledger_service.chain.effects import BalanceKey, Effects, Move, Obligations, add_move
from ledger_service.chain.mirror import move_of, operation_of_row, terms_by_key
from ledger_service.chain.ports import LedgerView
from ledger_service.chain.unmined import read_unmined
from ledger_service.db.engine import Database
from ledger_service.kernel.merkle import root_of
from ledger_service.outbox.models import State, intent


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

    def compare(self, check: str, expected: Counter[BalanceKey], actual: Counter[BalanceKey]) -> None:
        """Name every key whose figures differ."""
        for key in expected.keys() | actual.keys():
            if expected[key] != actual[key]:
                account, programme, epoch = key
                subject = f"account 0x{account.hex()} programme {programme} epoch {epoch}"
                self.differences.append(Difference(check, subject, expected[key], actual[key]))


def reconcile(database: Database, ledger: LedgerView | None) -> Report:
    """Compare ledger, outbox and mirror in one snapshot of the database.

    Args:
        database: where ledger, outbox and mirror stand.
        ledger: the SQL side; None compares the mirror with itself alone, as an auditor's copy does.
    """
    report = Report()
    with database.snapshot() as conn:
        chain = _balances(conn)
        report.block_number = conn.execute(select(m.chain_cursor.c.number)).scalar() or -1
        report.balances = len(chain)
        _check_operations(conn, report, chain)
        _check_batches(conn, report)
        _check_intents(conn, report)
        if ledger is not None:
            lots, postings = _counted(ledger.lots(conn)), _counted(ledger.postings(conn))
            report.compare("entries-are-lots", postings, lots)
            expected = Counter(chain)
            waiting = read_unmined(conn)
            report.pending = len(waiting.moves)
            for move in waiting.moves:
                _add_move(expected, move)
            report.differences += [
                Difference("operation-set-aside", op_id.hex(), "on chain", "refused by the contract")
                for op_id in waiting.refused
            ]
            report.compare("ledger-is-chain", lots, expected)
    return report


def _counted(rows: Iterable[tuple[bytes, int, int, int]]) -> Counter[BalanceKey]:
    counted: Counter[BalanceKey] = Counter()
    for account, programme, epoch, points in rows:
        counted[account, programme, epoch] += points
    return counted


def _balances(conn: Connection) -> Counter[BalanceKey]:
    table = m.chain_balance
    return _counted(
        (row.account, row.programme_id, row.epoch, row.amount)
        for row in conn.execute(select(table))
        if row.amount
    )


def _add_move(balances: Counter[BalanceKey], move: Move) -> None:
    effects = Effects()
    add_move(effects, move, 1)
    for key, points in effects.balances.items():
        balances[key] += points


def _check_operations(conn: Connection, report: Report, chain: Counter[BalanceKey]) -> None:
    """The mirror's sums are those of its own operations: balances, counters and nets added up from the
    first."""
    effects, seen = Effects(), set()
    obligations = Obligations(terms_by_key(conn), _originals(conn))
    baseless: set[str] = set()
    for row in _all_operations(conn):
        report.operations += 1
        if row.leaf in seen:
            report.differences.append(Difference("applied-once", row.op_id.hex(), 1, 2))
        seen.add(row.leaf)
        operation = _readable(row)
        found = "unreadable" if operation is None else operation.leaf.hex()
        if operation is None or operation.leaf != row.leaf or operation.op_id != row.op_id:
            report.differences.append(Difference("event-is-leaf", row.op_id.hex(), row.leaf.hex(), found))
        if operation is None:
            continue
        move = move_of(operation)
        add_move(effects, move, 1)
        try:
            obligations.add(effects, move, row.period, 1)
        except KeyError as missing:
            baseless.add(str(missing))
    report.differences += [
        Difference("obligation-basis", key, "terms or original leg in the mirror", "missing")
        for key in sorted(baseless)
    ]
    balances: Counter[BalanceKey] = Counter({k: v for k, v in effects.balances.items() if v})
    report.compare("operations-are-balances", balances, chain)
    report.differences += [
        Difference("balance-not-negative", str(k), 0, v) for k, v in chain.items() if v < 0
    ]
    _compare_counters(conn, report, effects)
    _compare_nets(conn, report, effects)


def _readable(row: Row[Any]) -> MinedOperation | None:
    try:
        return operation_of_row(row)
    except (ValueError, LookupError, TypeError):
        return None  # nothing that a log could have given


def _all_operations(conn: Connection) -> Iterator[Row[Any]]:
    o, a = m.chain_operation, m.chain_applied
    query = (
        select(o, a.c.period)
        .select_from(o.join(a, a.c.number == o.c.batch))
        .order_by(o.c.batch, o.c.position)
    )
    yield from conn.execution_options(stream_results=True).execute(query)


def _originals(conn: Connection) -> dict[tuple[bytes, int], list[int]]:
    rows = conn.execute(select(m.chain_restored))
    return {(row.original_leaf, row.leg_index): [row.most, 0] for row in rows}


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
    applied = {row[0]: (row[1], row[2]) for row in conn.execute(select(a.number, a.root, a.count))}
    query = select(o.batch, o.leaf).order_by(o.batch, o.position)
    rows = conn.execution_options(stream_results=True).execute(query)
    for batch, group in groupby(rows, itemgetter(0)):
        leaves = [leaf for _, leaf in group]
        _compare_batch(report, batch, applied.pop(batch, None), leaves)
    for batch, told in sorted(applied.items()):
        _compare_batch(report, batch, told, [])


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
