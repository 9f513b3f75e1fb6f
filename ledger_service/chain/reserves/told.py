"""The mirror of what the registry told of reserves, block by block; the points room reads the limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import Connection, select

from ledger_service.chain.reserves.facts import IssuanceLimited, ReserveFact
from ledger_service.db.bulk import sql_of
from ledger_service.db.models import chain_issuance_limit, chain_reserve

TABLES = (chain_issuance_limit, chain_reserve)
# What the contract calls boundless is more than a column holds, and so may a reserve in micros be.
_BOUNDLESS = (1 << 63) - 1
_AMOUNTS = ("most", "before", "reserve_micros")
_KEYS = {"programme": "programme_id", "merchant": "merchant"}


def note(conn: Connection, place: tuple[int, int], fact: ReserveFact) -> None:
    """The fact stands in the mirror; ``place`` is the number of its block and its log's place there."""
    table = chain_issuance_limit if isinstance(fact, IssuanceLimited) else chain_reserve
    told = {_KEYS.get(name, name): value for name, value in asdict(fact).items()}
    amounts = {name: min(told[name], _BOUNDLESS) for name in _AMOUNTS if name in told}
    row = {**told, **amounts, "block_number": place[0], "log_index": place[1]}
    sql_of(table, conn).insert(conn, [row])


def changes_limits(facts: Iterable[object]) -> bool:
    """Whether any of the facts changes what may be issued."""
    return any(isinstance(fact, IssuanceLimited) for fact in facts)


def limits_after(conn: Connection, number: int) -> bool:
    """Whether blocks after this one changed a limit, so that a rewind to it changes limits too."""
    later = chain_issuance_limit.c.block_number > number
    return conn.execute(select(chain_issuance_limit.c.block_number).where(later).limit(1)).first() is not None
