"""Which rewards among queued issues the contract would take: none before its promise is final (INV-14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from ledger_service.chain.beside.models import chain_beside_batch, chain_beside_item
from ledger_service.chain.models import chain_batch_item
from ledger_service.kernel.campaign_operations import promise_id_of, return_id_of
from ledger_service.kernel.operations import Issue, IssueReason, Operation
from ledger_service.outbox.beside import queries

NEVER = "PromiseMissing()"


class Promises(NamedTuple):
    """Rewards whose promise is on its way, and those that have none, or whose promise was refused or went
    back.
    """

    open: frozenset[bytes]
    never: frozenset[bytes]


def of_rewards(conn: Connection, operations: Sequence[Operation]) -> Promises:
    """What keeps rewards among these from being issued; costs nothing where none is one.

    Nothing keeps what a batch has issued already: after a restore two operators have it booked, and its
    promise may stand on the chain alone.
    """
    found = [
        each.op_id for each in operations if isinstance(each, Issue) and each.reason == IssueReason.REWARD
    ]
    issued = _issued(conn, found)
    rewards = [reward for reward in found if reward not in issued]
    asked = {promise_id_of(reward): reward for reward in rewards}
    waiting, never = _gone_back(conn, rewards)
    attempt = 0
    while asked:
        told = queries.standings(conn, list(asked))
        refused = {asked[promise] for promise, one in told.items() if one.reason is not None}
        waiting |= {asked[promise] for promise, one in told.items() if one.state != "final"} - refused
        never |= {reward for promise, reward in asked.items() if promise not in told}
        # What was refused may have been promised once more since.
        attempt += 1
        asked = {promise_id_of(reward, attempt): reward for reward in refused}
    return Promises(frozenset(waiting), frozenset(never))


def _gone_back(conn: Connection, rewards: Sequence[bytes]) -> tuple[set[bytes], set[bytes]]:
    """Those that the chain may hear, and those that it has heard, to have gone back: after a restore, for
    nothing goes back here before its issue is settled.
    """
    waiting, never, attempt = set[bytes](), set[bytes](), 0
    asked = {return_id_of(reward): reward for reward in rewards}
    n, b = chain_beside_item.c, chain_beside_batch.c
    joined = chain_beside_item.join(chain_beside_batch, (b.target == n.target) & (b.number == n.batch))
    while asked:
        its = select(n.op_id, n.reason, b.state).select_from(joined).where(n.live, n.op_id.in_(list(asked)))
        told, attempt = conn.execute(its).all(), attempt + 1
        waiting |= {asked[row.op_id] for row in told if row.state != "final"}
        never |= {asked[row.op_id] for row in told if row.state == "final" and row.reason is None}
        refused = [asked[row.op_id] for row in told if row.state == "final" and row.reason is not None]
        asked = {return_id_of(reward, attempt): reward for reward in refused}
    return waiting, never


def _issued(conn: Connection, rewards: Sequence[bytes]) -> set[bytes]:
    i = chain_batch_item.c
    if not rewards:
        return set()
    return set(conn.execute(select(i.op_id).where(i.live, i.op_id.in_(rewards))).scalars())


def reason_of(operation: Operation) -> str:
    """Why an operation that can never be carried out is set aside: its promise or its original never was."""
    return NEVER if isinstance(operation, Issue) else "OriginalSetAside()"
