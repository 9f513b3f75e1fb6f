"""Commands about endpoints: made, paused, resumed, given another secret, ended; facts told again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from ledger_service.kernel.ids import IdSource
from ledger_service.webhooks.errors import WebhookAddressRefused, WebhookLimitReached, WebhookUnknown
from ledger_service.webhooks.following import lay_out, listener_of
from ledger_service.webhooks.models import webhook_endpoint, webhook_event
from ledger_service.webhooks.rules import MOST_ENDPOINTS, secret_of, secret_text, url_refusal

# So many facts are laid out again by one request; the next one goes on behind them.
MOST_REPLAYED = 2_000
_L, _V = webhook_endpoint.c, webhook_event.c


class NewEndpoint(NamedTuple):
    """An address that wants to hear of ``kinds``, of all where there are none."""

    merchant_id: int
    url: str
    kinds: Sequence[str]
    created_by: str


class Range(NamedTuple):
    """Facts of these numbers, both ends included; ``until`` None means to the newest."""

    since: int
    until: int | None


@dataclass(frozen=True)
class WebhookDesk:
    """Endpoints; secrets follow from the 32 bytes of ``master``, ``loopback`` is as in ``url_refusal``."""

    master: bytes = field(repr=False)
    random: IdSource
    loopback: bool

    def make(self, conn: Connection, new: NewEndpoint, at: datetime) -> tuple[RowMapping, str]:
        """The endpoint hears of what happens from now on; returns it with its secret, shown this once.

        Raises:
            WebhookAddressRefused: no https address of the open internet.
            WebhookLimitReached: the merchant has enough of them.
        """
        refusal = url_refusal(new.url, loopback=self.loopback)
        if refusal is not None:
            raise WebhookAddressRefused(refusal)
        mine = (_L.merchant_id == new.merchant_id) & (_L.state != "ended")
        if conn.execute(select(func.count()).where(mine)).scalar_one() >= MOST_ENDPOINTS:
            raise WebhookLimitReached(MOST_ENDPOINTS)
        endpoint_id = self.random.random_bytes(16)
        conn.execute(insert(webhook_endpoint).values(
            endpoint_id=endpoint_id, merchant_id=new.merchant_id, url=new.url,
            kinds=" ".join(sorted(set(new.kinds))), state="active", generation=1, rotated_at=at,
            created_by=new.created_by, created_at=at,
        ))  # fmt: skip
        return locked(conn, endpoint_id, new.merchant_id), self._secret(endpoint_id, 1)

    def move(self, conn: Connection, endpoint_id: bytes, merchant_id: int | None, state: str) -> RowMapping:
        """The endpoint is active again, paused (what happens waits) or ended (what waited is not sent).

        One row is written however much waits: sales wait for the writer, and not for millions of rows.

        Raises:
            WebhookUnknown: no such endpoint of the merchant.
        """
        locked(conn, endpoint_id, merchant_id)
        mine = _L.endpoint_id == endpoint_id
        fresh = {"failures": 0, "rests_until": None, "failing_since": None, "last_error": None}
        conn.execute(update(webhook_endpoint).where(mine).values(state=state, **fresh))
        return conn.execute(select(webhook_endpoint).where(mine)).mappings().one()

    def rotate(
        self, conn: Connection, endpoint_id: bytes, merchant_id: int | None, at: datetime
    ) -> tuple[RowMapping, str]:
        """The endpoint has another secret; for a day messages are signed by the one before, too.

        Raises:
            WebhookUnknown: no such endpoint of the merchant.
        """
        row = locked(conn, endpoint_id, merchant_id)
        generation = row["generation"] + 1
        changed = update(webhook_endpoint).where(_L.endpoint_id == endpoint_id)
        conn.execute(changed.values(generation=generation, rotated_at=at))
        return locked(conn, endpoint_id, merchant_id), self._secret(endpoint_id, generation)

    def replay(
        self, conn: Connection, endpoint_id: bytes, merchant_id: int | None, what: Range, at: datetime
    ) -> tuple[int, int | None]:
        """The merchant's facts of the range will be sent again, those that were never sent to it as well.

        Returns:
            How many, and the number to go on from where there are more than one request takes.

        Raises:
            WebhookUnknown: no such endpoint of the merchant.
        """
        row = locked(conn, endpoint_id, merchant_id)
        its = (_V.merchant_id == row["merchant_id"]) & (_V.number >= what.since)
        if what.until is not None:
            its &= _V.number <= what.until
        facts = conn.execute(
            select(_V.number, _V.kind, _V.member_id).where(its).order_by(_V.number).limit(MOST_REPLAYED + 1)
        ).mappings().all()  # fmt: skip
        more = facts[MOST_REPLAYED]["number"] if len(facts) > MOST_REPLAYED else None
        return lay_out(conn, listener_of(row), facts[:MOST_REPLAYED], at), more

    def _secret(self, endpoint_id: bytes, generation: int) -> str:
        return secret_text(secret_of(self.master, endpoint_id, generation))


def locked(conn: Connection, endpoint_id: bytes, merchant_id: int | None) -> RowMapping:
    """The row of an endpoint that has not ended, locked; ``merchant_id`` None stands for any merchant.

    Raises:
        WebhookUnknown: there is none.
    """
    its = select(webhook_endpoint).where(_L.endpoint_id == endpoint_id, _L.state != "ended").with_for_update()
    found = conn.execute(its).mappings().first()
    if found is None or merchant_id not in (None, found["merchant_id"]):
        raise WebhookUnknown
    return found
