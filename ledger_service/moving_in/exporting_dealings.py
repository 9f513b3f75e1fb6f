"""The part of an export that says what else was done with members: accounts, consents, items, sharing, late
receipts, goods without a receipt, adjustments, fraud rules, cards with money, tickets; and by which
programmes and terms the points are to be read.

A row of somebody who was erased is left out, but for what a merchant has of its own: a return without a
receipt, a decision, a ticket and money on a card then belong to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, FromClause, select

from ledger_service.checkout.attach.models import sale_attachment
from ledger_service.checkout.models import unreceipted_return
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.stored.models import value_card
from ledger_service.coupons.tickets.models import ticket
from ledger_service.db.types import UtcInstant
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.members.consents.models import member_consent
from ledger_service.members.models import member, member_card
from ledger_service.merchants.business_day import day_text
from ledger_service.moving_in.snapshot import Export, pages
from ledger_service.points.models import adjustment, programme, programme_terms
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.links.models import share_link, share_tie
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.risk.models import risk_appeal, risk_decision
from ledger_service.traceability.claiming.models import trace_claim, trace_return
from ledger_service.traceability.goods.models import trace_item

Cell = Callable[[Export, Any], str]
_other = member.alias()
_SUMMED = ("points", "balance_minor", "price_minor")


class _Said(NamedTuple):
    """One column of a table: where it comes from and how its values are written."""

    column: ColumnElement[Any]
    cell: Cell


class _Spec(NamedTuple):
    """One table: its columns by name, what they are joined from, and the unique key that it is paged by."""

    said: dict[str, _Said]
    source: FromClause
    keys: Sequence[Column[Any]]
    where: ColumnElement[bool] | None = None


def _plain(_: Export, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.hex() if isinstance(value, bytes) else str(value)


def _instant(_: Export, value: Any) -> str:
    return format_instant(value)


def _gln(_: Export, value: Any) -> str:
    return gln_text(value)


def _day(_: Export, value: Any) -> str:
    return day_text(value)


def _code(told: Export, value: Any) -> str:
    return told.programmes[value].code


def _card(told: Export, value: Any) -> str:
    return told.vault.open("card", value)


_CELLS: dict[str, Cell] = {
    "merchant_id": _gln, "store_gln": _gln, "funder_merchant_id": _gln, "owner_id": _gln, "reader_id": _gln,
    "programme_id": _code, "business_day": _day, "number_sealed": _card,
}  # fmt: skip
_NAMES = {
    "merchant_id": "merchant", "store_gln": "store", "funder_merchant_id": "funder", "owner_id": "owner",
    "reader_id": "reader", "programme_id": "programme", "business_day": "business_date",
    "number_sealed": "card_number",
}  # fmt: skip


def _said(*columns: Any, **named: Any) -> dict[str, _Said]:
    """The columns by their names in the export; ``named`` are those that go by another."""
    pairs = [(_NAMES.get(column.key, str(column.key)), column) for column in columns]
    return {name: _Said(column, _cell_of(column)) for name, column in (*pairs, *named.items())}


def _cell_of(column: Any) -> Cell:
    if isinstance(column.type, UtcInstant):
        return _instant
    return _CELLS.get(column.key, _plain)


def _of(table: Any, own: Any, who: Any = member) -> Any:
    """The table with the member it concerns, who must have a number."""
    return table.join(who, (who.c.member_id == own) & who.c.member_number.is_not(None))


_WHOSE = member.c.member_number


def _people() -> dict[str, _Spec]:
    m, card, consent, change = member.c, member_card.c, member_consent.c, adjustment.c
    ended = _said(card.number_sealed, card.ended_at, card.reason, external_id=_WHOSE)
    given = (consent.consent_id, consent.owner_id, consent.reader_id, consent.purpose, consent.given_at)
    about = (change.adjustment_id, change.programme_id, change.points, change.reason, change.note,
             change.funder_merchant_id, change.state, change.requested_at, change.decided_at)  # fmt: skip
    account = (m.account, m.custody, m.status, m.birthday, m.household, m.created_at, m.frozen_at)
    return {
        "accounts": _Spec(_said(*account, external_id=m.member_number), member, [m.member_id],
                          m.member_number.is_not(None)),
        "ended_cards": _Spec(ended, _of(member_card, card.member_id), [card.number_hash],
                             card.ended_at.is_not(None)),
        "consents": _Spec(_said(*given, consent.revoked_at, external_id=_WHOSE),
                          _of(member_consent, consent.member_id), [consent.consent_id]),
        "adjustments": _Spec(_said(*about, external_id=_WHOSE), _of(adjustment, change.member_id),
                             [change.adjustment_id]),
    }  # fmt: skip


def _counter() -> dict[str, _Spec]:
    late, back, found, said = sale_attachment.c, unreceipted_return.c, risk_decision.c, risk_appeal.c
    joined = (late.sale_id, late.merchant_id, late.cashier, late.total_minor, late.sold_at, late.attached_at)
    taken = (back.return_id, back.merchant_id, back.store_gln, back.business_day, back.cashier,
             back.reference, back.occurred_at, back.body)  # fmt: skip
    judged = (found.decision_id, found.merchant_id, found.outcome, found.versions, found.facts, found.hits,
              found.decided_at)  # fmt: skip
    words = (said.decision_id, said.said, said.appealed_at, said.answer, said.words, said.answered_at)
    return {
        "late_receipts": _Spec(_said(*joined, external_id=_WHOSE), _of(sale_attachment, late.member_id),
                               [late.sale_id]),
        "unreceipted_returns": _Spec(_said(*taken, external_id=_WHOSE), _anybody(unreceipted_return),
                                     [back.return_id]),
        "risk_decisions": _Spec(_said(*judged, external_id=_WHOSE), _anybody(risk_decision),
                                [found.decision_id]),
        "risk_appeals": _Spec(_said(*words, external_id=_WHOSE), _of(risk_appeal, said.member_id),
                              [said.decision_id]),
    }  # fmt: skip


def _anybody(table: Any) -> Any:
    return table.outerjoin(member, member.c.member_id == table.c.member_id)


def _goods() -> dict[str, _Spec]:
    item, mine, back = trace_item.c, trace_claim.c, trace_return.c
    claimed = (item.gtin, item.serial, mine.programme_id, mine.points, mine.claimed_at, mine.voided_at)
    returned = (item.gtin, item.serial, back.merchant_id, back.sale_id, back.returned_at)
    claims = trace_claim.join(trace_item, item.item_id == mine.item_id)
    returns = trace_return.join(trace_item, item.item_id == back.item_id)
    return {
        "item_claims": _Spec(_said(*claimed, external_id=_WHOSE), _of(claims, mine.member_id),
                             [mine.item_id]),
        "item_returns": _Spec(_said(*returned), returns, [back.item_id]),
    }  # fmt: skip


def _shared() -> dict[str, _Spec]:
    link, tie, won, campaign = share_link.c, share_tie.c, share_reward.c, share_campaign.c
    made = (link.code, link.cashier, link.place, link.channel, link.made_at, link.ended_at)
    paid = (won.reward_id, won.sale_id, won.role, won.depth, won.programme_id, won.pays, won.points,
            won.state, won.sold_at)  # fmt: skip
    of_campaign = share_link.join(share_campaign, campaign.campaign_id == link.campaign_id)
    links = of_campaign.outerjoin(member, member.c.member_id == link.member_id)
    rewards = share_reward.join(share_campaign, campaign.campaign_id == won.campaign_id)
    ties = _of(_of(share_tie, tie.member_id), tie.sharer_id, _other)
    return {
        "share_links": _Spec(_said(*made, campaign=campaign.code, external_id=_WHOSE), links, [link.code],
                             link.member_id.is_(None) | _WHOSE.is_not(None)),
        "share_ties": _Spec(_said(tie.tied_at, external_id=_WHOSE, brought_by=_other.c.member_number), ties,
                            [tie.member_id]),
        "share_rewards": _Spec(_said(*paid, campaign=campaign.code, external_id=_WHOSE),
                               _of(rewards, won.member_id), [won.reward_id]),
    }  # fmt: skip


def _paid() -> dict[str, _Spec]:
    card, entry, kind = value_card.c, ticket.c, coupon_definition.c
    holds = (card.card_id, card.merchant_id, card.version, card.currency, card.state, card.balance_minor,
             card.held_minor, card.issued_at, card.expires_at)  # fmt: skip
    admits = (entry.ticket_id, entry.merchant_id, entry.version, entry.currency, entry.price_minor,
              entry.state, entry.begins_at, entry.over_at, entry.sold_at)  # fmt: skip
    cards = value_card.join(coupon_definition, kind.definition_id == card.definition_id)
    tickets = ticket.join(coupon_definition, kind.definition_id == entry.definition_id)
    return {
        "value_cards": _Spec(_said(*holds, definition=kind.code, external_id=_WHOSE),
                             cards.outerjoin(member, member.c.member_id == card.holder), [card.card_id]),
        "tickets": _Spec(_said(*admits, definition=kind.code, external_id=_WHOSE),
                         tickets.outerjoin(member, member.c.member_id == entry.holder), [entry.ticket_id]),
    }  # fmt: skip


def _programmes() -> dict[str, _Spec]:
    p, t = programme.c, programme_terms.c
    rules = (p.programme_id, p.name, p.merchant_id, p.currency, p.timezone, p.cycle, p.pending_days,
             p.notice_days, p.jurisdiction, p.inactivity)  # fmt: skip
    terms = (t.programme_id, t.version, t.effective_from, t.point_value_micros, t.fee_bps, t.issuance_cap,
             t.validity_epochs)  # fmt: skip
    return {
        "programmes": _Spec(_said(*rules), programme, [p.programme_id]),
        "terms": _Spec(_said(*terms), programme_terms, [t.programme_id, t.version]),
    }


_SPECS = {**_people(), **_counter(), **_goods(), **_shared(), **_paid(), **_programmes()}
DEALINGS = {name: tuple(spec.said) for name, spec in _SPECS.items()}


def dealings(told: Export) -> Iterator[str]:
    """The tables of ``DEALINGS`` are written; gives the name of the table after each page of it."""
    for name, spec in _SPECS.items():
        if name in told.tables:
            yield from _written(told, name, spec)


def _written(told: Export, name: str, spec: _Spec) -> Iterator[str]:
    table, behind = told.tables[name], len(spec.keys)
    every = select(*spec.keys, *(one.column for one in spec.said.values())).select_from(spec.source)
    query = told.of_whom(every, spec.keys[0].table)
    cells, summed = [one.cell for one in spec.said.values()], [n for n in spec.said if n in _SUMMED]
    places = {n: behind + list(spec.said).index(n) for n in summed}
    for page in pages(told.conn, query if spec.where is None else query.where(spec.where), spec.keys):
        for sum_name, place in places.items():
            table.sums[sum_name] += sum(row[place] or 0 for row in page)
        table.add([
            tuple("" if value is None else cell(told, value)
                  for cell, value in zip(cells, row[behind:], strict=True))
            for row in page
        ])  # fmt: skip
        yield name
