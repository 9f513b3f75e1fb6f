"""What is known of a page of purchases at once: ties above, conversions so far, and what looks like fraud.

Every question is one statement for the whole page, and every answer is bounded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, func, select, tuple_

from ledger_service.db.among import among
from ledger_service.members.households.models import household_mate
from ledger_service.members.models import device
from ledger_service.referrals.links.models import share_bind, share_signal, share_tie
from ledger_service.referrals.ports import Purchase
from ledger_service.referrals.rewards.fraud_rules import RING_STEPS, Facts
from ledger_service.referrals.rewards.models import share_purchase, share_reward
from ledger_service.referrals.rewards.rules import STANDING, TAKEN, Bind
from ledger_service.referrals.rewards.suspects import clicks_around, found_out, one_person
from ledger_service.risk.models import staff_link

_P, _B, _R = share_purchase.c, share_bind.c, share_reward.c
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_MOST_LOOKED_AT = 5_000
_CONVERTED = ("rewarded", "held")


@dataclass(frozen=True, slots=True)
class Case:
    """A purchase with the bind that it follows."""

    purchase: Purchase
    bind: Bind

    @property
    def pair(self) -> tuple[int, int]:
        """Sharer and buyer."""
        return self.bind.sharer_id or 0, self.purchase.member_id


def ties_above(conn: Connection, members: Collection[int]) -> dict[int, list[int]]:
    """Who brought each member, and who brought that one, nearest first, ``RING_STEPS`` up."""
    parent: dict[int, int] = {}
    frontier = set(members)
    for _ in range(RING_STEPS):
        its = select(share_tie.c.member_id, share_tie.c.sharer_id).where(
            among(conn, share_tie.c.member_id, frontier - parent.keys())
        )
        found = {row.member_id: row.sharer_id for row in conn.execute(its).all()} if frontier else {}
        parent |= found
        frontier = set(found.values())
    return {member_id: _walk(parent, member_id) for member_id in members}


def conversions_of(conn: Connection, pairs: Collection[tuple[int, bytes]]) -> dict[tuple[int, bytes], int]:
    """How many purchases of (sharer, campaign) pay it or whom it brought, or wait for a review.

    What came back and what a person refused counts no more. By the binds, so that those of an account
    that the sharer was merged with count too.
    """
    if not pairs:
        return {}
    mine = (_R.sale_id == _P.sale_id) & (_R.campaign_id == _P.campaign_id) & _R.state.in_(STANDING)
    # Found first: joined at once, PostgreSQL walks through all binds there are in the order of numbers.
    brought = select(_B.number, _B.sharer_id, _B.campaign_id).where(
        # Not as pairs: SQLite looks at every row for those. What is found beside them does no harm.
        among(conn, _B.sharer_id, {member_id for member_id, _ in pairs}),
        _B.campaign_id.in_({campaign_id for _, campaign_id in pairs}),
    ).cte("brought").prefix_with("MATERIALIZED")  # fmt: skip
    joined = brought.join(share_purchase, _P.number == brought.c.number)
    its = select(brought.c.sharer_id, brought.c.campaign_id, func.count().label("n")).select_from(
        joined
    ).where((_P.outcome == "no-points") | exists().where(mine))  # fmt: skip
    grouped = its.group_by(brought.c.sharer_id, brought.c.campaign_id)
    return {(row.sharer_id, row.campaign_id): row.n for row in conn.execute(grouped)}


def milestones_of(
    conn: Connection, pairs: Collection[tuple[int, bytes]]
) -> dict[tuple[int, bytes], set[int]]:
    """The conversions for which (sharer, campaign) has a milestone that was not taken back."""
    found: dict[tuple[int, bytes], set[int]] = defaultdict(set)
    if pairs:
        its = select(_R.member_id, _R.campaign_id, _R.reached).where(
            among(conn, _R.member_id, {member_id for member_id, _ in pairs}),
            _R.campaign_id.in_({campaign_id for _, campaign_id in pairs}),
            _R.reached.is_not(None), _R.state.not_in(TAKEN),
        )  # fmt: skip
        for row in conn.execute(its):
            found[(row.member_id, row.campaign_id)].add(row.reached)
    return found


def facts_of(conn: Connection, cases: Sequence[Case]) -> list[Facts]:
    """The facts of each case, in their order; every case has a sharer."""
    if not cases:
        return []
    members = {member_id for case in cases for member_id in case.pair}
    marks, days = _marks(conn, members), _conversion_days(conn, cases)
    newcomers, staff = _newcomers(conn, cases), _staff(conn, cases)
    rings = _in_rings(conn, [case.pair for case in cases])
    numbers, times = {case.bind.number for case in cases}, [case.purchase.sold_at for case in cases]
    persons, clicks = one_person(conn, numbers), clicks_around(conn, numbers)
    known = found_out(conn, days.keys(), (min(times), max(times)))
    return [
        Facts(
            common=frozenset(kind for kind, _ in marks[case.pair[0]] & marks[case.pair[1]]),
            conversions_day=_between(days[case.pair[0]], case.purchase.sold_at - _DAY, case.purchase.sold_at),
            newcomers_hour=_around(newcomers[case.pair[0]], case.bind.bound_at),
            in_ring=in_ring,
            staff_deal=staff.get((case.purchase.merchant_id, case.purchase.cashier)) in case.pair,
            since_touch=case.purchase.sold_at - case.bind.touched_at,
            conversions_hour=_between(
                days[case.pair[0]], case.purchase.sold_at - _HOUR, case.purchase.sold_at
            ),
            one_person=persons.get(case.bind.number, frozenset()),
            found_out=known.get(case.pair[0], case.purchase.sold_at) < case.purchase.sold_at,
            clicks_minute=clicks.get(case.bind.number, 1),
        )
        for case, in_ring in zip(cases, rings, strict=True)
    ]


def _marks(conn: Connection, members: Collection[int]) -> dict[int, set[tuple[str, object]]]:
    """What each member may have in common with another: signals, device keys, its household."""
    found: dict[int, set[tuple[str, object]]] = defaultdict(set)
    s, m = share_signal.c, household_mate.c
    for row in conn.execute(select(s.member_id, s.kind, s.digest).where(among(conn, s.member_id, members))):
        found[row.member_id].add((row.kind, row.digest))
    keys = select(device.c.member_id, device.c.signer).where(among(conn, device.c.member_id, members))
    for member_id, signer in conn.execute(keys):
        found[member_id].add(("device", signer))
    homes = select(m.member_id, m.household_id).where(among(conn, m.member_id, members), m.state == "in")
    for member_id, household_id in conn.execute(homes):
        found[member_id].add(("household", household_id))
    return found


def _conversion_days(conn: Connection, cases: Sequence[Case]) -> dict[int, list[datetime]]:
    """When purchases of the sharers were rewarded or held, those of the page included, ascending."""
    found: dict[int, list[datetime]] = defaultdict(list)
    times = [case.purchase.sold_at for case in cases]
    its = select(_P.sharer_id, _P.sold_at).where(
        among(conn, _P.sharer_id, {case.pair[0] for case in cases}), _P.outcome.in_(_CONVERTED),
        _P.sold_at > min(times) - _DAY, _P.sold_at <= max(times),
    )  # fmt: skip
    for row in conn.execute(its):
        found[row.sharer_id].append(row.sold_at)
    for case in cases:
        found[case.pair[0]].append(case.purchase.sold_at)
    return _sorted(found)


def _newcomers(conn: Connection, cases: Sequence[Case]) -> dict[int, list[datetime]]:
    found: dict[int, list[datetime]] = defaultdict(list)
    times = [case.bind.bound_at for case in cases]
    its = select(_B.sharer_id, _B.bound_at).where(
        among(conn, _B.sharer_id, {case.pair[0] for case in cases}), _B.newcomer,
        _B.bound_at >= min(times) - _HOUR, _B.bound_at <= max(times) + _HOUR,
    )  # fmt: skip
    for row in conn.execute(its):
        found[row.sharer_id].append(row.bound_at)
    return _sorted(found)


def _staff(conn: Connection, cases: Sequence[Case]) -> dict[tuple[int, str | None], int]:
    places = {(c.purchase.merchant_id, c.purchase.cashier) for c in cases if c.purchase.cashier}
    if not places:
        return {}
    s = staff_link.c
    its = select(s.merchant_id, s.cashier, s.member_id).where(tuple_(s.merchant_id, s.cashier).in_(places))
    return {(row.merchant_id, row.cashier): row.member_id for row in conn.execute(its)}


def _in_rings(conn: Connection, pairs: Sequence[tuple[int, int]]) -> list[bool]:
    """Whether followed links lead from each sharer up to its buyer."""
    above: dict[int, set[int]] = {}
    frontier = {sharer for sharer, _ in pairs}
    for _ in range(RING_STEPS):
        wanted = sorted(frontier - above.keys())[:_MOST_LOOKED_AT]
        found = _followed(conn, wanted)
        above |= found
        frontier = {one for some in found.values() for one in some}
    rings = []
    for sharer, buyer in pairs:
        rings.append(_reaches(above, sharer, buyer))
        # What the page itself has seen so far is not written down yet.
        above.setdefault(buyer, set()).add(sharer)
    return rings


def _followed(conn: Connection, members: Sequence[int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {member_id: set() for member_id in members}
    if not members:
        return found
    bought = select(_P.member_id, _P.sharer_id).where(
        among(conn, _P.member_id, members), _P.sharer_id.is_not(None)
    ).distinct()  # fmt: skip
    tied = select(share_tie.c.member_id, share_tie.c.sharer_id).where(
        among(conn, share_tie.c.member_id, members)
    )
    for its in (bought, tied):
        for row in conn.execute(its):
            found[row.member_id].add(row.sharer_id)
    return found


def _reaches(above: Mapping[int, set[int]], start: int, goal: int) -> bool:
    seen, frontier = {start}, {start}
    for _ in range(RING_STEPS):
        frontier = {one for member_id in frontier for one in above.get(member_id, ())} - seen
        if goal in frontier:
            return True
        seen |= frontier
    return False


def _walk(parent: Mapping[int, int], member_id: int) -> list[int]:
    chain: list[int] = []
    while member_id in parent and len(chain) < RING_STEPS:
        member_id = parent[member_id]
        chain.append(member_id)
    return chain


def _between(times: Sequence[datetime], after: datetime, until: datetime) -> int:
    return bisect_right(times, until) - bisect_right(times, after)


def _around(times: Sequence[datetime], at: datetime) -> int:
    """The most within an hour that holds this instant."""
    first, last = bisect_left(times, at - _HOUR), bisect_right(times, at + _HOUR)
    near = times[first:last]
    return max((bisect_right(near, one + _HOUR) - i for i, one in enumerate(near) if one <= at), default=0)


def _sorted(found: Mapping[int, Iterable[datetime]]) -> dict[int, list[datetime]]:
    return defaultdict(list, {key: sorted(times) for key, times in found.items()})
