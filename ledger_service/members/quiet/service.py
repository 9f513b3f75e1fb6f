"""What members wish about being told, kept beside their language; gone with them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.models import member, member_preference
from ledger_service.members.quiet.rules import MOST_A_DAY, Wish

_P = member_preference.c
_COLUMNS = ("quiet_from", "quiet_until", "quiet_zone", "most_a_day")
# What stands in a row of ``member_preference`` of who has wished nothing.
NO_WISH: Mapping[str, None] = dict.fromkeys(_COLUMNS)


def set_wish(conn: Connection, member_id: int, wish: Wish) -> None:
    """The member is told as it wishes from now on.

    Raises:
        MemberUnknown: erased since it was looked up.

    Locks: the member's row against erasure.
    """
    mine = (member.c.member_id == member_id) & (member.c.status != "erased")
    if (
        conn.execute(
            select(member.c.member_id).where(mine).with_for_update(read=True, key_share=True)
        ).first()
        is None
    ):
        raise MemberUnknown
    row = {"member_id": member_id, "language": None, "consents": "", **NO_WISH}
    sql_of(member_preference, conn).insert(conn, [row], or_ignore=True)
    values = dict(zip(_COLUMNS, wish, strict=True))
    conn.execute(update(member_preference).where(_P.member_id == member_id).values(values))


def wish_of(conn: Connection, member_id: int) -> Wish:
    """The member's wish; the cap alone where it has none."""
    its = select(*(_P[name] for name in _COLUMNS)).where(_P.member_id == member_id)
    row = conn.execute(its).first()
    if row is None:
        return Wish()
    return Wish(row.quiet_from or 0, row.quiet_until or 0, row.quiet_zone, row.most_a_day or MOST_A_DAY)
