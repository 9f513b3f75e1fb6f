"""What the issuer's office does with a card: frozen, thawed, its time begun anew, its lost code replaced."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, insert, select, update

from ledger_service.coupons.codes.lookup import coupon_of
from ledger_service.coupons.codes.models import coupon_code, coupon_code_list
from ledger_service.coupons.codes.rules import SEALED
from ledger_service.coupons.definitions.models import coupon_version
from ledger_service.coupons.stored.errors import ValueCardNotUsable, ValueCardUnknown
from ledger_service.coupons.stored.models import value_card
from ledger_service.coupons.stored.queries import the_card
from ledger_service.coupons.stored.rules import ACTIVE, FROZEN
from ledger_service.coupons.stored.showing import Shown
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


def replace(
    conn: Connection, card: tuple[bytes, int | None], shown: Shown, reason: str, said: Said
) -> RowMapping:
    """The card has another printed code of its own terms, and pays; the old code is dead at once.

    What it holds, what is held of it and its ledger stay where they are: nothing is moved. The old code is
    never sold again.

    Args:
        conn: a db transaction.
        card: its id, and whose it must be (None: anybody's).
        shown: the new code, with its PIN from now on (None: it has none).
        reason: one of ``REASONS``.
        said: who says so, and when.

    Raises:
        ValueCardUnknown: there is no such card, or no such code among those of its definition.
        ValueCardNotUsable: the new code is sold, or was a card before.

    Locks: the new code's row, as its sale does, and the card's.
    """
    card_id, merchant_id = card
    row, c, listed = the_card(conn, card_id, merchant_id), coupon_code.c, coupon_code_list.c
    joined = select(c.list_id, c.position).join(coupon_code_list, listed.list_id == c.list_id)
    its = (listed.definition_id == row["definition_id"]) & (listed.state == SEALED)
    code = conn.execute(joined.where(c.tag == shown.tag, its).with_for_update(of=coupon_code)).one_or_none()
    if code is None:
        raise ValueCardUnknown
    same = (value_card.c.tag == shown.tag) | (value_card.c.card_id == coupon_of(code._asdict()))
    if conn.execute(select(value_card.c.card_id).where(same)).first() is not None:
        raise ValueCardNotUsable("sold")
    mine = value_card.c.card_id == card_id
    row = conn.execute(select(value_card).where(mine).with_for_update()).mappings().one()
    by = {"changed_by": said[0], "change_reason": reason}
    values = {"tag": shown.tag, "pin_hash": shown.pin_hash, "state": ACTIVE}
    conn.execute(update(value_card).where(mine).values(**values, **by))
    _bury(conn, row, said[1], by)
    return the_card(conn, card_id, merchant_id)


def _bury(conn: Connection, card: RowMapping, at: datetime, by: dict[str, str]) -> None:
    """The code that the card had until now is nobody's to sell.

    Its first code is not, because the card's own id says whose it was; a later one needs a row without any
    entry, which no code leads to.
    """
    c = coupon_code.c
    code = conn.execute(select(c.list_id, c.position).where(c.tag == card["tag"])).one_or_none()
    dead = card["card_id"] if code is None else coupon_of(code._asdict())
    if dead != card["card_id"]:
        nothing = {"balance_minor": 0, "held_minor": 0, "most_minor": 0, "entries": 0}
        nobody = {"holder": None, "pin_hash": None, "state": FROZEN, "issued_at": at, "expires_at": None}
        gone = {**card, "card_id": dead, "tag": dead, **nothing, **nobody, **by}
        conn.execute(insert(value_card).values(gone))


def _over(conn: Connection, row: RowMapping, at: datetime) -> datetime | None:
    v = coupon_version.c
    mine = (v.definition_id == row["definition_id"]) & (v.version == row["version"])
    body = conn.execute(select(v.body).where(mine)).scalar_one()
    return expires_at(terms_of(orjson.loads(body)).window, at)
