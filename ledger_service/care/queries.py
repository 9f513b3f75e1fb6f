"""What stands in the way of moving an account, and what goes along."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, select

from ledger_service.care.models import care_case, care_event
from ledger_service.care.requests import CaseView
from ledger_service.kernel.operations import Kind
from ledger_service.ledger.models import hold
from ledger_service.ledger.queries import balance
from ledger_service.outbox.models import intent
from ledger_service.points.models import member_programme

CASES_AT_ONCE = 20
_CASE = (
    care_case.c.case_id, care_case.c.kind, care_case.c.member_id, care_case.c.account, care_case.c.successor,
    care_case.c.evidence, care_case.c.state, care_case.c.number, care_case.c.ripe_at,
    care_case.c.stays_id,
)  # fmt: skip


def find_case(conn: Connection, case_id: bytes) -> CaseView | None:
    """The case with this id."""
    row = conn.execute(select(*_CASE).where(care_case.c.case_id == case_id)).mappings().one_or_none()
    return None if row is None else CaseView(**row)


def cases(conn: Connection, after: bytes, most: int) -> list[CaseView]:
    """Every case behind one, by id; zeros begin at the first."""
    row = care_case.c
    found = conn.execute(select(*_CASE).where(row.case_id > after).order_by(row.case_id).limit(most))
    return [CaseView(**one) for one in found.mappings()]


def cases_of(conn: Connection, member_id: int, after: bytes, most: int) -> list[CaseView]:
    """The cases of which a member is the one that moves, closes or stays, by id behind one."""
    row = care_case.c
    mine = [
        select(*_CASE).where(whose == member_id, row.case_id > after).order_by(row.case_id).limit(most)
        for whose in (row.member_id, row.stays_id)
    ]
    found = {one["case_id"]: CaseView(**one) for query in mine for one in conn.execute(query).mappings()}
    return [found[case_id] for case_id in sorted(found)][:most]


def cases_for_the_desk(conn: Connection, at: datetime, after: bytes, most: int) -> list[CaseView]:
    """Cases with something to do: to announce at the desk, to stop there, or (ripe) to carry out.

    Args:
        conn: for reading.
        at: what has ripened by then.
        after: the last case of the page before, zeros for the first; cases that must wait stay among them.
        most: how many at most.
    """
    row = care_case.c
    ripe = (row.state == "notice") & (row.ripe_at <= at)
    query = select(*_CASE).where(row.state.in_(("approved", "objected")) | ripe, row.case_id > after)
    found = conn.execute(query.order_by(row.case_id).limit(most)).mappings()
    return [CaseView(**one) for one in found]


def events_of(conn: Connection, case_id: bytes) -> list[tuple[str, str, datetime]]:
    """(kind, by whom, when) of everything that happened to the case, in order."""
    row = care_event.c
    query = select(row.kind, row.by_whom, row.at).where(row.case_id == case_id).order_by(row.position)
    return [(kind, by, at) for kind, by, at in conn.execute(query)]


def has_open_holds(conn: Connection, member_id: int) -> bool:
    """Whether a sale is under way with a permit of the present account."""
    mine = exists().where((hold.c.member_id == member_id) & (hold.c.state == "open"))
    return bool(conn.execute(select(mine)).scalar_one())


def is_unsettled(conn: Connection, member_id: int) -> bool:
    """Whether the chain refused something of the member that is not settled yet (D7)."""
    row = member_programme.c
    return bool(conn.execute(select(exists().where((row.member_id == member_id) & row.frozen))).scalar_one())


def lots_of(conn: Connection, member_id: int) -> list[tuple[int, int]]:
    """(programme, epoch) of whatever the member has on the chain, or will have once it is mined."""
    return [(lot.programme_id, lot.epoch) for lot in balance(conn, member_id) if lot.available + lot.held]


def was_ever_used(conn: Connection, member_id: int) -> bool:
    """Whether any points ever came to or left the member: such a sale may still be returned."""
    row = intent.c
    used = (row.member_id == member_id) & ((row.kind < int(Kind.SIGNER)) | (row.kind == int(Kind.CONVERT)))
    return bool(conn.execute(select(exists().where(used))).scalar_one())
