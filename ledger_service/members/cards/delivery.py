"""Codes that wait to be sent: which ones are due, to whom, and what became of each; the caller commits.

A message is sent after its row is committed and before it is noted as sent, so a crash in between sends it
twice and loses none; a carrier tells the second by its id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from ledger_service.members.cards.models import till_code
from ledger_service.members.identities import IdentityVault
from ledger_service.members.models import member_identity, member_preference

MOST_SENDS = 6
_FIRST_WAIT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A code to send: to which address (sealed in the tables, open here), in which language, for what.

    No merchant's is a log-in's; ``first``: no other for a log-in was handed over to the number within a day.
    """

    code_id: bytes
    merchant_id: int | None
    purpose: str
    channel: str
    address: str = field(repr=False)
    language: str | None
    max_value_micros: int
    expires_at: datetime
    sends: int
    first: bool = False


def due(conn: Connection, vault: IdentityVault, at: datetime, most: int) -> list[Waiting]:
    """The codes whose time has come, the longest due first; none that would arrive too late."""
    c, i = till_code.c, member_identity.c
    wanted = (
        select(till_code, i.value_sealed, member_preference.c.language)
        .join(member_identity, (i.member_id == c.member_id) & (i.kind == c.channel))
        .outerjoin(member_preference, member_preference.c.member_id == c.member_id)
        .where(c.send_at <= at, c.expires_at > at, c.used_at.is_(None))
        .order_by(c.send_at, c.code_id)
        .limit(most)
    )
    return [
        Waiting(
            row["code_id"], row["merchant_id"], row["purpose"], row["channel"],
            vault.open(row["channel"], row["value_sealed"]), row["language"], row["max_value_micros"],
            row["expires_at"], row["sends"],
        )
        for row in conn.execute(wanted).mappings()
    ]  # fmt: skip


def note(conn: Connection, waiting: Waiting, sent: bool, at: datetime) -> None:
    """The code is sent, or is tried again after a wait that doubles, or is given up."""
    sends = waiting.sends + 1
    again = None if sent else next_send(waiting, at)
    state = "sent" if sent else "failed" if again is None else "waiting"
    values = {"sends": sends, "send_at": again, "state": state}
    conn.execute(update(till_code).where(till_code.c.code_id == waiting.code_id).values(values))


def next_send(waiting: Waiting, at: datetime) -> datetime | None:
    """When a code that was not taken now is tried again; None once it is given up."""
    sends = waiting.sends + 1
    return None if sends >= MOST_SENDS else at + _FIRST_WAIT * 2 ** (sends - 1)


def any_late(conn: Connection, at: datetime) -> bool:
    """Whether there is something for ``give_up_late``."""
    late = till_code.c.send_at.is_not(None) & (till_code.c.expires_at <= at)
    return conn.execute(select(till_code.c.code_id).where(late).limit(1)).first() is not None


def give_up_late(conn: Connection, at: datetime) -> int:
    """What could not be sent in time is not tried any more; returns how many that were."""
    c = till_code.c
    late = c.send_at.is_not(None) & (c.expires_at <= at)
    return conn.execute(update(till_code).where(late).values(send_at=None, state="failed")).rowcount
