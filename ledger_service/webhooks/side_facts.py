"""Facts of the books beside the ledger: coupons, rewards of sharing, claims, and members that were erased.

Those of relations and goods stand in ``further_facts``, those of tiers in ``standing_facts``, those of
cards and tickets in ``paid_facts``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from ledger_service.claims.models import claim, claim_event
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.wallet.models import coupon, coupon_event
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.points.models import programme
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.rewards.models import share_reward, share_reward_event
from ledger_service.webhooks import further_facts as further
from ledger_service.webhooks import paid_facts as paid
from ledger_service.webhooks import standing_facts as standing
from ledger_service.webhooks.facts import Fact
from ledger_service.webhooks.models import webhook_event
from ledger_service.webhooks.rules import Kind

Note = tuple[bytes | None, int]
_C, _CE, _D = coupon.c, coupon_event.c, coupon_definition.c
_R, _RE, _SC, _G = share_reward.c, share_reward_event.c, share_campaign.c, programme.c
_K, _KE, _E = claim.c, claim_event.c, webhook_event.c


def facts_of_notes(
    conn: Connection, notes: Sequence[Any], at: datetime
) -> Mapping[tuple[str, bytes | None, int], list[Fact]]:
    """The facts that notes of triggers tell of, by the note; beside them those of the same coupons and so on.

    Args:
        conn: where the books stand.
        notes: rows with source, ref and number.
        at: when it is read, which is when an erasure counts as told.
    """
    found: dict[tuple[str, bytes | None, int], list[Fact]] = {}
    for source, read in _READERS.items():
        mine = [(note.ref, note.number) for note in notes if note.source == source]
        for key, facts in (read(conn, mine, at) if mine else {}).items():
            found[(source, *key)] = facts
    return found


def _named(ref: ColumnElement[Any], notes: Sequence[Note]) -> ColumnElement[bool]:
    # By the reference alone, which has few rows and an index; for pairs in a list SQLite reads it through.
    return ref.in_(list({note_ref for note_ref, _ in notes}))


def _coupons(conn: Connection, notes: Sequence[Note], _: datetime) -> dict[Note, list[Fact]]:
    joined = coupon_event.join(coupon, _C.coupon_id == _CE.coupon_id).join(
        coupon_definition, _D.definition_id == _C.definition_id
    )
    its = select(
        _CE.coupon_id, _CE.position, _CE.kind, _CE.member_id, _CE.ref, _CE.at, _D.code, _D.merchant_id
    )
    found: dict[Note, list[Fact]] = {}
    for row in conn.execute(its.select_from(joined).where(_named(_CE.coupon_id, notes))):
        body = {
            "coupon": id_text(row.coupon_id), "definition": row.code, "change": row.kind,
            "because_of": None if row.ref is None else id_text(row.ref),
        }  # fmt: skip
        found[(row.coupon_id, row.position)] = [_fact(Kind.COUPON, row, row.coupon_id, body)]
    return found


def _rewards(conn: Connection, notes: Sequence[Note], _: datetime) -> dict[Note, list[Fact]]:
    joined = (
        share_reward_event.join(share_reward, _R.reward_id == _RE.reward_id)
        .join(share_campaign, _SC.campaign_id == _R.campaign_id)
        .join(programme, _G.programme_id == _R.programme_id)
    )
    its: Select[Any] = select(
        _RE.reward_id, _RE.position, _RE.kind, _RE.at, _R.member_id, _R.sale_id, _R.role, _R.points,
        _R.pays, _SC.code, _SC.merchant_id, _G.code.label("programme"),
    )  # fmt: skip
    found: dict[Note, list[Fact]] = {}
    for row in conn.execute(its.select_from(joined).where(_named(_RE.reward_id, notes))):
        body = {
            "reward": id_text(row.reward_id), "campaign": row.code, "change": row.kind, "role": row.role,
            "pays": row.pays, "points": row.points, "programme": row.programme, "sale": id_text(row.sale_id),
        }  # fmt: skip
        found[(row.reward_id, row.position)] = [_fact(Kind.REWARD, row, row.reward_id, body)]
    return found


def _claims(conn: Connection, notes: Sequence[Note], _: datetime) -> dict[Note, list[Fact]]:
    joined = claim_event.join(claim, _K.claim_id == _KE.claim_id)
    its = select(
        _KE.claim_id,
        _KE.position,
        _KE.kind,
        _KE.reason,
        _KE.at,
        _K.member_id,
        _K.merchant_id,
        _K.amount_minor,
    )
    found: dict[Note, list[Fact]] = {}
    for row in conn.execute(its.select_from(joined).where(_named(_KE.claim_id, notes))):
        body = {
            "claim": id_text(row.claim_id), "change": row.kind, "reason": row.reason,
            "amount_minor": row.amount_minor,
        }  # fmt: skip
        found[(row.claim_id, row.position)] = [_fact(Kind.CLAIM, row, row.claim_id, body)]
    return found


def _erased(conn: Connection, notes: Sequence[Note], at: datetime) -> dict[Note, list[Fact]]:
    """Every merchant that was told of the member is told that it is gone, so that it forgets it too."""
    members = [member_id for _, member_id in notes]
    told = select(_E.member_id, _E.merchant_id).where(_E.member_id.in_(members)).distinct()
    found: dict[Note, list[Fact]] = {}
    for row in conn.execute(told.order_by(_E.member_id, _E.merchant_id)):
        event_id = derive_id("webhook", Kind.ERASED, row.member_id, row.merchant_id)
        fact = Fact(event_id, row.merchant_id, Kind.ERASED, row.member_id, {}, at)
        found.setdefault((None, row.member_id), []).append(fact)
    return found


def _fact(kind: Kind, row: Any, ref: bytes, body: Mapping[str, Any]) -> Fact:
    event_id = derive_id("webhook", kind, ref, row.position)
    return Fact(event_id, row.merchant_id, kind, row.member_id, body, row.at)


_READERS: Mapping[str, Callable[[Connection, Sequence[Note], datetime], dict[Note, list[Fact]]]] = {
    "coupon": _coupons, "reward": _rewards, "claim": _claims, "member": _erased,
    "follow": further.followed, "given": further.consented, "revoked": further.consented,
    "joined": further.sorted_in, "left": further.sorted_in, "claimed": further.items_claimed,
    "returned": further.items_returned, "case": further.cases, "tier": standing.climbed,
    "enrolled": standing.enrolled, "ending": standing.ending, "card": paid.swiped, "ticket": paid.punched,
}  # fmt: skip
SOURCES_READ = frozenset(_READERS)
