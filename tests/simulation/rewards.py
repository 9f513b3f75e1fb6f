"""INV-14 as one step of a run may show it broken: rewards against purchases, budgets, entries and the chain.

Nothing of it is taken from what decides about rewards: who bought is the sale's word, who followed the
bind's, what was given the ledger's, and what stands promised the chain's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from tests.simulation.network.chain import Block

_REWARDS = text(
    "SELECT r.reward_id, r.campaign_id, r.sale_id, r.role, r.depth, r.member_id, r.points, r.state,"
    " r.collected, r.promise, c.merchant_id, v.depth AS deepest, s.member_id AS buyer,"
    " s.merchant_id AS seller, b.member_id AS follower, b.sharer_id,"
    " (SELECT t.sharer_id FROM share_tie AS t WHERE t.member_id = b.sharer_id) AS above,"
    " EXISTS (SELECT 1 FROM share_purchase AS p WHERE p.sale_id = r.sale_id"
    " AND p.campaign_id = r.campaign_id AND p.number = r.number) AS attributed"
    " FROM share_reward AS r JOIN share_campaign AS c ON c.campaign_id = r.campaign_id"
    " LEFT JOIN share_campaign_version AS v ON v.campaign_id = r.campaign_id AND v.version = r.version"
    " LEFT JOIN sale AS s ON s.sale_id = r.sale_id LEFT JOIN share_bind AS b ON b.number = r.number"
)
_CAMPAIGNS = text(
    "SELECT campaign_id, code, most_points, most_rewards, used_points, used_rewards, stands_points,"
    " open_points, told_points FROM share_campaign"
)
# What entries of rewards did to whom: as (reward, member), by kind. Debts stand on an account of their own.
_ENTRIES = text(
    "SELECT json_extract(e.body, '$.share') AS reward, e.kind, e.op_id, SUM(p.amount) AS points,"
    " COUNT(DISTINCT e.sequence) AS times, MAX(COALESCE(d.member_id, s.member_id)) AS member_id"
    " FROM entry AS e JOIN posting AS p ON p.sequence = e.sequence"
    " JOIN account AS s ON s.account_id = p.source_id JOIN account AS d ON d.account_id = p.destination_id"
    " WHERE e.body LIKE '%\"share\":%' GROUP BY 1, 2, 3"
)
_ISSUED = text(
    "SELECT e.op_id, e.kind, COUNT(*) AS times FROM entry AS e"
    " JOIN share_reward AS r ON r.reward_id = e.op_id GROUP BY 1, 2"
)
SHARED = text(
    "SELECT m.member_number, g.code, SUM(CASE WHEN d.member_id IS NULL THEN -p.amount ELSE p.amount END)"
    " FROM entry AS e JOIN posting AS p ON p.sequence = e.sequence"
    " JOIN account AS s ON s.account_id = p.source_id JOIN account AS d ON d.account_id = p.destination_id"
    " JOIN member AS m ON m.member_id = COALESCE(d.member_id, s.member_id)"
    " JOIN programme AS g ON g.programme_id = p.programme_id"
    " WHERE e.kind IN ('promise', 'issue', 'unpromise', 'clawback') AND e.body LIKE '%\"share\":%'"
    " GROUP BY 1, 2"
)
GIVEN, TAKEN = ("promise", "issue"), ("unpromise", "clawback", "debt")
# Rewards in these states have their part of the budget, and rewards in those their points.
STANDING = frozenset({"held", "due", "promised", "granted", "appealed"})
PAID = frozenset({"granted", "clawed"})
_PROMISED, _ISSUED_THERE = 1, 2
_UNSAID = (None, "unsaid")


def of_the_rewards(conn: Connection) -> Iterator[str]:
    """INV-14: rewards cite purchases of who followed, at most two levels up, each once, within budgets."""
    rewards = conn.execute(_REWARDS).all()
    if rewards:
        yield from (f"INV-14 reward {_name(row)} {why}" for row in rewards for why in _misfits(row))
        yield from _twice(rewards)
        yield from _given(conn, {bytes(row.reward_id): row for row in rewards})
    yield from _budgets(conn, rewards)


def _misfits(row: Any) -> Iterator[str]:
    if row.buyer is None or row.seller != row.merchant_id or not row.attributed:
        yield "is for no purchase at its campaign's merchant"
    elif row.follower != row.buyer:
        yield "is for a purchase of somebody who followed no link"
    due = {"newcomer": row.buyer, "sharer": row.sharer_id, "milestone": row.sharer_id, "second": row.above}
    if row.member_id != due[row.role]:
        yield f"is of {row.member_id}, who is no {row.role}"
    if not 1 <= row.depth <= min(row.deepest or 0, 2) or (row.depth == 2) != (row.role == "second"):
        yield f"is {row.depth} deep in a campaign of {row.deepest}"
    if row.member_id == row.buyer and row.role != "newcomer":
        yield "pays somebody for an own purchase"


def _twice(rewards: Any) -> Iterator[str]:
    counted = Counter((row.campaign_id, row.sale_id, row.role) for row in rewards if row.points)
    for (_, sale_id, role), times in counted.items():
        if times > 1:
            yield f"INV-14 purchase {bytes(sale_id).hex()} has {times} rewards as {role}"


def _given(conn: Connection, rewards: dict[bytes, Any]) -> Iterator[str]:
    """The ledger's word: given once, no more than was promised, to whom it is, and taken back once, whole."""
    sums: dict[bytes, Counter[str]] = {reward: Counter() for reward in rewards}
    for entry in conn.execute(_ENTRIES):
        reward = rewards.get(bytes.fromhex(entry.reward))
        if reward is None or entry.member_id not in (None, reward.member_id):
            yield f"INV-14 {entry.kind} for sharing without such a reward: {entry.reward}"
            continue
        if entry.times > 1:
            yield f"INV-14 reward {entry.reward} has {entry.times} entries of one {entry.kind}"
        sums[bytes(reward.reward_id)][entry.kind] += entry.points
    for op_id, kind, times in conn.execute(_ISSUED):
        if times > 1:
            yield f"INV-14 reward {bytes(op_id).hex()} has {times} entries of {kind}"
        sums[bytes(op_id)][f"any-{kind}"] += times
    for reward_id, found in sums.items():
        yield from _balanced(rewards[reward_id], found)


def _balanced(row: Any, found: Counter[str]) -> Iterator[str]:
    given, taken = (sum(found[kind] for kind in kinds) for kinds in (GIVEN, TAKEN))
    # One that two operators have adopted after a loss was given without a word of sharing.
    adopted = found["any-issue"] + found["any-promise"] > 0 and not given
    if given and given + row.collected != row.points:
        yield f"INV-14 reward {_name(row)} of {row.points} gave {given} and {row.collected} to a debt"
    if (given or row.collected) and row.state not in PAID:
        yield f"INV-14 reward {_name(row)} is {row.state} and was given"
    if row.state in PAID and not (given or adopted or row.collected == row.points):
        yield f"INV-14 reward {_name(row)} is {row.state} and was never given"
    if taken != (row.points if row.state == "clawed" else 0):
        yield f"INV-14 reward {_name(row)} of {row.points} is {row.state}, and {taken} were taken back"


def _budgets(conn: Connection, rewards: Any) -> Iterator[str]:
    points, count = Counter[bytes](), Counter[bytes]()
    for row in rewards:
        if row.state in STANDING:
            points[bytes(row.campaign_id)] += row.points
            count[bytes(row.campaign_id)] += 1
    for one in conn.execute(_CAMPAIGNS):
        campaign = bytes(one.campaign_id)
        stand = points[campaign], count[campaign]
        if stand != (one.used_points, one.used_rewards):
            yield f"INV-14 campaign {one.code} counts {one.used_points} points of {stand}"
        if stand[0] > one.most_points or stand[1] > one.most_rewards:
            yield f"INV-14 campaign {one.code} promised {stand} of {one.most_points}, {one.most_rewards}"
        if not one.stands_points <= one.open_points <= one.told_points:
            yield f"INV-14 campaign {one.code} has {one.stands_points} on a chain that took {one.open_points}"


def of_the_desk(block: Block) -> Iterator[str]:
    """INV-14 of a block's state: what stands promised is within its budget, no deeper than its campaign."""
    state, sums = block.state, Counter[tuple[bytes, str]]()
    for reward, one in state.rewards.items():
        sums[one.campaign, "promised"] += one.points
        sums[one.campaign, "returned"] += one.points if one.state > _ISSUED_THERE else 0
        if one.role == 4 and state.campaigns[one.campaign].depth < 2:
            yield f"INV-14 reward {reward.hex()} is too deep on the chain"
    for campaign, known in state.campaigns.items():
        figures = sums[campaign, "promised"], sums[campaign, "returned"]
        if figures != (known.promised, known.returned) or known.promised - known.returned > known.budget:
            yield f"INV-14 campaign {campaign.hex()} has {figures} of {known} on the chain"


def between(conn: Connection, block: Block) -> Iterator[str]:
    """INV-14 between the books: the chain has no promise, issue or return that the database denies.

    Not behind a loss of the database: what it forgot, the chain still has.
    """
    state = block.state
    if not state.rewards:
        return
    known = {bytes(row.reward_id): row for row in conn.execute(_REWARDS)}
    for reward, one in state.rewards.items():
        row = known.get(reward)
        if row is None or row.promise in _UNSAID or row.points != one.points:
            yield f"INV-14 the chain has a promise of {one} that nobody made: {row}"
        elif one.state == _ISSUED_THERE and row.state not in PAID:
            yield f"INV-14 the chain has issued {_name(row)}, which is {row.state}"
        elif one.state > _ISSUED_THERE and row.state in STANDING:
            yield f"INV-14 the chain has {_name(row)} back, which is {row.state}"
    for row in conn.execute(_CAMPAIGNS):
        there = state.campaigns.get(bytes(row.campaign_id))
        if there is not None and there.promised - there.returned > row.stands_points:
            yield f"INV-14 campaign {row.code} has {row.stands_points} promised, and on the chain {there}"


def _name(row: Any) -> str:
    return f"{bytes(row.reward_id).hex()} ({row.role})"
