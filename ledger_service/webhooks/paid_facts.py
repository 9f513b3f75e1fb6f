"""Facts of what was paid for: money that moved on stored-value cards, and what happened to tickets.

Cards and tickets are named by their ids. What opens them (code, PIN, pass) stands here in no form, and the
cashier not at all. Of one that is no member's, or whose member is erased by now, a fact names nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, select

from ledger_service.coupons.definitions.models import coupon_definition, coupon_version
from ledger_service.coupons.stored.models import value_card, value_entry
from ledger_service.coupons.stored.rules import Kind as Move
from ledger_service.coupons.stored.rules import sign_of
from ledger_service.coupons.tickets.models import ticket, ticket_entry
from ledger_service.coupons.tickets.rules import Kind as Step
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.members.models import member
from ledger_service.webhooks.facts import Fact
from ledger_service.webhooks.rules import Kind

Note = tuple[bytes | None, int]
Told = dict[Note, list[Fact]]
_C, _CE, _T, _TE = value_card.c, value_entry.c, ticket.c, ticket_entry.c
_D, _V, _M = coupon_definition.c, coupon_version.c, member.c


def swiped(conn: Connection, notes: Sequence[Note], _: datetime) -> Told:
    """The card's issuer is told what moved on it, and what it held from then on."""
    lowest: dict[bytes, int] = {}
    for card_id, position in notes:
        if card_id is not None:
            lowest[card_id] = min(position, lowest.get(card_id, position))
    # A card's ledger may be long, and its newest entries are all that is new: cards that are read from the
    # same entry on are asked for together.
    together: dict[int, list[bytes]] = defaultdict(list)
    for card_id, position in lowest.items():
        together[position].append(card_id)
    wanted = set(notes)
    found: Told = {}
    for position, cards in together.items():
        found |= _moves(conn, _CE.card_id.in_(cards) & (_CE.position >= position), wanted)
    return found


def _moves(conn: Connection, mine: ColumnElement[bool], wanted: Collection[Note]) -> Told:
    """Newest first, so that from what a card holds now follows what it held after each entry."""
    joined = value_entry.join(value_card, _C.card_id == _CE.card_id).join(
        coupon_definition, _D.definition_id == _C.definition_id
    )
    its = select(
        _CE.card_id, _CE.position, _CE.kind, _CE.amount_minor, _CE.ref, _CE.reference, _CE.store_gln,
        _CE.terminal_id, _CE.at, _C.merchant_id, _C.currency, _C.balance_minor, _C.expires_at, _C.holder,
        _D.code,
    ).select_from(joined.outerjoin(member, _is(_C.holder)))  # fmt: skip
    its = its.add_columns(_M.member_id).where(mine).order_by(_CE.card_id, _CE.position.desc())
    later: dict[bytes, int] = defaultdict(int)
    found: Told = {}
    for row in conn.execute(its):
        balance = row.balance_minor - later[row.card_id]
        later[row.card_id] += sign_of(Move(row.kind)) * row.amount_minor
        if (row.card_id, row.position) not in wanted:
            continue
        body = {
            "card": id_text(row.card_id), "definition": row.code, "entry": row.position, "change": row.kind,
            "amount_minor": row.amount_minor, "currency": row.currency, "balance_minor": balance,
            "expires_at": None if row.expires_at is None else format_instant(row.expires_at),
            **_where(row),
        }  # fmt: skip
        event_id = derive_id("webhook", Kind.CARD, row.card_id, row.position, row.ref)
        fact = Fact(event_id, row.merchant_id, Kind.CARD, row.member_id, body, row.at)
        found[(row.card_id, row.position)] = [fact]
    return found


def punched(conn: Connection, notes: Sequence[Note], _: datetime) -> Told:
    """The event's merchant is told that a ticket was sold, given away, entered with or paid back."""
    joined = ticket_entry.join(ticket, _T.ticket_id == _TE.ticket_id).join(
        coupon_definition, _D.definition_id == _T.definition_id
    )
    terms = (_V.definition_id == _T.definition_id) & (_V.version == _T.version)
    its = select(
        _TE.ticket_id, _TE.position, _TE.kind, _TE.amount_minor, _TE.ref, _TE.reference, _TE.store_gln,
        _TE.terminal_id, _TE.at, _T.merchant_id, _T.currency, _T.begins_at, _T.buyer, _T.holder, _T.gifts,
        _D.code, _V.body,
    ).select_from(joined.join(coupon_version, terms))  # fmt: skip
    mine = _TE.ticket_id.in_(list({ref for ref, _ in notes}))
    rows = conn.execute(its.where(mine).order_by(_TE.ticket_id, _TE.position)).all()
    standing = _standing(conn, {who for row in rows for who in (row.buyer, row.holder) if who is not None})
    given: dict[bytes, int] = defaultdict(int)
    found: Told = {}
    for row in rows:
        given[row.ticket_id] += row.kind == Step.GIVEN
        body = {
            "ticket": id_text(row.ticket_id), "definition": row.code, "entry": row.position,
            "change": row.kind, "event": orjson.loads(row.body)["benefit"]["event"],
            "begins_at": format_instant(row.begins_at), "amount_minor": row.amount_minor,
            "currency": row.currency, **_where(row),
        }  # fmt: skip
        who = _holder_after(row, given[row.ticket_id])
        event_id = derive_id("webhook", Kind.TICKET, row.ticket_id, row.position, row.ref)
        named = who if who in standing else None
        found[(row.ticket_id, row.position)] = [
            Fact(event_id, row.merchant_id, Kind.TICKET, named, body, row.at)
        ]
    return found


def _holder_after(row: Any, given: int) -> int | None:
    """Whose the ticket was after so many gifts: the holder's after the last, the buyer's before the first.

    Its entries name nobody; of those between, where a job comes late for several, nothing is known.
    """
    if given == row.gifts:
        return None if row.holder is None else int(row.holder)
    return None if given or row.buyer is None else int(row.buyer)


def _standing(conn: Connection, members: set[int]) -> set[int]:
    """Those of these members who are not erased."""
    its = select(_M.member_id).where(_M.member_id.in_(list(members)), _M.status != "erased")
    return set(conn.execute(its).scalars()) if members else set()


def _is(who: ColumnElement[Any]) -> ColumnElement[bool]:
    return (_M.member_id == who) & (_M.status != "erased")


def _where(row: Any) -> Mapping[str, Any]:
    """What caused an entry (the sale, the refund or an operation of its own), and at which till."""
    return {
        "because_of": id_text(row.ref), "reference": row.reference,
        "store": None if row.store_gln is None else gln_text(row.store_gln), "terminal": row.terminal_id,
    }  # fmt: skip
