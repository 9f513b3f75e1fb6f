"""What the issuer's office does with a card: frozen, thawed, its time begun anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, select, update

from ledger_service.coupons.definitions.models import coupon_version
from ledger_service.coupons.stored.models import value_card
from ledger_service.coupons.stored.queries import the_card
from ledger_service.coupons.stored.rules import ACTIVE, FROZEN
from ledger_service.coupons.terms.text import terms_of
from ledger_service.coupons.terms.windows import expires_at

FREEZE, THAW, RENEW = "freeze", "thaw", "renew"
ACTS = (FREEZE, THAW, RENEW)
# No free text: it would be about persons.
REASONS = ("lost", "stolen", "dispute", "mistake", "expired", "settled")
Said = tuple[str, datetime]


def change(conn: Connection, card: tuple[bytes, int | None], act: str, reason: str, said: Said) -> RowMapping:
    """The card is frozen or pays again; renewed, its days count from now, and what it holds stays.

    Args:
        conn: a db transaction.
        card: its id, and whose it must be (None: anybody's).
        act: one of ``ACTS``; one that changes nothing is none the worse.
        reason: one of ``REASONS``.
        said: who says so, and when.

    Raises:
        ValueCardUnknown: there is no such card.

    Locks: the card's row, by the update itself.
    """
    card_id, merchant_id = card
    row = the_card(conn, card_id, merchant_id)
    values: dict[str, Any] = {"changed_by": said[0], "change_reason": reason}
    if act == RENEW:
        values["expires_at"] = None if row["expires_at"] is None else _over(conn, row, said[1])
    else:
        values["state"] = FROZEN if act == FREEZE else ACTIVE
    conn.execute(update(value_card).where(value_card.c.card_id == card_id).values(values))
    return the_card(conn, card_id, merchant_id)


def _over(conn: Connection, row: RowMapping, at: datetime) -> datetime | None:
    v = coupon_version.c
    mine = (v.definition_id == row["definition_id"]) & (v.version == row["version"])
    body = conn.execute(select(v.body).where(mine)).scalar_one()
    return expires_at(terms_of(orjson.loads(body)).window, at)
