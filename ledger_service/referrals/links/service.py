"""Links: a member's for each channel, live codes that are handed over, ends; and signals of members."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.ids import IdSource
from ledger_service.referrals.campaigns.service import locked
from ledger_service.referrals.links.errors import ShareLinkEnded, ShareLinkUnknown
from ledger_service.referrals.links.models import share_holder, share_link, share_signal
from ledger_service.referrals.links.rules import NUMBER_BYTES, Channel, LinkCodes

_L = share_link.c


@dataclass(frozen=True, slots=True)
class LiveCode:
    """A merchant's code at a place (a till, a desk), the cashier who holds it, and who says so."""

    place: str
    cashier: str
    told_by: str


@dataclass(frozen=True)
class LinkDesk:
    """Commands on links; each runs in the caller's unit of work."""

    codes: LinkCodes
    ids: IdSource
    signal_key: bytes = field(repr=False)

    def of_member(
        self, conn: Connection, campaign: str, member_id: int, channel: Channel, at: datetime
    ) -> RowMapping:
        """The member's link of the campaign for the channel, made where there was none.

        Raises:
            ShareCampaignUnknown. ShareLinkEnded: the campaign is not live.

        Locks: the campaign, so that two requests at once make one link.
        """
        row = _live(conn, campaign)
        mine = (_L.campaign_id == row["campaign_id"]) & (_L.member_id == member_id)
        its = select(share_link).where(mine & (_L.channel == channel.value))
        found = conn.execute(its).mappings().one_or_none()
        if found is not None:
            return found
        self._insert(conn, (row["campaign_id"], channel, at), member_id=member_id)
        return conn.execute(its).mappings().one()

    def live_code(self, conn: Connection, campaign: str, code: LiveCode, at: datetime) -> RowMapping:
        """The merchant's code at the place is held by the cashier from now on; the code stays the same.

        Raises:
            ShareCampaignUnknown, ShareLinkEnded.

        Locks: the campaign.
        """
        row = _live(conn, campaign)
        its = select(share_link).where(_L.campaign_id == row["campaign_id"], _L.place == code.place)
        found = conn.execute(its).mappings().one_or_none()
        if found is None:
            self._insert(conn, (row["campaign_id"], Channel.CASHIER, at), place=code.place)
            found = conn.execute(its).mappings().one()
        if found["cashier"] != code.cashier:
            conn.execute(update(share_link).where(_L.code == found["code"]).values(cashier=code.cashier))
            _note_holder(conn, found["code"], code, at)
        return conn.execute(its).mappings().one()

    def end(self, conn: Connection, code: str, member_id: int | None, at: datetime) -> None:
        """The link leads nowhere any more.

        Raises:
            ShareLinkUnknown: no such link of this member.
        """
        its = select(_L.ended_at).where(_L.code == code)
        if member_id is not None:
            its = its.where(_L.member_id == member_id)
        found = conn.execute(its.with_for_update()).one_or_none()
        if found is None:
            raise ShareLinkUnknown
        if found.ended_at is None:
            conn.execute(update(share_link).where(_L.code == code).values(ended_at=at))

    def note_signal(self, conn: Connection, member_id: int, kind: str, value: str, at: datetime) -> None:
        """The member has this device, payment means, phone or address; kept as a keyed hash only."""
        text = f"{kind} {value.strip().casefold()}".encode()
        row = {"member_id": member_id, "kind": kind, "digest": hmac.digest(self.signal_key, text, sha256)}
        sql_of(share_signal, conn).insert(conn, [{**row, "seen_at": at}], or_ignore=True)

    def _insert(
        self, conn: Connection, what: tuple[bytes, Channel, datetime],
        member_id: int | None = None, place: str | None = None,
    ) -> None:  # fmt: skip
        campaign_id, channel, at = what
        code = self.codes.code_of(self.ids.random_bytes(NUMBER_BYTES))
        conn.execute(insert(share_link).values(
            code=code, campaign_id=campaign_id, member_id=member_id, cashier=None, place=place,
            channel=channel.value, made_at=at, ended_at=None,
        ))  # fmt: skip


def _live(conn: Connection, campaign: str) -> RowMapping:
    row = locked(conn, campaign, None)
    if row["state"] != "live":
        raise ShareLinkEnded
    return row


def _note_holder(conn: Connection, link: str, code: LiveCode, at: datetime) -> None:
    its = select(func.count()).select_from(share_holder).where(share_holder.c.code == link)
    position = conn.execute(its).scalar_one()
    conn.execute(insert(share_holder).values(
        code=link, position=position, cashier=code.cashier, told_by=code.told_by, since=at
    ))  # fmt: skip
