"""What a recount reads stays in proportion to its members, however many changes were told before."""

from __future__ import annotations

from ledger_service.db.engine import Database
from ledger_service.tiers.changing import changes_insert
from ledger_service.tiers.rules import Ladder
from ledger_service.tiers.standing_sql import standing_select

from .people import RUNGS

# What the SELECT makes itself, once for its members; whatever else it reads it finds by an index.
_OWN = ("SCAN span", "SCAN held", "SCAN ends", "SCAN s", "SCAN place", "SCAN (subquery")


def test_a_recount_finds_each_members_last_change_by_an_index(sqlite_database: Database) -> None:
    ladder = Ladder(1, 0, RUNGS)
    sql = changes_insert(standing_select(ladder, 1, "sqlite"), [ladder], ladder)
    bound = dict.fromkeys(("programme", "first", "last", "day", "at"), 1)
    with sqlite_database.read() as conn:
        steps = [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", bound)]
    scanned = [step for step in steps if step.startswith("SCAN")]
    assert scanned
    assert [step for step in scanned if not step.startswith(_OWN)] == []
    assert [step for step in steps if "AUTOMATIC" in step] == []
