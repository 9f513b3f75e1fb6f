"""The working set and the flush on both databases: what is loaded, seen, forgotten and written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ledger_service.db.engine import Database
from ledger_service.db.errors import NotLoaded
from ledger_service.db.flush import flush
from ledger_service.db.workset import Draft, Workset, load_by
from ledger_service.ledger.models import lot

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
OF_MEMBER = load_by(lot, "member_id")


def row(member: int, programme: int, epoch: int, available: int) -> dict[str, int]:
    return {"member_id": member, "programme_id": programme, "epoch": epoch, "available": available}


def stored(database: Database) -> list[tuple[int, ...]]:
    with database.read() as conn:
        return [tuple(r) for r in conn.execute(lot.select().order_by(*lot.primary_key.columns))]


def test_what_two_drafts_wrote_is_stored_once_with_the_last_values(database: Database) -> None:
    with database.begin() as conn:
        work = Workset(conn)
        work.load([OF_MEMBER.of(1), OF_MEMBER.of(2)])
        first = Draft(work)
        first.add(lot, row(1, 1, 1, 10))
        first.add(lot, row(2, 1, 1, 20))
        first.absorb()
        second = Draft(work)
        assert [r["available"] for r in second.find(OF_MEMBER, 1)] == [10]
        second.change(lot, (1, 1, 1), available=7, held=3)
        second.absorb()
        flush(conn, work, NOW)
    with database.begin() as conn:
        work = Workset(conn)
        work.load([OF_MEMBER.of(1), OF_MEMBER.of(2), OF_MEMBER.of(3)])
        draft = Draft(work)
        draft.change(lot, (1, 1, 1), held=4)
        draft.change(lot, (2, 1, 1), available=21)
        draft.add(lot, row(3, 2, 9, 1))
        draft.absorb()
        flush(conn, work, NOW)
    assert stored(database) == [(1, 1, 1, 7, 4, 0), (2, 1, 1, 21, 0, 0), (3, 2, 9, 1, 0, 0)]


def test_a_draft_that_is_not_absorbed_leaves_nothing(database: Database) -> None:
    with database.begin() as conn:
        work = Workset(conn)
        work.load([OF_MEMBER.of(1)])
        Draft(work).add(lot, row(1, 1, 1, 10))
        assert Draft(work).find(OF_MEMBER, 1) == []
        flush(conn, work, NOW)
    assert stored(database) == []


def test_a_row_outside_every_load_is_not_taken_for_absent(database: Database) -> None:
    with database.begin() as conn:
        work = Workset(conn)
        work.load([OF_MEMBER.of(1)])
        assert Draft(work).get(lot, (1, 5, 5)) is None
        with pytest.raises(NotLoaded):
            Draft(work).get(lot, (2, 5, 5))
        with pytest.raises(NotLoaded):
            Draft(work).find(OF_MEMBER, 2)
