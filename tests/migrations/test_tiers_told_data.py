"""Members keep their tiers through the upgrade, nobody is told of them, and what was to be told stays."""

from __future__ import annotations

from typing import Any

from alembic import command
from alembic.config import Config

from ledger_service.db.engine import Database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.schema import migrate
from tests.migrations.test_days_data import blob
from tests.migrations.test_migrations import bare

__all__ = ["bare"]


def test_tiers_of_before_are_known_and_what_waited_for_webhooks_waits_still(bare: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with bare.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0113_promised_rewards")
    _fill(bare)

    def rows(sql: str) -> list[tuple[Any, ...]]:
        with bare.read() as conn:
            return [tuple(row) for row in conn.exec_driver_sql(sql)]

    kept = {sql: rows(sql) for sql in (
        "SELECT number, kind, member_id, body FROM webhook_event",
        "SELECT number, state FROM webhook_delivery", "SELECT fresh_id, source, number FROM webhook_fresh",
    )}  # fmt: skip
    assert all(kept.values())
    migrate(bare)
    assert {sql: rows(sql) for sql in kept} == kept
    changes = "SELECT member_id, programme_id, ladder_version, was, level, until_day, change FROM tier_change"
    assert rows(changes) == [(1, 1, 3, 2, 2, 739_000, "known")]
    with bare.begin() as conn:
        conn.exec_driver_sql(
            "INSERT INTO tier_change (member_id, programme_id, ladder_version, was, level, change, cause,"
            " day, at) VALUES (2, 1, 3, 0, 1, 'reached', 'purchase', 1, 1)"
        )
    assert [row[0] for row in rows("SELECT source FROM webhook_fresh ORDER BY fresh_id")] == ["case", "tier"]


def _fill(bare: Database) -> None:
    ident, key = blob(bare, "07" * 16), blob(bare, "07" * 20)
    member = "INSERT INTO member (member_id, status, custody, ledger_base, created_at) VALUES"
    statements = (
        "INSERT INTO merchant (merchant_id, name, status, admin_key, operations_key, settlement_key,"
        f" created_at) VALUES (7, 'M', 'active', {key}, {key}, {key}, 1)",
        f"{member} (1, 'active', 'device', 4, 1)", f"{member} (2, 'active', 'device', 8, 1)",
        "INSERT INTO programme (programme_id, code, merchant_id, name, currency, timezone, cycle,"
        " pending_days, created_at, jurisdiction)"
        " VALUES (1, 'P', 7, 'P', 'USD', 'UTC', 'month', 0, 1, 'none')",
        "INSERT INTO member_tier VALUES (1, 1, 2, 739000, 5000, 3)",
        "INSERT INTO member_tier VALUES (2, 1, 0, NULL, 10, 3)",
        "INSERT INTO webhook_endpoint (endpoint_id, merchant_id, url, kinds, state, generation, rotated_at,"
        f" created_by, created_at, failures) VALUES ({ident}, 7, 'https://x', '', 'active', 1, 1, 'm', 1, 0)",
        "INSERT INTO webhook_event (number, event_id, merchant_id, kind, member_id, body, occurred_at,"
        f" recorded_at) VALUES (1, {ident}, 7, 'case.changed', 1, '{{}}', 1, 1)",
        "INSERT INTO webhook_delivery (endpoint_id, number, lane, state, attempts, due_at)"
        f" VALUES ({ident}, 1, 1, 'pending', 0, 1)",
        "INSERT INTO webhook_fresh (source, ref, number) VALUES ('case', NULL, 9)",
    )
    with bare.begin() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)
