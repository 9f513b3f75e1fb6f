"""Commands about named queries: defined once, never changed, deleted with their subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, delete, func, select

from ledger_service.db.bulk import sql_of
from ledger_service.traceability.standing.errors import QueryLimitReached, QueryNameTaken, QueryUnknown
from ledger_service.traceability.standing.models import epcis_query
from ledger_service.traceability.standing.queries import find_query
from ledger_service.traceability.standing.rules import MOST_QUERIES, check_query_name, parameters_of

_Q = epcis_query.c


class Holder(NamedTuple):
    """Who has queries: the subject of a key, and the merchant whose events alone it may see (None: all)."""

    subject: str
    merchant_id: int | None


def define(conn: Connection, holder: Holder, name: object, query: object, at: datetime) -> str:
    """The query stands under its name; returns the name.

    Raises:
        MalformedField: a name, a parameter or a value that is none.
        QueryNameTaken: the holder has one of this name; QueryLimitReached: enough of them.

    Idempotency: by the name. Locks: none; of two at once one is refused.
    """
    named, parameters = check_query_name(name), parameters_of(query)
    if _has(conn, holder.subject, named):
        raise QueryNameTaken(named)
    count = select(func.count()).where(_Q.holder == holder.subject)
    if conn.execute(count).scalar_one() >= MOST_QUERIES:
        raise QueryLimitReached(MOST_QUERIES)
    row = {"holder": holder.subject, "name": named, "merchant_id": holder.merchant_id,
           "parameters": orjson.dumps(parameters).decode(), "created_at": at}  # fmt: skip
    sql_of(epcis_query, conn).insert(conn, [row], or_ignore=True)
    # Two at once: whose it has become is told by what stands there now.
    if find_query(conn, holder.subject, named).parameters != parameters:
        raise QueryNameTaken(named)
    return named


def remove(conn: Connection, holder: Holder, name: str) -> None:
    """The query and its subscriptions are gone.

    Raises:
        QueryUnknown: the holder has none of this name.
    """
    mine = (_Q.holder == holder.subject) & (_Q.name == name)
    if conn.execute(delete(epcis_query).where(mine)).rowcount == 0:
        raise QueryUnknown


def _has(conn: Connection, subject: str, name: str) -> bool:
    its = select(_Q.name).where(_Q.holder == subject, _Q.name == name)
    return conn.execute(its).first() is not None
