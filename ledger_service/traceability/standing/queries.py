"""Reads of named queries, and the search that each of them stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, select

from ledger_service.traceability.epcis.searching import Search, is_number, parse_search
from ledger_service.traceability.standing.errors import QueryUnknown
from ledger_service.traceability.standing.models import epcis_query

_Q = epcis_query.c


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A query as its holder defined it."""

    name: str
    merchant_id: int | None
    parameters: Mapping[str, str]
    created_at: datetime

    @property
    def search(self) -> Search:
        """What it finds, of what its holder may see."""
        return parse_search(self.parameters)

    def view(self) -> dict[str, Any]:
        """It as EPCIS shows it."""
        return {"name": self.name, "query": {name: _shown(name, v) for name, v in self.parameters.items()}}


def find_query(conn: Connection, subject: str, name: str) -> NamedQuery:
    """The query of a subject under a name.

    Raises:
        QueryUnknown: there is none.
    """
    its = select(epcis_query).where(_Q.holder == subject, _Q.name == name)
    row = conn.execute(its).mappings().first()
    if row is None:
        raise QueryUnknown
    return query_of(row)


def queries_after(conn: Connection, subject: str, after: str | None, most: int) -> Sequence[NamedQuery]:
    """A subject's queries behind a name, in the order of their names."""
    its = select(epcis_query).where(_Q.holder == subject)
    if after is not None:
        its = its.where(_Q.name > after)
    return [query_of(row) for row in conn.execute(its.order_by(_Q.name).limit(most)).mappings()]


def query_of(row: RowMapping) -> NamedQuery:
    """The query that a row of the table holds."""
    return NamedQuery(row["name"], row["merchant_id"], orjson.loads(row["parameters"]), row["created_at"])


def _shown(name: str, value: str) -> Any:
    """A value as it was given: what may be several is a list."""
    if name in ("eventCountLimit", "maxEventCount"):
        return int(value)
    if name.startswith("EXISTS_") or name == "EQ_booleanValue":
        return value != "false"
    single = name.startswith(("GE_", "GT_", "LE_", "LT_", "order"))
    values = [_number(text) if is_number(name) else text for text in value.split("|")]
    return values[0] if single else values


def _number(text: str) -> float:
    return int(text) if text.removeprefix("-").isdigit() else float(text)
