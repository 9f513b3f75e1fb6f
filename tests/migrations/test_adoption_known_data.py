"""Whoever has adopted operations before the upgrade is known to have, and nobody else."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config

from ledger_service.db.engine import Database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.schema import migrate
from ledger_service.points.catalogue import read_catalogue
from tests.migrations.test_days_data import blob
from tests.migrations.test_migrations import bare

__all__ = ["bare"]


@pytest.mark.parametrize(
    ("body", "known"),
    [('{"adopted":true,"batch":3,"block":4}', True), ('{"batch":3,"note":"adopted"}', False)],
)
def test_entries_that_were_adopted_before_the_upgrade_are_known(
    bare: Database, body: str, *, known: bool
) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with bare.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0116_paid_things_told")
        conn.exec_driver_sql("INSERT INTO points_change (id, version) VALUES (1, 5)")
        conn.exec_driver_sql(
            "INSERT INTO entry (sequence, op_id, kind, occurred_at, recorded_at, body, hash) VALUES"
            f" (1, {blob(bare, '07' * 16)}, 'issue', 1, 1, '{body}', {blob(bare, '08' * 32)})"
        )
    migrate(bare)
    with bare.snapshot() as conn:
        catalogue = read_catalogue(conn)
    assert (catalogue.version, catalogue.adopted) == (5, known)
