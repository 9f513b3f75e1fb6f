"""Commands about consents: given, revoked, read on, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from ledger_service.kernel.ids import derive_id
from ledger_service.members.consents.errors import ConsentMissing, ConsentRefused, ConsentUnknown
from ledger_service.members.consents.models import member_consent, member_read
from ledger_service.members.consents.rules import MOST_CONSENTS
from ledger_service.members.merging import Merge
from ledger_service.members.models import member
from ledger_service.outbox.service import NewIntent

_C = member_consent.c


class Use(NamedTuple):
    """What a consent is for: whose facts, who reads them, and why."""

    owner_id: int
    reader_id: int
    purpose: str


class Said(NamedTuple):
    """Who says so, and when."""

    by_whom: str
    at: datetime


def give(conn: Connection, member_id: int, use: Use, said: Said) -> RowMapping:
    """The consent stands; one that stood already stays what it is.

    Raises:
        ConsentRefused: one merchant alone, or one consent too many.

    Locks: the member's row.
    """
    if use.owner_id == use.reader_id:
        raise ConsentRefused("one-merchant")
    conn.execute(select(member.c.member_id).where(member.c.member_id == member_id).with_for_update())
    found = standing(conn, member_id, use)
    if found is not None:
        return found
    mine = (_C.member_id == member_id) & _C.revoked_at.is_(None)
    if conn.execute(select(func.count()).where(mine)).scalar_one() >= MOST_CONSENTS:
        raise ConsentRefused("too-many")
    ever = conn.execute(select(func.count()).where(_C.member_id == member_id)).scalar_one()
    consent_id = derive_id("consent", member_id, ever)
    conn.execute(insert(member_consent).values(
        consent_id=consent_id, member_id=member_id, **use._asdict(), given_at=said.at, given_by=said.by_whom,
    ))  # fmt: skip
    return conn.execute(select(member_consent).where(_C.consent_id == consent_id)).mappings().one()


def revoke(conn: Connection, member_id: int, consent_id: bytes, said: Said) -> RowMapping:
    """The consent stands no more; what was read on it stays on record.

    Raises:
        ConsentUnknown: the member has none with this id.

    Idempotency: a consent that was revoked keeps its time.
    """
    mine = (_C.consent_id == consent_id) & (_C.member_id == member_id)
    conn.execute(
        update(member_consent).where(mine, _C.revoked_at.is_(None)).values(
            revoked_at=said.at, revoked_by=said.by_whom)
    )  # fmt: skip
    found = conn.execute(select(member_consent).where(mine)).mappings().first()
    if found is None:
        raise ConsentUnknown
    return found


def standing(conn: Connection, member_id: int, use: Use) -> RowMapping | None:
    """The consent that lets this be read now; None where there is none."""
    mine = (_C.member_id == member_id) & (_C.owner_id == use.owner_id) & (_C.reader_id == use.reader_id)
    its = select(member_consent).where(mine, _C.purpose == use.purpose, _C.revoked_at.is_(None))
    return conn.execute(its).mappings().first()


def must_stand(conn: Connection, member_id: int, use: Use) -> bytes:
    """The id of the consent on which this is read, locked until the reading is on record.

    Raises:
        ConsentMissing: there is none.
    """
    found = standing(conn, member_id, use)
    if found is None:
        raise ConsentMissing
    its = select(_C.revoked_at).where(_C.consent_id == found["consent_id"]).with_for_update()
    if conn.execute(its).scalar_one() is not None:
        raise ConsentMissing
    return bytes(found["consent_id"])


def read_where_standing(
    conn: Connection, member_id: int, uses: Sequence[Use], read: tuple[str, Said]
) -> list[Use]:
    """Those of the uses on which this may be read; each is on record. ``read`` says what is, and by whom.

    Locks: the consents, in the order of ``uses``.
    """
    what, said = read
    stand = []
    for use in uses:
        try:
            consent_id = must_stand(conn, member_id, use)
        except ConsentMissing:
            continue
        note_read(conn, member_id, consent_id, what, said)
        stand.append(use)
    return stand


def note_read(conn: Connection, member_id: int, consent_id: bytes | None, what: str, said: Said) -> None:
    """The reading is on record for the member to see; None for a reading that needs no consent."""
    conn.execute(insert(member_read).values(
        member_id=member_id, consent_id=consent_id, what=what, by_whom=said.by_whom, read_at=said.at
    ))  # fmt: skip


def forget_member(conn: Connection, member_id: int, at: datetime) -> None:
    """Whatever the member had agreed to, nobody reads on it any more."""
    _end_all(conn, member_id, "erasure", at)


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Consents are given by a person for an account: those of the one that closes end with it."""
    _end_all(conn, merge.closes, "merge", merge.at)
    return []


def _end_all(conn: Connection, member_id: int, by_whom: str, at: datetime) -> None:
    mine = (_C.member_id == member_id) & _C.revoked_at.is_(None)
    conn.execute(update(member_consent).where(mine).values(revoked_at=at, revoked_by=by_whom))
