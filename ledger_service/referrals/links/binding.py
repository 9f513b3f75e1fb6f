"""Binding a touch to a member: who brought whom is committed at that moment, before any sale.

The commitment is a salted hash in a chain that only grows. It opens to campaign, version, link, touch and
times, and to two parties, each hidden under a salt of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.canonical import Canonical, canonical_json
from ledger_service.kernel.clock import format_instant, micros_of
from ledger_service.kernel.ids import IdSource, id_text
from ledger_service.members.models import member
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.links.errors import (
    ShareLinkLimitReached,
    ShareOwnLink,
    ShareTouchUnknown,
)
from ledger_service.referrals.links.models import (
    share_bind,
    share_commitment,
    share_head,
    share_link,
    share_tie,
    share_touch,
)
from ledger_service.referrals.links.rules import MOST_BINDS, chained, commitment_of, party_of
from ledger_service.referrals.ports import Customers
from ledger_service.referrals.staffing.service import Came, assign

_B, _T, _L = share_bind.c, share_touch.c, share_link.c
_SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Follower:
    """The member that followed a link; ``newcomer`` where it enrolled with that touch."""

    member_id: int
    newcomer: bool


@dataclass(frozen=True, slots=True)
class Binder:
    """Binds touches; ``customers`` knows who has bought where."""

    ids: IdSource
    customers: Customers

    def bind(self, conn: Connection, touch_id: bytes, who: Follower, at: datetime) -> int:
        """The touch is the member's, committed in the chain; returns the commitment's number.

        Raises:
            ShareTouchUnknown: no touch of a person, another member's, or its campaign is over.
            ShareOwnLink, ShareLinkLimitReached.

        Idempotency: a touch is bound once. Locks: the head of the chain, last.
        """
        touch = check_touch(conn, touch_id)
        known = conn.execute(select(_B.number, _B.member_id).where(_B.touch_id == touch_id)).one_or_none()
        if known is not None:
            if known.member_id != who.member_id:
                raise ShareTouchUnknown
            return int(known.number)
        if touch["member_id"] == who.member_id:
            raise ShareOwnLink
        mine = (_B.member_id == who.member_id) & (_B.campaign_id == touch["campaign_id"])
        if conn.execute(select(func.count()).select_from(share_bind).where(mine)).scalar_one() >= MOST_BINDS:
            raise ShareLinkLimitReached(MOST_BINDS)
        return self._write(conn, touch, who, at)

    def bind_newcomer(self, conn: Connection, touch_id: bytes, member_id: int, at: datetime) -> bool:
        """As ``bind`` for who has just enrolled: a touch that does not count costs nobody its membership.

        Returns:
            Whether it counts.
        """
        try:
            self.bind(conn, touch_id, Follower(member_id, newcomer=True), at)
        except ShareTouchUnknown:
            return False
        return True

    def _write(self, conn: Connection, touch: RowMapping, who: Follower, at: datetime) -> int:
        salts = [self.ids.random_bytes(_SALT_BYTES) for _ in range(3)]
        sharer = touch["member_id"]
        body = _body(touch, _parties(conn, (who.member_id, sharer), salts), at)
        customer = not who.newcomer and self.customers.has_bought(conn, who.member_id, touch["merchant_id"])
        number = append(conn, commitment_of(salts[0], body), at)
        conn.execute(insert(share_bind).values(
            number=number, touch_id=touch["touch_id"], campaign_id=touch["campaign_id"],
            version=touch["version"], code=touch["code"], member_id=who.member_id, sharer_id=sharer,
            newcomer=who.newcomer, customer=customer, touched_at=touch["touched_at"], bound_at=at,
            body=canonical_json(body).decode(), salt=salts[0], member_salt=salts[1],
            sharer_salt=None if sharer is None else salts[2],
        ))  # fmt: skip
        if who.newcomer and sharer is not None:
            tie = {"member_id": who.member_id, "sharer_id": sharer, "number": number, "tied_at": at}
            sql_of(share_tie, conn).insert(conn, [tie], or_ignore=True)
        if touch["place"] is not None:
            behind = touch["code"], touch["place"], touch["touched_at"]
            assign(conn, Came(touch["merchant_id"], who.member_id, *behind), at)
        return number


def append(conn: Connection, commitment: bytes, at: datetime) -> int:
    """The commitment is the chain's next; returns its number.

    Locks: the head of the chain.
    """
    first = {"id": 1, "number": 0, "hash": bytes(32)}
    sql_of(share_head, conn).insert(conn, [first], or_ignore=True)
    head = conn.execute(select(share_head).with_for_update()).one()
    number = head.number + 1
    known = chained(head.hash, number, commitment, micros_of(at))
    conn.execute(update(share_head).values(number=number, hash=known))
    conn.execute(insert(share_commitment).values(
        number=number, commitment=commitment, hash=known, committed_at=at
    ))  # fmt: skip
    return int(number)


class Committed(NamedTuple):
    """A link of the chain, as a transparency log takes it."""

    number: int
    commitment: bytes
    hash: bytes
    committed_at: datetime


def commitments_after(conn: Connection, number: int, most: int) -> list[Committed]:
    """The next commitments of the chain, for a transparency log and for whoever walks the chain."""
    c = share_commitment.c
    its = select(c.number, c.commitment, c.hash, c.committed_at).where(c.number > number)
    return [Committed(*row) for row in conn.execute(its.order_by(c.number).limit(most))]


def breaks(links: Sequence[Committed], before: bytes) -> list[int]:
    """The numbers of commitments at which a walked part of the chain does not follow from what is before."""
    found = []
    for link in links:
        if chained(before, link.number, link.commitment, micros_of(link.committed_at)) != link.hash:
            found.append(link.number)
        before = link.hash
    return found


def check_touch(conn: Connection, touch_id: bytes) -> RowMapping:
    """The touch of a person and of a campaign that is live.

    Raises:
        ShareTouchUnknown: it is none.
    """
    touch = _touch_of(conn, touch_id)
    if touch is None or touch["machine"] or touch["state"] != "live":
        raise ShareTouchUnknown
    return touch


def _touch_of(conn: Connection, touch_id: bytes) -> RowMapping | None:
    campaign = share_campaign.c
    joined = share_touch.join(share_link, _L.code == _T.code).join(
        share_campaign, campaign.campaign_id == _L.campaign_id
    )
    its = select(
        _T.touch_id, _T.touched_at, _T.machine, _L.code, _L.member_id, _L.place, campaign.campaign_id,
        campaign.merchant_id, campaign.state, campaign.version, campaign.code.label("campaign"),
    ).select_from(joined).where(_T.touch_id == touch_id)  # fmt: skip
    return conn.execute(its).mappings().one_or_none()


def _parties(conn: Connection, members: tuple[int, int | None], salts: Sequence[bytes]) -> list[str | None]:
    its = select(member.c.member_id, member.c.account).where(member.c.member_id.in_(members))
    accounts: dict[Any, bytes] = {row.member_id: row.account for row in conn.execute(its)}
    return [
        party_of(salt, accounts[who]) if who in accounts else None
        for who, salt in zip(members, salts[1:], strict=True)
    ]


def _body(touch: RowMapping, parties: Sequence[str | None], at: datetime) -> Canonical:
    return {
        "campaign": touch["campaign"], "version": touch["version"], "link": touch["code"],
        "touch": id_text(touch["touch_id"]), "touched_at": format_instant(touch["touched_at"]),
        "bound_at": format_instant(at), "member": parties[0], "sharer": parties[1],
    }  # fmt: skip
