"""Codes for logging in that wait to be sent: to members, and to who may become one by a link."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from ledger_service.members.cards.delivery import MOST_SENDS, Waiting, next_send
from ledger_service.members.identities import IdentityVault
from ledger_service.members.logins.models import login_code
from ledger_service.members.models import member_identity, member_preference

LOGIN = "login"
_A_DAY = timedelta(days=1)


def due(conn: Connection, vault: IdentityVault, at: datetime, most: int) -> list[Waiting]:
    """The codes whose time has come, the longest due first."""
    c, i, language, before = login_code.c, member_identity.c, member_preference.c.language, login_code.alias()
    went = before.c.send_at.is_(None) & before.c.sends.between(1, MOST_SENDS - 1)
    again = (before.c.phone_hash == c.phone_hash) & (before.c.made_at > at - _A_DAY) & went
    first = ~select(before.c.code_id).where(again).exists()
    sealed = func.coalesce(i.value_sealed, c.phone_sealed)
    wanted = (
        select(c.code_id, c.expires_at, c.sends, sealed.label("sealed"), language, first.label("first"))
        .outerjoin(member_identity, (i.value_hash == c.phone_hash) & (i.kind == "phone"))
        .outerjoin(member_preference, member_preference.c.member_id == i.member_id)
        .where(c.send_at <= at, c.expires_at > at, c.used_at.is_(None), sealed.is_not(None))
        .order_by(c.send_at, c.code_id)
        .limit(most)
    )
    return [
        Waiting(
            row.code_id, None, LOGIN, "phone", vault.open("phone", row.sealed), row.language, 0,
            row.expires_at, row.sends, bool(row.first),
        )
        for row in conn.execute(wanted)
    ]  # fmt: skip


def note(conn: Connection, waiting: Waiting, sent: bool, at: datetime) -> None:
    """The code is sent, or is tried again after a wait that doubles, or is given up."""
    values = {"sends": waiting.sends + 1, "send_at": None if sent else next_send(waiting, at)}
    conn.execute(update(login_code).where(login_code.c.code_id == waiting.code_id).values(values))
