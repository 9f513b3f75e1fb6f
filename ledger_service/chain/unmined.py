"""What the ledger has decided and no block has: the intents under way, and those that were set aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from ledger_service.chain import successions
from ledger_service.chain.effects import Effects, Move, add_move
from ledger_service.chain.encode import moved_legs
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import Gift, Operation
from ledger_service.outbox.models import State, intent, standing

_ROWS_AT_ONCE = 2_000
_UNMINED = standing(State.QUEUED, State.PACKED, State.SET_ASIDE)


@dataclass(frozen=True, slots=True)
class Unmined:
    """How many moves the ledger has made and the chain has not; ``refused`` are op_ids of operations that
    were set aside and still make a difference."""

    count: int
    refused: list[bytes]


def read_unmined(conn: Connection, take: Callable[[Move], object]) -> Unmined:
    """What the intents will do that no block has yet, and what refused ones would have done.

    A payload that is no operation does nothing; that it was forged is the outbox's to name.

    Args:
        conn: a snapshot.
        take: told each move.
    """
    count = 0
    aside: dict[bytes, tuple[bytes | None, Move]] = {}
    columns = (intent.c.op_id, intent.c.original_op_id, intent.c.payload, intent.c.state)
    query = select(*columns).where(_UNMINED).order_by(intent.c.intent_id)
    for op_id, original, payload, state in conn.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        operation = readable_operation(payload)
        if operation is None:
            continue
        move = move_of_operation(operation)
        take(move)
        count += 1
        if state == State.SET_ASIDE.value:
            aside[op_id] = (original, move)
    return Unmined(count, _unsettled(aside, successions.every(conn)) if aside else [])


def _unsettled(
    aside: Mapping[bytes, tuple[bytes | None, Move]], successors: Mapping[bytes, bytes]
) -> list[bytes]:
    """The refused operations that what followed from them has not undone, point for point (D7).

    A refund of a refused redemption never reaches the chain either; together they changed nothing. What
    followed may name the account that the first one's gave way to: the points stand there.
    """
    sums: dict[bytes, Effects] = {}
    for op_id, (original, move) in aside.items():
        first = original if original is not None and original in aside else op_id
        add_move(sums.setdefault(first, Effects()), _where_it_stands(move, successors), 1)
    return [op_id for op_id, effects in sums.items() if any(effects.balances.values())]


def _where_it_stands(move: Move, successors: Mapping[bytes, bytes]) -> Move:
    recipient = None if move.recipient is None else successions.current_of(move.recipient, successors)
    return replace(move, account=successions.current_of(move.account, successors), recipient=recipient)


def move_of_operation(operation: Operation) -> Move:
    """What an operation that stands in the outbox will do to balances.

    Of a move that is nothing here: what it brings is known to its block, and to whom the points belong
    is known by the succession.
    """
    recipient = operation.recipient if isinstance(operation, Gift) else None
    return Move(operation.kind, operation.merchant, operation.account, recipient, moved_legs(operation))
