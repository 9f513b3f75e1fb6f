"""What a database of the first revision holds is still there after the migrations behind it."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from ledger_service.db.engine import Database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.schema import migrate
from tests.migrations.test_migrations import bare

__all__ = ["bare"]

MEMBER = "INSERT INTO member (member_id, status, custody, ledger_base, created_at)"
MERCHANT = (
    "INSERT INTO merchant (merchant_id, name, status, admin_key, operations_key, settlement_key, created_at)"
)
PROGRAMME = (
    "INSERT INTO programme (programme_id, code, merchant_id, name, currency, timezone, cycle, pending_days,"
    " created_at)"
)
PENDING = (
    'INSERT INTO pending_issue (op_id, member_id, programme_id, epoch, amount, "left", vests_at, sale_id,'
    " rule_version, state)"
)
LAW = "SELECT code, notice_days, jurisdiction FROM programme"
STANDING = (
    "INSERT INTO member_programme (member_id, programme_id, debt, frozen, frozen_reason, earned_day,"
    " earned_today)"
)


def at_first_revision(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
    key = "x'01'" if database.is_sqlite else "decode('01', 'hex')"
    yes, no = ("1", "0") if database.is_sqlite else ("TRUE", "FALSE")
    with database.begin() as conn:
        for member in (1, 2):
            conn.exec_driver_sql(f"{MEMBER} VALUES ({member}, 'active', 'device', {member * 4}, 1)")
        conn.exec_driver_sql(f"{MERCHANT} VALUES (7, 'M', 'active', {key}, {key}, {key}, 1)")
        conn.exec_driver_sql(f"{PROGRAMME} VALUES (3, 'GROC', 7, 'P', 'USD', 'UTC', 'month', 0, 1)")
        conn.exec_driver_sql(f"{PENDING} VALUES ({key}, 1, 3, 2, 50, 40, 900, {key}, 1, 'waiting')")
        conn.exec_driver_sql(f"{STANDING} VALUES (1, 3, 5, {yes}, 'why', 738000, 40)")
        conn.exec_driver_sql(f"{STANDING} VALUES (2, 3, 0, {no}, NULL, 0, 0)")


def test_standings_and_the_days_earning_survive(bare: Database) -> None:
    at_first_revision(bare)
    migrate(bare)
    with bare.read() as conn:
        standings = conn.exec_driver_sql(
            "SELECT member_id, debt, frozen, frozen_reason FROM member_programme ORDER BY member_id"
        ).all()
        days = conn.exec_driver_sql("SELECT member_id, programme_id, day, points FROM earned_on_day").all()
    assert [(m, debt, bool(frozen), why) for m, debt, frozen, why in standings] == [
        (1, 5, True, "why"),
        (2, 0, False, None),
    ]
    assert [tuple(row) for row in days] == [(1, 3, 738_000, 40)]


def test_pending_points_of_before_wait_for_their_day_and_for_no_event(bare: Database) -> None:
    at_first_revision(bare)
    migrate(bare)
    with bare.read() as conn:
        row = conn.exec_driver_sql(
            'SELECT member_id, amount, "left", vests_at, state, leaf, awaits, lapses FROM pending_issue'
        ).one()
    assert (*row[:-1], bool(row.lapses)) == (1, 50, 40, 900, "waiting", None, None, False)


def test_programmes_of_before_follow_no_law_and_give_no_notices(bare: Database) -> None:
    at_first_revision(bare)
    migrate(bare)
    with bare.read() as conn:
        assert [tuple(row) for row in conn.exec_driver_sql(LAW)] == [("GROC", None, "none")]
