"""Adjustments of an older database survive their table's renewal, with the day in which they count."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from ledger_service.db.engine import Database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.schema import migrate
from tests.migrations.test_migrations import bare
from tests.migrations.test_points_data import at_first_revision

__all__ = ["bare"]

COLUMNS = (
    "adjustment_id, member_id, programme_id, points, reason, note, funder_merchant_id, requested_by,"
    " requested_at, decided_by, decided_at, state"
)
DAY_MICROS = 86_400_000_000


def test_adjustments_survive_and_count_in_the_day_in_which_they_were_asked_for(bare: Database) -> None:
    at_first_revision(bare)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with bare.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0015_founding_keys")
    digits = "01" * 16
    key = f"x'{digits}'" if bare.is_sqlite else f"decode('{digits}', 'hex')"
    at = 20_000 * DAY_MICROS + 5
    row = f"{key}, 1, 3, 50, 'goodwill', 'sorry', 7, 'operator:a', {at}, NULL, NULL, 'asked'"
    with bare.begin() as conn:
        conn.exec_driver_sql(f"INSERT INTO adjustment ({COLUMNS}) VALUES ({row})")
    migrate(bare)
    with bare.read() as conn:
        wanted = "SELECT member_id, points, state, asked_day, claim_id FROM adjustment"
        found = conn.exec_driver_sql(wanted).all()
    assert [tuple(one) for one in found] == [(1, 50, "asked", 20_000, None)]
    with bare.begin() as conn:
        conn.exec_driver_sql("UPDATE adjustment SET reason = 'claim'")
    with pytest.raises(DBAPIError), bare.begin() as conn:
        conn.exec_driver_sql("UPDATE adjustment SET reason = 'because'")
