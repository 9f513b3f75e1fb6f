"""The mirror of what the contracts did: facts of blocks go in, a rewind takes them out (INV-8).

Only the indexer calls this, inside the leader's db transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from ledger_service.chain import houses
from ledger_service.chain import models as m
from ledger_service.chain.answers import Block
from ledger_service.chain.basis.models import chain_basis
from ledger_service.chain.conversion.facts import ConversionPublished, WindDownAnnounced
from ledger_service.chain.conversion.models import chain_conversion, chain_wind_down
from ledger_service.chain.decode import (
    BasisPublished,
    BatchApplied,
    Fact,
    HouseInForce,
    MerchantKeys,
    MinedOperation,
    PeriodClosed,
    ProgrammeCreated,
    TermsPublished,
    operation_from,
)
from ledger_service.chain.effects import Effects, Move, Obligations, OriginalLeg, TermsValue, add_move
from ledger_service.chain.reserves import told
from ledger_service.chain.reserves.facts import IssuanceLimited, ReserveStated
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.events import PairTermsAgreed, PairTermsGone
from ledger_service.kernel.operations import Kind

_OF_A_BLOCK = (
    m.chain_applied, m.chain_programme, m.chain_terms, m.chain_merchant_keys, m.chain_period, m.chain_house,
    chain_basis, chain_conversion, chain_wind_down, *told.TABLES,
)  # fmt: skip
_PUBLISHED: dict[type, Table] = {
    BasisPublished: chain_basis, ConversionPublished: chain_conversion, WindDownAnnounced: chain_wind_down,
}  # fmt: skip
_COUNTER_NAMES = ("issued", "redeemed", "restored", "clawed_back", "expired")


@dataclass(slots=True)
class BlockFacts:
    """One block and what its logs say: batches with their operations in position order, and the rest.

    ``carriers`` names the transaction of each batch by its number.
    """

    block: Block
    batches: list[tuple[BatchApplied, list[MinedOperation]]] = field(default_factory=list)
    carriers: dict[int, bytes] = field(default_factory=dict)
    others: list[tuple[int, Fact]] = field(default_factory=list)


def apply(conn: Connection, blocks: Sequence[BlockFacts]) -> None:
    """The mirror also says what these blocks say; they follow on what it said before.

    Locks: rows of the mirror, which only the leader writes.
    """
    rows = [
        {
            "number": b.block.number,
            "hash": b.block.hash,
            "parent_hash": b.block.parent_hash,
            "timestamp": b.block.timestamp,
            "base_fee": b.block.base_fee,
        }
        for b in blocks
    ]
    _insert(conn, m.chain_block, rows)
    for facts in blocks:
        _insert_others(conn, facts)
    pairs = [(facts.block.number, *batch) for facts in blocks for batch in facts.batches]
    if not pairs:
        return
    _insert(conn, m.chain_applied, [_applied_row(number, applied) for number, applied, _ in pairs])
    _insert(conn, m.chain_operation, [_operation_row(o) for _, _, operations in pairs for o in operations])
    _change(conn, [(applied.period, o) for _, applied, operations in pairs for o in operations], 1)


def rewind(conn: Connection, to_number: int) -> list[MinedOperation]:
    """The mirror says what it said when block ``to_number`` was its last.

    Returns:
        the operations that are no longer mined, newest first.
    """
    gone = _operations_after(conn, to_number)
    _change(conn, gone, -1)
    batches = select(m.chain_applied.c.number).where(m.chain_applied.c.block_number > to_number)
    conn.execute(delete(m.chain_operation).where(m.chain_operation.c.batch.in_(batches)))
    for table in _OF_A_BLOCK:
        conn.execute(delete(table).where(table.c.block_number > to_number))
    conn.execute(delete(m.chain_block).where(m.chain_block.c.number > to_number))
    return [operation for _, operation in gone]


def agreed_in(blocks: Sequence[BlockFacts]) -> list[PairTermsAgreed]:
    """What these blocks say of terms of pairs."""
    facts = [fact for b in blocks for _, fact in b.others if isinstance(fact, TermsPublished)]
    return [
        PairTermsAgreed(
            f.programme, f.version, f.acceptor, f.effective_from, f.point_value_micros, f.fee_bps
        )
        for f in facts
        if f.acceptor
    ]  # fmt: skip


def agreed_after(conn: Connection, to_number: int) -> list[PairTermsGone]:
    """The versions of terms of pairs that a rewind to ``to_number`` takes out."""
    t = m.chain_terms.c
    query = select(t.programme_id, t.version).where((t.block_number > to_number) & (t.acceptor != 0))
    return [PairTermsGone(*row) for row in conn.execute(query)]


def operation_of_row(row: Any) -> MinedOperation:
    """The operation of a ``chain_operation`` row."""
    return operation_from(Kind(row.kind), row.data)


def _operations_after(conn: Connection, to_number: int) -> list[tuple[int, MinedOperation]]:
    joined = m.chain_operation.join(m.chain_applied, m.chain_applied.c.number == m.chain_operation.c.batch)
    query = (
        select(m.chain_operation, m.chain_applied.c.period)
        .select_from(joined)
        .where(m.chain_applied.c.block_number > to_number)
        .order_by(m.chain_operation.c.batch.desc(), m.chain_operation.c.position.desc())
    )
    return [(row.period, operation_of_row(row)) for row in conn.execute(query)]


def move_of(operation: MinedOperation) -> Move:
    """What an operation does to balances."""
    return Move(
        operation.kind,
        operation.merchant,
        operation.account,
        operation.recipient,
        operation.legs,
        operation.original,
        operation.spread_bps,
    )


def _change(conn: Connection, operations: Sequence[tuple[int, MinedOperation]], sign: int) -> None:
    effects = Effects()
    restored = _restored_so_far(conn, [o for _, o in operations])
    obligations = Obligations(terms_by_key(conn), restored)
    for period, operation in operations:
        move = move_of(operation)
        add_move(effects, move, sign)
        obligations.add(effects, move, period, sign)
    _save_restored(conn, restored)
    _add(conn, m.chain_balance, {k: {"amount": v} for k, v in effects.balances.items() if v})
    counters: dict[tuple[int, int], dict[str, int]] = {}
    for (programme, epoch, name), points in effects.counters.items():
        counters.setdefault((programme, epoch), dict.fromkeys(_COUNTER_NAMES, 0))[name] += points
    _add(conn, m.chain_counter, counters)
    _add(conn, m.chain_net, {k: {"net_micros": v} for k, v in effects.nets.items() if v})


def _add(conn: Connection, table: Table, changes: dict[Any, dict[str, int]]) -> None:
    """Add to the rows with these keys; rows that are not there begin at zero."""
    if not changes:
        return
    sql = sql_of(table, conn)
    known = {sql.key_of(row): row for row in sql.select(conn, sql.key, list(changes))}
    columns = tuple(name for name in sql.names if name not in sql.key)
    fresh, changed = [], []
    for key, values in changes.items():
        row = known.get(key)
        if row is None:
            fresh.append({**dict(zip(sql.key, key, strict=True)), **values})
        else:
            changed.append({**row, **{name: row[name] + values[name] for name in columns}})
    if fresh:
        sql.insert(conn, fresh)
    if changed:
        sql.update(conn, columns, changed)


def terms_by_key(conn: Connection) -> dict[tuple[int, int], TermsValue]:
    """(issuer, point value in micros, fee in bps) by (programme, version)."""
    t, p = m.chain_terms, m.chain_programme
    query = select(t.c.programme_id, t.c.version, p.c.issuer, t.c.point_value_micros, t.c.fee_bps)
    joined = t.join(p, p.c.programme_id == t.c.programme_id)
    return {(row[0], row[1]): (row[2], row[3], row[4]) for row in conn.execute(query.select_from(joined))}


def _restored_so_far(conn: Connection, operations: Sequence[MinedOperation]) -> dict[OriginalLeg, list[int]]:
    wanted = list({o.original for o in operations if o.original is not None})
    if not wanted:
        return {}
    rows = sql_of(m.chain_restored, conn).select(conn, ("original_leaf", "leg_index"), wanted)
    restored = {(row["original_leaf"], row["leg_index"]): [row["most"], row["restored"]] for row in rows}
    missing = {leaf for leaf, index in wanted if (leaf, index) not in restored}
    legs = {row.leaf: operation_of_row(row).legs for row in _by_leaf(conn, missing)}
    for leaf, index in wanted:
        if (leaf, index) not in restored:
            restored[leaf, index] = [legs[leaf][index].amount, 0]
    return restored


def _by_leaf(conn: Connection, leaves: Iterable[bytes]) -> list[Any]:
    table = m.chain_operation
    return list(conn.execute(select(table).where(table.c.leaf.in_(list(leaves)))))


def _save_restored(conn: Connection, restored: dict[OriginalLeg, list[int]]) -> None:
    if not restored:
        return
    sql = sql_of(m.chain_restored, conn)
    rows = [
        {"original_leaf": leaf, "leg_index": index, "most": most, "restored": done}
        for (leaf, index), (most, done) in restored.items()
    ]
    sql.insert(conn, rows, or_ignore=True)
    sql.update(conn, ("restored",), rows)
    conn.execute(delete(m.chain_restored).where(m.chain_restored.c.restored == 0))


def _applied_row(number: int, applied: BatchApplied) -> dict[str, Any]:
    return {
        "number": applied.number,
        "period": applied.period,
        "count": applied.count,
        "root": applied.root,
        "block_number": number,
    }


def _operation_row(o: MinedOperation) -> dict[str, Any]:
    return {
        "batch": o.batch,
        "position": o.position,
        "op_id": o.op_id,
        "kind": int(o.kind),
        "account": o.account,
        "leaf": o.leaf,
        "data": o.data,
    }


def _insert(conn: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        sql_of(table, conn).insert(conn, rows)


def _insert_others(conn: Connection, facts: BlockFacts) -> None:
    number = facts.block.number
    for log_index, fact in facts.others:
        match fact:
            case ProgrammeCreated(programme, issuer, token):
                row = {"programme_id": programme, "issuer": issuer, "token": token, "block_number": number}
                _insert(conn, m.chain_programme, [row])
            case TermsPublished():
                _insert(conn, m.chain_terms, [_terms_row(fact, number)])
            case BasisPublished() | ConversionPublished() | WindDownAnnounced():
                _insert(conn, _PUBLISHED[type(fact)], [asdict(fact) | {"block_number": number}])
            case MerchantKeys(merchant, admin, operations, settlement):
                row = {
                    "merchant": merchant,
                    "block_number": number,
                    "log_index": log_index,
                    "admin": admin,
                    "operations": operations,
                    "settlement": settlement,
                }
                _insert(conn, m.chain_merchant_keys, [row])
            case PeriodClosed(period, last_batch):
                row = {"period": period, "last_batch": last_batch, "block_number": number}
                _insert(conn, m.chain_period, [row])
            case IssuanceLimited() | ReserveStated():
                told.note(conn, (number, log_index), fact)
            case HouseInForce():
                houses.note(conn, number, fact)
            case _:
                continue


def _terms_row(fact: TermsPublished, number: int) -> dict[str, Any]:
    return {
        "programme_id": fact.programme,
        "version": fact.version,
        "effective_from": fact.effective_from,
        "point_value_micros": fact.point_value_micros,
        "fee_bps": fact.fee_bps,
        "issuance_cap": fact.issuance_cap,
        "validity_epochs": fact.validity_epochs,
        "acceptor": fact.acceptor,
        "block_number": number,
    }
