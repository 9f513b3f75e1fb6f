"""Operator keys in force that another operator once gave out over HTTP.

Today an operator gets keys for its own name only, so that nobody is two operators (D18). A key that was given
out before that rule stays valid until somebody ends it, and whoever gave it out has seen it. The table of
answered writes tells who did: a key and its giver's write carry one instant, to the microsecond.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from ledger_service.checkout.models import idempotency
from ledger_service.kernel.clock import format_instant
from ledger_service.merchants.models import api_key


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A key in force of an operator, and which other operator gave it, or a key that it replaced, out."""

    key_id: str
    operator: str
    giver: str
    at: datetime

    def warning(self) -> str:
        """What a person should do about it."""
        when = format_instant(self.at)
        return (
            f"{self.operator} has an operator key that {self.giver} gave out at {when}, perhaps to itself;"
            f" end it: alliance keys revoke {self.key_id}"
        )


def keys_given_by_others(conn: Connection, now: datetime) -> list[GivenKey]:
    """The keys in force whose giver was another operator, oldest first.

    In a replay, whose instants are whole seconds, another secret that the same operator was told in the same
    second looks alike.
    """
    rows = conn.execute(
        select(api_key).where(api_key.c.subject_kind == "operator").order_by(api_key.c.created_at)
    )
    keys = {row["key_id"]: dict(row) for row in rows.mappings()}
    givers = _givers(conn, keys)
    found = []
    for key in keys.values():
        ended = key["expires_at"] is not None and key["expires_at"] <= now
        if key["status"] == "active" and not ended:
            found += _given(key, keys, givers)[:1]
    return found


def _given(
    key: Mapping[str, Any], keys: Mapping[str, Mapping[str, Any]], givers: Mapping[datetime, set[str]]
) -> list[GivenKey]:
    own = f"operator:{key['subject_id']}"
    return [
        GivenKey(key["key_id"], own, giver, link["created_at"])
        for link in _line(key, keys)
        for giver in sorted(givers.get(link["created_at"], set()) - {own})
    ]


def _line(key: Mapping[str, Any], keys: Mapping[str, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The key, the one that it replaced, and so on."""
    before = {one["replaced_by"]: one for one in keys.values() if one["replaced_by"]}
    link: Mapping[str, Any] | None = key
    while link is not None:
        yield link
        link = before.get(link["key_id"])


def _givers(conn: Connection, keys: Mapping[str, Mapping[str, Any]]) -> dict[datetime, set[str]]:
    """Which operators were told a secret, by instant."""
    # A giver held a key itself, and keys are never deleted: no other subject has to be looked for.
    names = {f"operator:{key['subject_id']}" for key in keys.values()}
    at = idempotency.c.created_at
    answers = select(idempotency.c.subject, at, idempotency.c.response).where(
        idempotency.c.subject.in_(names), at.in_({key["created_at"] for key in keys.values()})
    )
    found: dict[datetime, set[str]] = {}
    for subject, instant, response in conn.execute(answers):
        # Answers that hold a secret are stored sealed.
        if not _is_clear(bytes(response)):
            found.setdefault(instant, set()).add(subject)
    return found


def _is_clear(response: bytes) -> bool:
    """Whether it is JSON; that what is sealed begins as JSON does happens once in 256 times."""
    try:
        orjson.loads(response)
    except orjson.JSONDecodeError:
        return False
    return True
