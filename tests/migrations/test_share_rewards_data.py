"""Rewards of before coupons are rewards of points afterwards, with all that happened to them, told once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from ledger_service.db.engine import Database, open_database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.schema import migrate
from tests.migrations.test_days_data import blob


def before_coupons(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0057_coupons_told")
    with database.begin() as conn:
        _fill(conn, database)


def _fill(conn: Connection, database: Database) -> None:
    ident, hashed = blob(database, "07" * 16), blob(database, "08" * 32)
    another = blob(database, "09" * 16)
    rows = (
        "INSERT INTO merchant (merchant_id, name, status, admin_key, operations_key, settlement_key,"
        f" created_at) VALUES (7, 'M', 'active', {ident}, {ident}, {ident}, 1)",
        "INSERT INTO member (member_id, status, custody, ledger_base, created_at)"
        " VALUES (1, 'active', 'device', 4, 1)",
        "INSERT INTO programme (programme_id, code, merchant_id, name, currency, timezone, cycle,"
        " pending_days, created_at, jurisdiction)"
        " VALUES (1, 'P', 7, 'P', 'USD', 'UTC', 'month', 0, 1, 'none')",
        "INSERT INTO share_campaign (campaign_id, code, merchant_id, programme_id, name, state, version,"
        " most_points, most_rewards, used_points, used_rewards, live_at, created_at)"
        f" VALUES ({ident}, 'S', 7, 1, '春', 'live', 1, 100, 5, 60, 1, 1, 1)",
        "INSERT INTO share_campaign_version (campaign_id, version, body, depth, trigger_kind, state,"
        f" asked_by, asked_at, decided_by, decided_at) VALUES ({ident}, 1,"
        " '{\"milestones\":[[2,50],[3,60]]}', 1, 'basket', 'approved', 'a', 1, 'b', 1)",
        f"INSERT INTO share_commitment VALUES (1, {hashed}, {hashed}, 1)",
        "INSERT INTO share_reward (reward_id, campaign_id, version, sale_id, number, role, depth, member_id,"
        " programme_id, points, vest_days, least_kept_minor, state, reasons, until, sold_at, collected,"
        f" made_at) VALUES ({ident}, {ident}, 1, {ident}, 1, 'sharer', 1, 1, 1, 60, 14, 1, 'granted', '',"
        " 1, 1, 0, 1)",
        "INSERT INTO share_reward (reward_id, campaign_id, version, sale_id, number, role, depth, member_id,"
        " programme_id, points, vest_days, least_kept_minor, state, reasons, until, sold_at, collected,"
        f" made_at) VALUES ({another}, {ident}, 1, {ident}, 1, 'milestone', 1, 1, 1, 60, 14, 1, 'granted',"
        " '', 1, 1, 0, 2)",
        f"INSERT INTO share_reward_event VALUES ({ident}, 0, 'granted', 'service', '', 1)",
    )
    for row in rows:
        conn.exec_driver_sql(row)


def test_rewards_of_before_are_of_points_and_keep_what_happened(tmp_path: Path) -> None:
    bare = open_database(f"sqlite:///{tmp_path}/bare.db")  # which must make the table anew
    before_coupons(bare)
    with bare.read() as conn:
        noted = conn.exec_driver_sql("SELECT COUNT(*) FROM webhook_fresh").scalar_one()
    migrate(bare)
    with bare.read() as conn:
        rewards = conn.exec_driver_sql(
            "SELECT points, pays, definition_id, state, reached FROM share_reward ORDER BY made_at"
        ).all()
        events = conn.exec_driver_sql("SELECT kind FROM share_reward_event").scalars().all()
        used = "SELECT used_points, most_coupons, used_coupons FROM share_campaign"
        kept = conn.exec_driver_sql(used).all()
        again = conn.exec_driver_sql("SELECT COUNT(*) FROM webhook_fresh").scalar_one()
        promised = "SELECT promise, promise_id, returns FROM share_reward"
        made_before = {tuple(row) for row in conn.exec_driver_sql(promised)}
        told = "SELECT told, answered, told_points, open_points, stands_points FROM share_campaign"
        untold = [tuple(row) for row in conn.exec_driver_sql(told)]
    assert [tuple(row) for row in rewards] == [
        (60, "points", None, "granted", None), (60, "points", None, "granted", 3),
    ]  # fmt: skip
    assert (made_before, untold) == ({(None, None, 0)}, [(0, 0, 0, 0, 0)]), "these stay earns"
    assert (events, [tuple(row) for row in kept], again) == (["granted"], [(60, 0, 0)], noted)
    bare.close()
