"""Notices of cases: each member whose account is to move is told over every way that leads to it.

A notice is written with the announcement whose end it names, and sent after that is committed; a crash
between sending and noting sends it twice under one id and loses none. Nothing personal stands in the table.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from ledger_service.care import rules
from ledger_service.care.models import care_case, care_event, care_notice
from ledger_service.care.wording import text_of
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.members.identities import IdentityVault
from ledger_service.members.models import member_identity, member_preference
from ledger_service.members.ports import Message
from ledger_service.members.quiet import rules as quiet_rules
from ledger_service.members.quiet.service import wish_of

# Of the time to object, so much is left to whoever is told late; and who stole a member's session keeps no
# notice from it for longer than this by wishing for quiet again and again.
LEAST_LEFT, LONGEST_QUIET = timedelta(days=1), timedelta(days=2)
_N, _C, _I = care_notice.c, care_case.c, member_identity.c


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice whose time has come, with the address open."""

    member_id: int
    case_id: bytes
    channel: str
    kind: str
    address: str = field(repr=False)
    language: str | None
    ends_at: datetime
    sends: int

    def message(self, alliance: str) -> Message:
        """What the carrier brings; its id is the same at every try."""
        name = derive_id("care-notice", self.case_id, self.member_id, self.channel)
        text = text_of(self.kind, self.language, alliance, self.ends_at)
        return Message(id_text(name), self.channel, self.address, text, self.ends_at)


def write_notices(
    conn: Connection, case_id: bytes, members: Collection[int], ends_at: datetime, at: datetime
) -> None:
    """These members are to be told of the case by ``ends_at``, once over each way that they have.

    Idempotency: by case, member and way.
    """
    ways = select(_I.member_id, _I.kind).where(_I.member_id.in_(members), _I.kind.in_(rules.CHANNELS))
    rows = [
        {"member_id": member_id, "case_id": case_id, "channel": kind, "ends_at": ends_at, "send_at": at,
         "sends": 0, "taken_at": None}
        for member_id, kind in conn.execute(ways.order_by(_I.member_id, _I.kind))
    ]  # fmt: skip
    if rows:
        sql_of(care_notice, conn).insert(conn, rows, or_ignore=True)


def due(conn: Connection, vault: IdentityVault, at: datetime, most: int) -> list[Notice]:
    """The notices whose time has come, the longest due first; none of a case that is over."""
    wanted = (
        select(care_notice, _C.kind, _I.value_sealed, member_preference.c.language)
        .join(care_case, _C.case_id == _N.case_id)
        .join(member_identity, (_I.member_id == _N.member_id) & (_I.kind == _N.channel))
        .outerjoin(member_preference, member_preference.c.member_id == _N.member_id)
        .where(_N.send_at <= at, _N.ends_at > at, _C.state == "notice")
        .order_by(_N.send_at, _N.case_id)
        .limit(most)
    )
    return [
        Notice(
            row["member_id"], row["case_id"], row["channel"], row["kind"],
            vault.open(row["channel"], row["value_sealed"]), row["language"], row["ends_at"], row["sends"],
        )
        for row in conn.execute(wanted).mappings()
    ]  # fmt: skip


def free_from(conn: Connection, notice: Notice, at: datetime) -> datetime:
    """When the notice may go: after the member's quiet hours and within its cap, but not long after the case
    was announced, and never so late that it could object no more."""
    told = select(_N.taken_at).where(_N.member_id == notice.member_id, _N.taken_at > at - timedelta(days=1))
    free = quiet_rules.free_from(wish_of(conn, notice.member_id), list(conn.execute(told).scalars()), at)
    events = (care_event.c.case_id == notice.case_id) & (care_event.c.kind == "announced")
    announced: datetime = conn.execute(select(func.min(care_event.c.at)).where(events)).scalar_one()
    latest = min(notice.ends_at - LEAST_LEFT, announced + LONGEST_QUIET)
    return free if free < latest else at


def put_off(conn: Connection, notice: Notice, until: datetime) -> None:
    """The notice waits."""
    mine = (
        (_N.member_id == notice.member_id) & (_N.case_id == notice.case_id) & (_N.channel == notice.channel)
    )
    conn.execute(update(care_notice).where(mine).values(send_at=until))


def note(conn: Connection, notice: Notice, taken: bool, at: datetime) -> None:
    """The notice was taken, or is tried again while it can help."""
    sends = notice.sends + 1
    again = None if taken else rules.next_try(sends, at, notice.ends_at)
    mine = (
        (_N.member_id == notice.member_id) & (_N.case_id == notice.case_id) & (_N.channel == notice.channel)
    )
    values = {"sends": sends, "send_at": again, "taken_at": at if taken else None}
    conn.execute(update(care_notice).where(mine).values(values))
