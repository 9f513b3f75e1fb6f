"""What else is seen around a page of purchases: friends of one sharer that are one person, a sharer that was
found out before, and programs that open a link.

One statement each for the whole page, and whatever is looked at for a single purchase is bounded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, exists, func, select, type_coerce

from ledger_service.db.among import among
from ledger_service.referrals.links.models import share_bind, share_signal, share_touch
from ledger_service.referrals.rewards.fraud_rules import OF_PERSONS, is_strong
from ledger_service.referrals.rewards.models import share_purchase, share_reward

_B, _S, _P, _R, _T = share_bind.c, share_signal.c, share_purchase.c, share_reward.c, share_touch.c
_FOUND_OUT = ("held", "refused", "appealed")
_REMEMBERED, _HALF_MINUTE = timedelta(days=30), 30_000_000
# Of one signal so many owners are looked at, and of one minute so many openings.
_MOST_OWNERS, _MOST_CLICKS = 200, 500


def one_person(conn: Connection, numbers: Collection[int]) -> Mapping[int, frozenset[str]]:
    """By bind: kinds of signals that its member has in common with somebody else of the same sharer's.

    Not of addresses: a family lives at one.
    """
    owner, other = share_signal.alias("owner"), share_bind.alias("other")
    same = (owner.c.digest == _S.digest) & (owner.c.kind == _S.kind) & (owner.c.member_id != _S.member_id)
    owners = select(owner.c.member_id).where(same).limit(_MOST_OWNERS).correlate(share_signal).subquery()
    friend = other.join(owners, owners.c.member_id == other.c.member_id)
    brought = exists().select_from(friend).where(other.c.sharer_id == _B.sharer_id)
    its = select(_B.number, _S.kind).select_from(
        share_bind.join(share_signal, _S.member_id == _B.member_id)
    ).where(among(conn, _B.number, numbers), _S.kind.in_(OF_PERSONS), brought)  # fmt: skip
    found: dict[int, set[str]] = defaultdict(set)
    for number, kind in conn.execute(its):
        found[number].add(kind)
    return {number: frozenset(kinds) for number, kinds in found.items()}


def found_out(
    conn: Connection, sharers: Collection[int], times: tuple[datetime, datetime]
) -> dict[int, datetime]:
    """Since when each sharer has had a reward held or refused for what friends do not do by chance.

    What a person has released since then counts no more, nor what a page finds for that page itself.
    """
    first, last = times
    joined = share_purchase.join(
        share_reward, (_R.sale_id == _P.sale_id) & (_R.campaign_id == _P.campaign_id)
    )
    its = select(_P.sharer_id, _R.reasons, func.min(_P.sold_at).label("since")).select_from(joined).where(
        among(conn, _P.sharer_id, sharers), _P.sold_at > first - _REMEMBERED, _P.sold_at <= last,
        _P.outcome == "held", _R.state.in_(_FOUND_OUT),
    ).group_by(_P.sharer_id, _R.reasons)  # fmt: skip
    found: dict[int, datetime] = {}
    for sharer_id, reasons, since in conn.execute(its):
        if is_strong(reasons.split()):
            found[sharer_id] = min(since, found.get(sharer_id, since))
    return found


def clicks_around(conn: Connection, numbers: Collection[int]) -> dict[int, int]:
    """By bind: how often its link was opened in the minute around its touch, ``_MOST_CLICKS`` at most."""
    opened, touched = (type_coerce(column, BigInteger) for column in (_T.touched_at, _B.touched_at))
    near = select(_T.touch_id).where(
        _T.code == _B.code, opened >= touched - _HALF_MINUTE, opened <= touched + _HALF_MINUTE
    ).limit(_MOST_CLICKS).correlate(share_bind).subquery()  # fmt: skip
    counted = select(func.count()).select_from(near).scalar_subquery()
    its = select(_B.number, counted).where(among(conn, _B.number, numbers))
    return {number: int(count) for number, count in conn.execute(its).all()}
