"""Accounts that gave way to others: which successions stand on the chain, and which are on their way.

While a move is on its way nothing of either account shares the air with it: the contract finds the
account of a reversal by the successions that stand, so the order decides what a leaf says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from ledger_service.chain.models import chain_operation
from ledger_service.chain.plan import Key, touched
from ledger_service.chain.queue import Waiting
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import AccountMove, Kind, Operation
from ledger_service.outbox.models import State, intent, standing

# Where an OperationMoved names the successor.
_SUCCESSOR = slice(108, 128)


@dataclass(frozen=True, slots=True)
class Air:
    """What is packed and in no block yet, as far as moves mind.

    ``moving`` are the accounts of moves, ``flying`` whatever any operation touches (looked up only where a
    move waits), ``stuck`` the accounts of moves that the contract refused and none has mended yet.
    """

    moving: frozenset[Key] = frozenset()
    flying: frozenset[Key] = frozenset()
    stuck: frozenset[Key] = frozenset()


def air(conn: Connection, waiting: Sequence[Waiting]) -> Air:
    """What a plan must keep apart from moves, or moves from it."""
    flies = standing(State.PACKED)
    refused = standing(State.SET_ASIDE) & (intent.c.kind == int(Kind.MOVE))
    move_waits = any(isinstance(item.operation, AccountMove) for item in waiting)
    packed = _operations(conn, flies if move_waits else flies & (intent.c.kind == int(Kind.MOVE)))
    stuck = _operations(conn, refused)
    done = mined(conn, [each.account for each in stuck])
    return Air(
        _keys(each for each in packed if isinstance(each, AccountMove)),
        _keys(packed) if move_waits else frozenset(),
        _keys(each for each in stuck if each.account not in done),
    )


def _operations(conn: Connection, those: ColumnElement[bool]) -> list[Operation]:
    found = (readable_operation(row[0]) for row in conn.execute(select(intent.c.payload).where(those)))
    return [operation for operation in found if operation is not None]


def _keys(operations: Iterable[Operation]) -> frozenset[Key]:
    return frozenset(key for each in operations for key in touched(each))


def mined(conn: Connection, accounts: Iterable[bytes]) -> dict[bytes, bytes]:
    """The successors of these accounts, and of those, as the mirror has them."""
    found: dict[bytes, bytes] = {}
    asked: set[bytes] = set()
    o = chain_operation.c
    while wanted := set(accounts) - asked:
        asked |= wanted
        query = select(o.account, o.data).where(o.account.in_(list(wanted)), o.kind == int(Kind.MOVE))
        found.update({row.account: row.data[_SUCCESSOR] for row in conn.execute(query)})
        accounts = {found[account] for account in wanted if account in found}
    return found


def every(conn: Connection) -> dict[bytes, bytes]:
    """Every succession that the ledger has decided or the chain has, account to successor."""
    o = chain_operation.c
    rows = conn.execute(select(o.account, o.data).where(o.kind == int(Kind.MOVE)))
    found = {row.account: row.data[_SUCCESSOR] for row in rows}
    for (payload,) in conn.execute(select(intent.c.payload).where(intent.c.kind == int(Kind.MOVE))):
        operation = readable_operation(payload)
        if isinstance(operation, AccountMove):
            found.setdefault(operation.account, operation.successor)
    return found


def current_of(account: bytes, successors: Mapping[bytes, bytes]) -> bytes:
    """Where the account's points stand in the end; a circle, which no contract makes, ends where it began."""
    at, steps = account, 0
    while at in successors and steps <= len(successors):
        at, steps = successors[at], steps + 1
    return at
