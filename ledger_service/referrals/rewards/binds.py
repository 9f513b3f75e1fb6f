"""What members followed, as attribution reads it: many rows at once, of a page of purchases."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import BigInteger, Connection, select, type_coerce

from ledger_service.db.among import among
from ledger_service.kernel.clock import instant_of_micros
from ledger_service.referrals.links.models import share_bind, share_link
from ledger_service.referrals.rewards.rules import Bind

_B = share_bind.c


def own_links(conn: Connection, numbers: Collection[int]) -> frozenset[int]:
    """Of binds that nobody shared, those over a member's link: the member's own, since two became one."""
    if not numbers:
        return frozenset()
    its = select(_B.number).join(share_link, share_link.c.code == _B.code)
    its = its.where(among(conn, _B.number, numbers), share_link.c.member_id.is_not(None))
    return frozenset(conn.execute(its).scalars())


def binds_of(conn: Connection, members: Collection[int]) -> dict[tuple[int, bytes], list[Bind]]:
    """By member and campaign; most rows of a page by far, read at once and their instants as numbers."""
    touched, bound = (type_coerce(column, BigInteger) for column in (_B.touched_at, _B.bound_at))
    its = select(
        _B.number, _B.campaign_id, _B.version, _B.member_id, _B.sharer_id, _B.customer, touched, bound
    ).where(among(conn, _B.member_id, members))
    found: dict[tuple[int, bytes], list[Bind]] = {}
    for row in conn.execute(its).all():
        number, campaign_id, version, member_id, sharer_id, customer, touched_at, bound_at = row
        when = instant_of_micros(touched_at), instant_of_micros(bound_at)
        bind = Bind(number, campaign_id, version, member_id, sharer_id, customer, *when)
        found.setdefault((bind.member_id, bind.campaign_id), []).append(bind)
    return found
