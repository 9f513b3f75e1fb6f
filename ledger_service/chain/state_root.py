"""One root over all that a ClearingHouse answers for: the same before and after its successor takes over.

Balances and counters of the tokens; nets, batch roots, numbers and period; signers, custodial use and what
was reversed. The mirror says what to ask, the contracts' own views at one block say what is hashed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, select

from ledger_service.chain import models as m
from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal
from ledger_service.kernel.merkle import root_of
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.secp256k1 import keccak256

_CHUNK = 500
_ROWS_AT_ONCE = 2_000
Question = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class StateRoot:
    """The root, and how many answers it covers."""

    root: bytes
    answers: int


def state_root(conn: Connection, node: Node, house: bytes, at: int) -> StateRoot:
    """What tokens and house answer at a block, as one root.

    Args:
        conn: a snapshot whose mirror has that block; rows are read in a fixed order.
        node: whom to ask, in chunks.
        house: whose word is asked, in force or not: a successor answers for its predecessors too.
        at: the block's number.

    Raises:
        ChainUnavailable: the node does not answer, or refuses a view at that block.
    """
    questions, digests, answers = _questions(conn, house), [], 0
    while asked := list(islice(questions, _CHUNK)):
        told = node.calls([CallAt(bytes(20), to, data, at=hex(at)) for to, data in asked])
        words = [each for each in told if not isinstance(each, NodeRefusal)]
        if len(words) != len(told):
            raise ChainUnavailable("eth_call", f"a view of 0x{house.hex()} was refused at block {at}")
        # Length first, so that no two lists of answers give one text.
        digests.append(keccak256(b"".join(len(word).to_bytes(4, "big") + word for word in words)))
        answers += len(words)
    return StateRoot(root_of(digests), answers)


def _questions(conn: Connection, house: bytes) -> Iterator[Question]:
    clearing = load("ClearingHouse")
    yield house, clearing.call_data("lastBatch")
    yield house, clearing.call_data("currentPeriod")
    yield from _of_tokens(conn)
    for row in _rows(conn, select(m.chain_net.c.period, m.chain_net.c.merchant)):
        yield house, clearing.call_data("net", row.period, row.merchant)
    for row in _rows(conn, select(m.chain_applied.c.number)):
        yield house, clearing.call_data("rootOf", row.number)
    yield from _of_members(conn, house)
    for row in _rows(conn, select(m.chain_restored.c.original_leaf, m.chain_restored.c.leg_index)):
        key = keccak256(row.original_leaf + row.leg_index.to_bytes(32, "big"))
        yield house, clearing.call_data("reversedOf", key)


def _of_tokens(conn: Connection) -> Iterator[Question]:
    points = load("AlliancePoints")
    tokens = {row.programme_id: row.token for row in conn.execute(select(m.chain_programme))}
    c = m.chain_counter.c
    for row in _rows(conn, select(c.programme_id, c.epoch)):
        yield tokens[row.programme_id], points.call_data("counters", row.epoch)
    b = m.chain_balance.c
    for row in _rows(conn, select(b.account, b.programme_id, b.epoch)):
        data = points.call_data("balanceAtEpochRaw", "0x" + row.account.hex(), row.epoch)
        yield tokens[row.programme_id], data


def _of_members(conn: Connection, house: bytes) -> Iterator[Question]:
    """Every signer that was changed, its account's use of custody, every issue that was clawed back."""
    clearing, o = load("ClearingHouse"), m.chain_operation.c
    query = select(o.batch, o.position, o.kind, o.account, o.data)
    kinds = (int(Kind.SIGNER), int(Kind.CLAWBACK))
    for row in _rows(conn, query.where(o.kind.in_(kinds))):
        third = row.data[96:128]
        if row.kind == Kind.CLAWBACK:
            yield house, clearing.call_data("reversedOf", third)
            continue
        account = "0x" + row.account.hex()
        yield house, clearing.call_data("signerOf", account, "0x" + third[12:].hex())
        yield house, clearing.call_data("accountUse", account)


def _rows(conn: Connection, query: Select[Any]) -> Iterator[Any]:
    ordered = query.order_by(*query.selected_columns)
    return iter(conn.execute(ordered.execution_options(yield_per=_ROWS_AT_ONCE)))
