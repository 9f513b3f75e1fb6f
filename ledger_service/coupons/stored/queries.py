"""Reads of stored value: a merchant's cards and its accounts, a member's cards, one card's entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from ledger_service.coupons.stored.errors import ValueCardUnknown
from ledger_service.coupons.stored.models import value_card, value_entry
from ledger_service.coupons.stored.rules import Account

_C, _E = value_card.c, value_entry.c
# Every card has one; a row without is a code that was a lost card's, kept so that it is never sold again.
_SOLD = _C.entries > 0


class Accounts(NamedTuple):
    """The accounts of an issuer in one currency, and what its cards hold together.

    What is owed (``liability``) is what was taken for cards (``tender``) without what they paid
    (``redemption``) and what was paid out. ``cards_minor``, the sum of all cards, must equal it.
    """

    currency: str
    through: dict[Account, int]
    cards: int
    cards_minor: int
    held_minor: int


def cards_of_merchant(
    conn: Connection, merchant_id: int, after: str | None, most: int
) -> Sequence[RowMapping]:
    """The cards that a merchant has sold, in the order of their ids behind a position."""
    return _page(conn, _SOLD & (_C.merchant_id == merchant_id), after, most)


def cards_of_member(conn: Connection, member_id: int, after: str | None, most: int) -> Sequence[RowMapping]:
    """The cards that are a member's own, in the order of their ids behind a position."""
    return _page(conn, _C.holder == member_id, after, most)


def the_card(conn: Connection, card_id: bytes, merchant_id: int | None) -> RowMapping:
    """A card of the merchant's; of anybody's where None asks.

    Raises:
        ValueCardUnknown: there is none.
    """
    row = conn.execute(select(value_card).where(_SOLD, _C.card_id == card_id)).mappings().one_or_none()
    if row is None or merchant_id not in (None, row["merchant_id"]):
        raise ValueCardUnknown
    return row


def entries_of(conn: Connection, card_id: bytes, after: int, most: int) -> Sequence[RowMapping]:
    """What moved the card's money, oldest first, behind a position."""
    mine = (_E.card_id == card_id) & (_E.position > after)
    return conn.execute(select(value_entry).where(mine).order_by(_E.position).limit(most)).mappings().all()


def accounts_of(conn: Connection, merchant_id: int) -> list[Accounts]:
    """The merchant's accounts, added up from the entries, beside its cards; by currency."""
    flows: dict[tuple[str, str], int] = {}
    for side, sign in ((_E.source, -1), (_E.destination, 1)):
        joined = value_entry.join(value_card, _C.card_id == _E.card_id)
        sums = select(_C.currency, side, func.sum(_E.amount_minor)).select_from(joined)
        for currency, account, minor in conn.execute(
            sums.where(_C.merchant_id == merchant_id).group_by(_C.currency, side)
        ):
            flows[currency, account] = flows.get((currency, account), 0) + sign * int(minor)
    held = select(_C.currency, func.count(), func.sum(_C.balance_minor), func.sum(_C.held_minor))
    rows = conn.execute(
        held.where(_SOLD, _C.merchant_id == merchant_id).group_by(_C.currency).order_by(_C.currency)
    )
    return [
        Accounts(currency, _flows_of(flows, currency), count, int(minor), int(apart))
        for currency, count, minor, apart in rows
    ]


def _flows_of(flows: dict[tuple[str, str], int], currency: str) -> dict[Account, int]:
    return {account: abs(flows.get((currency, account), 0)) for account in Account}


def _page(conn: Connection, mine: ColumnElement[bool], after: str | None, most: int) -> Sequence[RowMapping]:
    if after is not None:
        mine &= _C.card_id > bytes.fromhex(after)
    return conn.execute(select(value_card).where(mine).order_by(_C.card_id).limit(most)).mappings().all()
