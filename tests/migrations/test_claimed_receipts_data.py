"""Claims that an older database has granted stand for their receipts from now on."""

from __future__ import annotations

from datetime import date

from alembic import command
from alembic.config import Config

from ledger_service.db.engine import Database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.schema import migrate
from ledger_service.points.receipts.rules import Paper
from tests.migrations.test_migrations import bare
from tests.migrations.test_points_data import at_first_revision

__all__ = ["bare"]

_CLAIM = (
    "claim_id, member_id, merchant_id, store_gln, timezone, sold_on, reference, amount_minor, code,"
    " receipt_key, state, adjustment_id, filed_at, answer_due_at, try_again_at"
)
_ADJUSTMENT = (
    "adjustment_id, member_id, programme_id, points, reason, note, funder_merchant_id, requested_by,"
    " requested_at, decided_by, decided_at, state, claim_id"
)
# Of three claims one is declined, and one has been forgotten with its member.
_CASES = (("approved", "R-007", "AB-12345678"), ("declined", "R2", None), ("approved", "", None))


def test_what_was_granted_is_known_by_the_marks_that_the_service_writes(bare: Database) -> None:
    at_first_revision(bare)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with bare.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0100_prizes_left")

    def blob(number: int, size: int) -> str:
        digits = f"{number:02x}" * size
        return f"x'{digits}'" if bare.is_sqlite else f"decode('{digits}', 'hex')"

    with bare.begin() as conn:
        for number, (state, reference, code) in enumerate(_CASES, 1):
            key, told = blob(number, 16), "NULL" if code is None else f"'{code}'"
            claim = (
                f"{key}, 1, 7, 9, 'UTC', '2026-03-10', '{reference}', 500, {told}, {blob(number, 32)},"
                f" 'asked', {key}, 1, 1, 1"
            )
            conn.exec_driver_sql(f"INSERT INTO claim ({_CLAIM}) VALUES ({claim})")
            row = f"{key}, 1, 3, 50, 'claim', '', 7, 'operator:a', 1, 'operator:b', 1, '{state}', {key}"
            conn.exec_driver_sql(f"INSERT INTO adjustment ({_ADJUSTMENT}) VALUES ({row})")
    migrate(bare)
    with bare.read() as conn:
        columns = "adjustment_id, mark, store_gln, sold_on, amount_minor, state, sale_id"
        wanted = f"SELECT {columns} FROM claimed_receipt"
        found = [tuple(row) for row in conn.exec_driver_sql(wanted)]
    marks = Paper(7, 9, date(2026, 3, 10), 500, "R-007", "AB-12345678").marks()
    rest = (9, "2026-03-10", 500, "approved", None)
    assert sorted(found) == sorted((bytes([1] * 16), mark, *rest) for mark in marks)


def test_what_came_home_before_is_undone_with_its_goods_from_now_on(bare: Database) -> None:
    at_first_revision(bare)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with bare.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0105_events_by_details")

    def blob(number: int, size: int) -> str:
        digits = f"{number:02x}" * size
        return f"x'{digits}'" if bare.is_sqlite else f"decode('{digits}', 'hex')"

    with bare.begin() as conn:
        for number, sale in ((1, blob(9, 16)), (2, "NULL")):
            key = blob(number, 16)
            row = f"{key}, 1, 3, 50, 'claim', '', 7, 'operator:a', 1, 'operator:b', 1, 'approved', {key}"
            conn.exec_driver_sql(f"INSERT INTO adjustment ({_ADJUSTMENT}) VALUES ({row})")
            receipt = f"{key}, {blob(number, 32)}, 9, '2026-03-10', 500, 'approved', {sale}"
            columns = "adjustment_id, mark, store_gln, sold_on, amount_minor, state, sale_id"
            conn.exec_driver_sql(f"INSERT INTO claimed_receipt ({columns}) VALUES ({receipt})")
    migrate(bare)
    with bare.read() as conn:
        rows = conn.exec_driver_sql("SELECT sale_id FROM adjustment ORDER BY adjustment_id").scalars()
        assert list(rows) == [bytes([9] * 16), None]
