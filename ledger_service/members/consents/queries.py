"""Reads of consents: a member's own, and who has read on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from ledger_service.members.consents.models import member_consent, member_read

_C, _R = member_consent.c, member_read.c


def consents_of(
    conn: Connection, member_id: int, before: tuple[datetime, bytes] | None, most: int
) -> Sequence[RowMapping]:
    """A member's consents, also those that it revoked, newest first."""
    its = select(member_consent).where(_C.member_id == member_id)
    if before is not None:
        at, consent_id = before
        its = its.where((_C.given_at < at) | ((_C.given_at == at) & (_C.consent_id > consent_id)))
    return conn.execute(its.order_by(_C.given_at.desc(), _C.consent_id).limit(most)).mappings().all()


def reads_of(conn: Connection, member_id: int, before: int | None, most: int) -> Sequence[RowMapping]:
    """Who has read what of a member, newest first; without a consent owner, reader and purpose are None."""
    joined = member_read.outerjoin(member_consent, _C.consent_id == _R.consent_id)
    columns = (_R.read_id, _R.consent_id, _R.what, _R.by_whom, _R.read_at)
    uses = (_C.owner_id, _C.reader_id, _C.purpose)
    its = select(*columns, *uses).select_from(joined).where(_R.member_id == member_id)
    if before is not None:
        its = its.where(_R.read_id < before)
    return conn.execute(its.order_by(_R.read_id.desc()).limit(most)).mappings().all()
