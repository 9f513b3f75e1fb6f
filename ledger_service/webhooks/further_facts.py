"""Facts of relations and goods: links that were followed, consents, segments, coded items and their cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.members.consents.models import member_consent
from ledger_service.members.segments.models import segment, segment_member
from ledger_service.points.models import programme
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.links.models import share_bind
from ledger_service.traceability.cases.models import trace_case, trace_case_event
from ledger_service.traceability.claiming.models import trace_claim, trace_return
from ledger_service.traceability.goods.models import trace_item, trace_product
from ledger_service.webhooks.facts import Fact
from ledger_service.webhooks.rules import Kind

Note = tuple[bytes | None, int]
Told = dict[Note, list[Fact]]
_B, _SC, _N = share_bind.c, share_campaign.c, member_consent.c
_S, _SM, _I, _P = segment.c, segment_member.c, trace_item.c, trace_product.c
_T, _R, _C, _CE, _G = trace_claim.c, trace_return.c, trace_case.c, trace_case_event.c, programme.c


def followed(conn: Connection, notes: Sequence[Note], _: datetime) -> Told:
    """The campaign's merchant is told who came by a link of it, not who brought it."""
    joined = share_bind.join(share_campaign, _SC.campaign_id == _B.campaign_id)
    its = select(_B.touch_id, _B.number, _B.member_id, _B.code.label("link"), _B.newcomer, _B.customer,
                 _B.bound_at, _SC.code, _SC.merchant_id).select_from(joined)  # fmt: skip
    found: Told = {}
    for row in conn.execute(its.where(_B.number.in_([number for _, number in notes]))):
        body = {"campaign": row.code, "link": row.link, "newcomer": row.newcomer, "customer": row.customer}
        event_id = derive_id("webhook", Kind.FOLLOWED, row.touch_id)
        fact = Fact(event_id, row.merchant_id, Kind.FOLLOWED, row.member_id, body, row.bound_at)
        found[(row.touch_id, row.number)] = [fact]
    return found


def consented(conn: Connection, notes: Sequence[Note], _: datetime) -> Told:
    """Both merchants are told: the one whose facts they are, and the one that may read them, or no more.

    What ends with its member is told by that alone.
    """
    noted = [ref for ref, _ in notes if ref is not None]
    found: Told = {}
    for row in conn.execute(select(member_consent).where(_N.consent_id.in_(noted))):
        for number, change, at in ((1, "given", row.given_at), (2, "revoked", row.revoked_at)):
            body = {
                "consent": id_text(row.consent_id), "change": change, "owner": gln_text(row.owner_id),
                "reader": gln_text(row.reader_id), "purpose": row.purpose,
            }  # fmt: skip
            if at is None or (number == 2 and row.revoked_by == "erasure"):
                continue
            # Ids of consents count up, and a restored backup counts anew.
            which = row.consent_id, row.reader_id, row.purpose, format_instant(row.given_at), number
            ids = {to: derive_id("webhook", Kind.CONSENT, *which, to) for to in (row.owner_id, row.reader_id)}
            found[(row.consent_id, number)] = [
                Fact(event_id, to, Kind.CONSENT, row.member_id, body, at) for to, event_id in ids.items()
            ]
    return found


def sorted_in(conn: Connection, notes: Sequence[Note], _: datetime) -> Told:
    """Who is in a segment now, or no more: the latest that is known of the member in it."""
    members: dict[bytes | None, list[int]] = {}
    for segment_id, member_id in notes:
        members.setdefault(segment_id, []).append(member_id)
    found: Told = {}
    for segment_id, its in members.items():
        found |= _of_segment(conn, segment_id, its)
    return found


def _of_segment(conn: Connection, segment_id: bytes | None, members: Sequence[int]) -> Told:
    mine = (_SM.segment_id == segment_id) & _SM.member_id.in_(list(members))
    newest = (
        select(_SM.segment_id, _SM.member_id, func.max(_SM.since).label("since"))
        .where(mine).group_by(_SM.segment_id, _SM.member_id).subquery()
    )  # fmt: skip
    same = (
        (_SM.segment_id == newest.c.segment_id)
        & (_SM.member_id == newest.c.member_id)
        & (_SM.since == newest.c.since)
    )
    joined = segment_member.join(newest, same).join(segment, _S.segment_id == _SM.segment_id)
    its = select(_SM.segment_id, _SM.member_id, _SM.since, _SM.until, _S.code, _S.merchant_id)
    found: Told = {}
    for row in conn.execute(its.select_from(joined)):
        change, at = ("joined", row.since) if row.until is None else ("left", row.until)
        which = row.segment_id, row.member_id, change, format_instant(at)
        event_id = derive_id("webhook", Kind.SEGMENT, *which)
        body = {"segment": row.code, "change": change}
        fact = Fact(event_id, row.merchant_id, Kind.SEGMENT, row.member_id, body, at)
        found[(row.segment_id, row.member_id)] = [fact]
    return found


def items_claimed(conn: Connection, notes: Sequence[Note], _: datetime) -> Told:
    """The brand is told which of its items a member has claimed, and for what."""
    joined = (
        trace_claim.join(trace_item, _I.item_id == _T.item_id)
        .join(trace_product, _P.gtin == _T.gtin).join(programme, _G.programme_id == _T.programme_id)
    )  # fmt: skip
    its = select(_T.item_id, _T.op_id, _T.gtin, _T.member_id, _T.points, _T.claimed_at, _I.serial,
                 _P.merchant_id, _G.code).select_from(joined)  # fmt: skip
    found: Told = {}
    for row in conn.execute(its.where(_T.item_id.in_([number for _, number in notes]))):
        more = {"points": row.points, "programme": row.code, "operation": id_text(row.op_id)}
        found[(None, row.item_id)] = [_item_fact(row, "claimed", row.claimed_at, more)]
    return found


def items_returned(conn: Connection, notes: Sequence[Note], _: datetime) -> Told:
    """The brand is told which of its items came back, and to whom; of the member, if one had claimed it, only
    where the brand itself took it back: what members do elsewhere is not its business."""
    joined = (
        trace_return.join(trace_item, _I.item_id == _R.item_id)
        .join(trace_product, _P.gtin == _R.gtin).outerjoin(trace_claim, _T.item_id == _R.item_id)
    )  # fmt: skip
    its = select(_R.item_id, _R.gtin, _R.returned_at, _R.merchant_id.label("taker"), _T.member_id, _I.serial,
                 _P.merchant_id)  # fmt: skip
    found: Told = {}
    mine = its.select_from(joined).where(_R.item_id.in_([number for _, number in notes]))
    for row in conn.execute(mine):
        fact = _item_fact(row, "returned", row.returned_at, {"taken_back_by": gln_text(row.taker)})
        own = row.taker == row.merchant_id
        found[(None, row.item_id)] = [fact if own else fact._replace(member_id=None)]
    return found


def _item_fact(row: Any, change: str, at: datetime, more: Mapping[str, Any]) -> Fact:
    body = {"gtin": row.gtin, "serial": row.serial, "change": change, **more}
    event_id = derive_id("webhook", Kind.ITEM, row.item_id, change)
    return Fact(event_id, row.merchant_id, Kind.ITEM, row.member_id, body, at)


def cases(conn: Connection, notes: Sequence[Note], _: datetime) -> Told:
    """The brand is told of cases of its items; those of codes of no product are the operator's."""
    joined = trace_case_event.join(trace_case, _C.case_id == _CE.case_id)
    its = select(_CE.case_id, _CE.position, _CE.kind, _CE.at, _C.kind.label("about"), _C.gtin,
                 _C.merchant_id).select_from(joined).where(_C.merchant_id.is_not(None))  # fmt: skip
    found: Told = {}
    for row in conn.execute(its.where(_CE.case_id.in_(list({ref for ref, _ in notes})))):
        body = {"case": id_text(row.case_id), "about": row.about, "gtin": row.gtin, "change": row.kind}
        event_id = derive_id("webhook", Kind.CASE, row.case_id, row.position)
        found[(row.case_id, row.position)] = [Fact(event_id, row.merchant_id, Kind.CASE, None, body, row.at)]
    return found
