"""The dispatcher: follows the ledger's entries, attributes sales to committed touches, promises rewards.

A job of the bridge, never on a checkout's way. A step takes so many entries, and moves its cursor in the same
db transaction as what it found, so each sale is looked at once however often it is killed. A sale counts once
it has earned points: that is when the ledger has an entry of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from ledger_service.db.among import among, among_ids
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.campaign_operations import RewardRole, reward_id_of
from ledger_service.kernel.ids import derive_id
from ledger_service.ledger.models import entry
from ledger_service.referrals.campaigns import queries as campaigns
from ledger_service.referrals.campaigns.rules import Terms
from ledger_service.referrals.campaigns.service import Budget, Budgets
from ledger_service.referrals.links.models import share_bind, share_commitment
from ledger_service.referrals.ports import Purchase, Sales
from ledger_service.referrals.rewards.binds import binds_of, own_links
from ledger_service.referrals.rewards.entries import recorded as recorded_in
from ledger_service.referrals.rewards.facts import Case, conversions_of, facts_of, milestones_of, ties_above
from ledger_service.referrals.rewards.fraud_rules import REVIEW_DAYS, reasons_of
from ledger_service.referrals.rewards.models import (
    share_cursor,
    share_purchase,
    share_reward,
    share_reward_event,
)
from ledger_service.referrals.rewards.rules import (
    COUPON,
    UNSAID,
    Bind,
    Line,
    Planned,
    attributed,
    concerns,
    given_from,
    least_kept,
    plan,
    standing_refusal,
    trigger_met,
)

ENTRIES_AT_ONCE = 2_000
_E, _B, _P = entry.c, share_bind.c, share_purchase.c
_SERVICE = "service"


@dataclass(slots=True)
class _Page:
    """What a page of purchases is decided on; the counters go on while it is."""

    binds: Mapping[tuple[int, bytes], Sequence[Bind]]
    campaigns: Mapping[bytes, RowMapping]
    terms: Mapping[bytes, dict[int, Terms]]
    commitments: Mapping[int, bytes] = field(default_factory=dict)
    ordinals: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    conversions: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    milestones: dict[tuple[int, bytes], set[int]] = field(default_factory=dict)
    above: Mapping[int, Sequence[int]] = field(default_factory=dict)
    reasons: dict[tuple[bytes, bytes], tuple[str, ...]] = field(default_factory=dict)
    own: frozenset[int] = frozenset()
    promises: bool = False


def follow(conn: Connection, sales: Sales, at: datetime, *, promises: bool = False) -> bool:
    """The next entries of the ledger have been followed; returns whether there may be more at once.

    Args:
        conn: the unit of work.
        sales: who knows the sales.
        at: now.
        promises: whether rewards of points are promised on the chain before they are issued.

    Idempotency: the cursor moves with what was found. Locks: the cursor, then campaigns.
    """
    cursor = _cursor(conn)
    if conn.execute(select(_B.number).limit(1)).first() is None:
        # Nobody has followed a link yet: no sale so far can be anybody's doing.
        last = conn.execute(select(func.max(_E.sequence))).scalar_one_or_none()
        _move(conn, max(cursor, last or 0))
        return False
    its = select(_E.sequence, _E.op_id, _E.kind, _E.body, _E.recorded_at).where(_E.sequence > cursor)
    entries = conn.execute(its.order_by(_E.sequence).limit(ENTRIES_AT_ONCE)).all()
    if not entries:
        return False
    recorded = recorded_in(entries)
    order = {sale_id: place for place, sale_id in enumerate(recorded)}
    purchases = sorted(sales.purchases(conn, recorded), key=lambda p: order[p.sale_id])
    attribute(conn, purchases, at, promises=promises)
    _move(conn, entries[-1].sequence)
    return len(entries) == ENTRIES_AT_ONCE


def something_new(conn: Connection) -> bool:
    """Whether the ledger has entries behind the cursor."""
    seen = select(share_cursor.c.sequence).scalar_subquery()
    its = select(_E.sequence).where(_E.sequence > func.coalesce(seen, 0)).limit(1)
    return conn.execute(its).first() is not None


def attribute(
    conn: Connection, purchases: Sequence[Purchase], at: datetime, *, promises: bool = False
) -> int:
    """Each purchase of a member that followed a link is written down with what it pays; returns how many."""
    binds = binds_of(conn, {p.member_id for p in purchases})
    if not binds:
        return 0
    page = replace(_page(conn, binds), promises=promises)
    cases = _cases(conn, page, purchases)
    if not cases:
        return 0
    _look(conn, page, cases)
    budgets = Budgets(conn, {case.bind.campaign_id for case in cases})
    rows: list[dict[str, Any]] = []
    rewards: list[dict[str, Any]] = []
    for case in cases:
        row, promised = _decide(page, case, (budgets, at))
        rows.append(row)
        rewards += promised
    budgets.write()
    sql_of(share_purchase, conn).insert(conn, rows)
    if rewards:
        sql_of(share_reward, conn).insert(conn, rewards)
        sql_of(share_reward_event, conn).insert(conn, [_event(reward, at) for reward in rewards])
    return len(rows)


def _decide(
    page: _Page, case: Case, given: tuple[Budgets, datetime]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    (budgets, at), purchase, bind = given, case.purchase, case.bind
    terms = page.terms[bind.campaign_id][bind.version]
    page.ordinals[(purchase.member_id, bind.campaign_id)] += 1
    ordinal = page.ordinals[(purchase.member_id, bind.campaign_id)]
    line = _line(page, bind)
    outcome, planned = _outcome(page, case, (terms, line), ordinal)
    reasons = page.reasons.get((purchase.sale_id, bind.campaign_id), ())
    if planned and not budgets.take(bind.campaign_id, _cost(planned)):
        outcome, planned = "budget-exhausted", []
    if planned or (outcome == "no-points" and reasons):
        outcome = "held" if reasons else "rewarded"
    if planned or outcome == "no-points":
        _count(page, bind, planned)
    row = {
        "sale_id": purchase.sale_id, "campaign_id": bind.campaign_id, "number": bind.number,
        "member_id": purchase.member_id, "sharer_id": bind.sharer_id, "ordinal": ordinal,
        "amount_minor": purchase.amount_minor, "outcome": outcome, "sold_at": purchase.sold_at,
        "recorded_at": purchase.recorded_at,
    }  # fmt: skip
    return row, [_reward(page, case, one, (reasons, at)) for one in planned]


def _count(page: _Page, bind: Bind, planned: Sequence[Planned]) -> None:
    """One more conversion of the sharer, also where only a later one will pay: a milestone counts it."""
    if bind.sharer_id is not None:
        key = bind.sharer_id, bind.campaign_id
        page.conversions[key] += 1
        page.milestones.setdefault(key, set()).update(one.reached for one in planned if one.reached)


def _cost(planned: Sequence[Planned]) -> Budget:
    return Budget(sum(p.points for p in planned), len(planned), sum(p.pays == COUPON for p in planned))


def _outcome(page: _Page, case: Case, deal: tuple[Terms, Line], ordinal: int) -> tuple[str, list[Planned]]:
    (terms, line), purchase, bind = deal, case.purchase, case.bind
    ended_at = page.campaigns[bind.campaign_id]["ended_at"]
    if ended_at is not None and purchase.sold_at >= ended_at:
        return "campaign-over", []
    if not trigger_met(terms, purchase, ordinal, customer=bind.customer):
        return "trigger-not-met", []
    above = page.above.get(bind.sharer_id or 0, ())
    own = "circle" if bind.number in page.own else None
    refusal = own or standing_refusal(terms, purchase.member_id, line, above)
    if refusal is not None:
        return refusal, []
    planned = plan(terms, purchase.member_id, line)
    return ("rewarded", planned) if planned else ("no-points", [])


def _line(page: _Page, bind: Bind) -> Line:
    if bind.sharer_id is None:
        return Line(None)
    above = page.above.get(bind.sharer_id, ())
    key = bind.sharer_id, bind.campaign_id
    given = page.milestones.get(key, ())
    return Line(bind.sharer_id, above[0] if above else None, page.conversions[key], given)


def _reward(page: _Page, case: Case, one: Planned, why: tuple[tuple[str, ...], datetime]) -> dict[str, Any]:
    (reasons, at), purchase, bind = why, case.purchase, case.bind
    terms = page.terms[bind.campaign_id][bind.version]
    told = page.promises and one.pays != COUPON
    due_at = given_from(one.pays, purchase.sold_at, terms.vest_days, at)
    return {
        "reward_id": _id_of(page.commitments[bind.number], purchase.sale_id, one, told),
        "campaign_id": bind.campaign_id, "version": bind.version, "sale_id": purchase.sale_id,
        "number": bind.number, "role": one.role, "depth": one.depth, "member_id": one.member_id,
        "programme_id": page.campaigns[bind.campaign_id]["programme_id"], "pays": one.pays,
        "points": one.points, "definition_id": one.coupon, "vest_days": terms.vest_days,
        "least_kept_minor": least_kept(terms), "state": "held" if reasons else "due",
        "reasons": " ".join(reasons), "until": at + timedelta(days=REVIEW_DAYS) if reasons else due_at,
        "sold_at": purchase.sold_at, "decided_by": None, "leaf": None, "epoch": None, "collected": 0,
        "made_at": at, "reached": one.reached, "promise": UNSAID if told else None, "promise_id": None,
        "returns": 0,
    }  # fmt: skip


def _id_of(commitment: bytes, sale_id: bytes, one: Planned, told: bool) -> bytes:
    """By commitment, sale and role: of a reward that the chain is told, by what it reads of these."""
    if told:
        return reward_id_of(commitment, sale_id, RewardRole[one.role.upper()])
    return derive_id("share reward", commitment, sale_id, one.role, *([COUPON] if one.pays == COUPON else []))


def _event(reward: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "reward_id": reward["reward_id"], "position": 0, "kind": reward["state"], "by_whom": _SERVICE,
        "reason": reward["reasons"], "at": at,
    }  # fmt: skip


def _cases(conn: Connection, page: _Page, purchases: Iterable[Purchase]) -> list[Case]:
    """The purchases with the bind that each follows, of every campaign of their merchant; no sale twice."""
    sale_ids = [p.sale_id for p in purchases]
    its = select(_P.sale_id, _P.campaign_id).where(among_ids(conn, _P.sale_id, sale_ids))
    done = {(row.sale_id, row.campaign_id) for row in conn.execute(its)}
    found = []
    of_member: dict[int, list[bytes]] = {}
    for member_id, campaign_id in page.binds:
        of_member.setdefault(member_id, []).append(campaign_id)
    for purchase in purchases:
        for campaign_id in of_member.get(purchase.member_id, ()):
            own = page.campaigns[campaign_id]["merchant_id"] == purchase.merchant_id
            if not own or (purchase.sale_id, campaign_id) in done:
                continue
            binds = page.binds[(purchase.member_id, campaign_id)]
            bind = attributed(binds, purchase, page.terms.get(campaign_id, {}))
            if bind is not None and concerns(page.terms[campaign_id][bind.version], purchase):
                found.append(Case(purchase, bind))
    return found


def _look(conn: Connection, page: _Page, cases: Sequence[Case]) -> None:
    """The page knows commitments, ordinals, conversions, ties, and what is suspicious about its cases."""
    its = select(share_commitment.c.number, share_commitment.c.commitment).where(
        among(conn, share_commitment.c.number, {c.bind.number for c in cases})
    )
    page.commitments = {row.number: row.commitment for row in conn.execute(its).all()}
    mine = {(c.purchase.member_id, c.bind.campaign_id) for c in cases}
    # By the binds, so that what a member bought under an account that it was merged with counts too.
    joined = share_purchase.join(share_bind, _B.number == _P.number)
    counted = select(_B.member_id, _P.campaign_id, func.count().label("n")).select_from(joined).where(
        among(conn, _B.member_id, {member_id for member_id, _ in mine})
    )  # fmt: skip
    for row in conn.execute(counted.group_by(_B.member_id, _P.campaign_id)):
        page.ordinals[(row.member_id, row.campaign_id)] = row.n
    page.own = own_links(conn, {c.bind.number for c in cases if c.bind.sharer_id is None})
    shared = [c for c in cases if c.bind.sharer_id is not None]
    sharers = {c.pair[0] for c in shared}
    pairs = {(c.pair[0], c.bind.campaign_id) for c in shared}
    page.conversions.update(conversions_of(conn, pairs))
    page.milestones = milestones_of(conn, pairs)
    page.above = ties_above(conn, sharers)
    for case, facts in zip(shared, facts_of(conn, shared), strict=True):
        terms = page.terms[case.bind.campaign_id][case.bind.version]
        page.reasons[(case.purchase.sale_id, case.bind.campaign_id)] = reasons_of(facts, terms)


def _page(conn: Connection, binds: Mapping[tuple[int, bytes], Sequence[Bind]]) -> _Page:
    ids = {campaign_id for _, campaign_id in binds}
    terms: dict[bytes, dict[int, Terms]] = {}
    for (campaign_id, version), found in campaigns.terms_by_version(conn, ids).items():
        terms.setdefault(campaign_id, {})[version] = found
    return _Page(binds, campaigns.by_id(conn, ids), terms)


def _cursor(conn: Connection) -> int:
    # Of two that begin at once, one makes it and the other waits for that.
    sql_of(share_cursor, conn).insert(conn, [{"id": 1, "sequence": 0}], or_ignore=True)
    return int(conn.execute(select(share_cursor.c.sequence).with_for_update()).scalar_one())


def _move(conn: Connection, sequence: int) -> None:
    conn.execute(update(share_cursor).values(sequence=sequence))
