"""Commands about subscriptions: made under a named query, and ended."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, RowMapping, delete, func, select

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import IdSource, id_text
from ledger_service.traceability.epcis.queries import last_number
from ledger_service.traceability.standing.queries import find_query
from ledger_service.webhooks.errors import WebhookAddressRefused
from ledger_service.webhooks.rules import url_refusal
from ledger_service.webhooks.subscriptions.errors import (
    SubscriptionKnown,
    SubscriptionLimitReached,
    SubscriptionUnfit,
    SubscriptionUnknown,
)
from ledger_service.webhooks.subscriptions.models import epcis_subscription
from ledger_service.webhooks.subscriptions.rules import (
    MOST_EVENTS,
    MOST_SUBSCRIPTIONS,
    next_after,
    parse_schedule,
)

_S = epcis_subscription.c
_TOKENS = b"alliance epcis tokens v1"
_NONCE_BYTES = 12
_COUNTING = ("eventCountLimit", "maxEventCount", "orderBy", "orderDirection")


class Wanted(NamedTuple):
    """A subscription as somebody asks for it; ``schedule`` None is a stream."""

    dest: str
    token: str | None
    schedule: Mapping[str, Any] | None
    report_if_empty: bool
    initial_time: datetime | None


@dataclass(frozen=True)
class TokenSafe:
    """Seals the tokens of subscribers; the key follows from 32 bytes of the service's own."""

    master: bytes = field(repr=False)

    def close(self, token: str, subscription_id: bytes, nonce: bytes) -> bytes:
        """The token as the table keeps it, bound to its subscription."""
        return nonce + self._cipher().encrypt(nonce, token.encode(), subscription_id)

    def open(self, sealed: bytes, subscription_id: bytes) -> bytes:
        """The token's bytes."""
        return self._cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], subscription_id)

    def _cipher(self) -> AESGCM:
        return AESGCM(hmac.digest(self.master, _TOKENS, sha256))


@dataclass(frozen=True)
class SubscriptionDesk:
    """Subscriptions; ``loopback`` is as in ``url_refusal``."""

    safe: TokenSafe
    random: IdSource
    loopback: bool

    def subscribe(self, conn: Connection, holder: str, name: str, wanted: Wanted, at: datetime) -> RowMapping:
        """What the query finds from now on, or since its initial time, goes to the address.

        Raises:
            QueryUnknown: the holder has no such query; SubscriptionUnfit: it counts or orders.
            MalformedField: no schedule, or one that never comes.
            WebhookAddressRefused: no https address of the open internet.
            SubscriptionKnown: the address has one with the same schedule and other terms.
            SubscriptionLimitReached: the holder has enough of them.

        Idempotency: by query, address and schedule; the same again is the one that there is.
        """
        query = find_query(conn, holder, name)
        unfit = next((one for one in _COUNTING if one in query.parameters), None)
        if unfit is not None:
            raise SubscriptionUnfit(unfit)
        refusal = url_refusal(wanted.dest, loopback=self.loopback)
        if refusal is not None:
            raise WebhookAddressRefused(refusal)
        row = self._row(holder, name, wanted, at) | {"seen": _first_seen(conn, wanted)}
        count = select(func.count()).where(_S.holder == holder)
        if _same(conn, row) is None and conn.execute(count).scalar_one() >= MOST_SUBSCRIPTIONS:
            raise SubscriptionLimitReached(MOST_SUBSCRIPTIONS)
        sql_of(epcis_subscription, conn).insert(conn, [row], or_ignore=True)
        stands = _same(conn, row)
        if stands is None or not self._equal(stands, wanted):
            raise SubscriptionKnown("" if stands is None else id_text(stands["subscription_id"]))
        return stands

    def _row(self, holder: str, name: str, wanted: Wanted, at: datetime) -> dict[str, Any]:
        subscription_id = self.random.random_bytes(16)
        nonce = self.random.random_bytes(_NONCE_BYTES)
        token = None if wanted.token is None else self.safe.close(wanted.token, subscription_id, nonce)
        schedule = "" if wanted.schedule is None else orjson.dumps(
            wanted.schedule, option=orjson.OPT_SORT_KEYS).decode()  # fmt: skip
        return {
            "subscription_id": subscription_id, "holder": holder, "name": name, "dest": wanted.dest,
            "token": token, "schedule": schedule, "report_if_empty": wanted.report_if_empty,
            "initial_time": wanted.initial_time, "created_at": at, "state": "active",
            "due_at": first_due(wanted.schedule, at), "seen": None, "run_to": None, "told": False,
            "most": MOST_EVENTS, "failures": 0, "failing_since": None, "last_error": None,
            "notified_at": None,
        }  # fmt: skip

    def _equal(self, row: RowMapping, wanted: Wanted) -> bool:
        try:
            token = None if row["token"] is None else self.safe.open(row["token"], row["subscription_id"])
        except InvalidTag:
            # Sealed under another secret: nobody can say that it is the same.
            return False
        given = None if wanted.token is None else wanted.token.encode()
        same = row["report_if_empty"], row["initial_time"]
        return token == given and same == (wanted.report_if_empty, wanted.initial_time)


def end(conn: Connection, holder: str, name: str, subscription_id: bytes) -> None:
    """Nothing more is sent under the subscription.

    Raises:
        SubscriptionUnknown: the query has none such.
    """
    its = (_S.subscription_id == subscription_id) & (_S.holder == holder) & (_S.name == name)
    if conn.execute(delete(epcis_subscription).where(its)).rowcount == 0:
        raise SubscriptionUnknown


def first_due(schedule: Mapping[str, Any] | None, at: datetime) -> datetime:
    """When a schedule first reports behind an instant; a stream at once.

    Raises:
        MalformedField: it is no schedule, or its day never comes.
    """
    if schedule is None:
        return at
    found = next_after(parse_schedule(schedule), at)
    if found is None:
        raise MalformedField("schedule", "names no day that ever comes")
    return found


def _first_seen(conn: Connection, wanted: Wanted) -> int | None:
    """Whatever stands already is of no interest without an initial time; from where it counts is looked up
    when the first report is made, and not while the subscriber waits."""
    return last_number(conn) if wanted.initial_time is None else None


def _same(conn: Connection, row: Mapping[str, Any]) -> RowMapping | None:
    of = [_S[name] == row[name] for name in ("holder", "name", "dest", "schedule")]
    return conn.execute(select(epcis_subscription).where(*of)).mappings().first()
