"""A mirror of the first release learns its first ClearingHouse from the founding's own step."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from ledger_service.db.engine import Database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.schema import migrate
from tests.migrations.test_migrations import bare

__all__ = ["bare"]


def at_release_one(database: Database, state: str, block: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0003_set_aside")

    def raw(byte: str, count: int) -> str:
        return f"x'{byte * count}'" if database.is_sqlite else f"decode('{byte * count}', 'hex')"

    house, other, tx = raw("aa", 20), raw("bb", 20), raw("cc", 32)
    with database.begin() as conn:
        conn.exec_driver_sql(
            "INSERT INTO alliance (id, name, currency, gs1_prefix, chain_id, clearing_house, registry,"
            " manager, points_implementation, per_permit_micros, per_day_micros, founded_at)"
            f" VALUES (1, 'A', 'USD', '952', 1, {house}, {other}, {other}, {other}, 1, 1, 1)"
        )
        conn.exec_driver_sql(f"INSERT INTO chain_journal (position, tx_hash, raw_tx) VALUES (1, {tx}, {tx})")
        conn.exec_driver_sql(
            "INSERT INTO chain_tx (tx_hash, signer, nonce, attempt, slot, state, step, gas, max_fee,"
            " priority_fee, block_number, signed_at)"
            f" VALUES ({tx}, {other}, 0, 0, 1, '{state}', 'deploy:clearing-house', 1, 1, 1, {block}, 1)"
        )


def houses(database: Database) -> list[tuple[int, bytes, int]]:
    with database.read() as conn:
        rows = conn.exec_driver_sql("SELECT number, address, block_number FROM chain_house").all()
    return [(number, bytes(address), block) for number, address, block in rows]


def test_the_first_house_stands_where_it_was_put_in_force(bare: Database) -> None:
    at_release_one(bare, "final", "17")
    migrate(bare)
    assert houses(bare) == [(1, b"\xaa" * 20, 17)]


def test_a_house_that_no_block_has_yet_is_left_to_the_index(bare: Database) -> None:
    at_release_one(bare, "broadcast", "NULL")
    migrate(bare)
    assert houses(bare) == []


def test_a_house_of_an_older_release_takes_no_extensions(bare: Database) -> None:
    at_release_one(bare, "final", "17")
    migrate(bare)
    with bare.read() as conn:
        assert [bool(row[0]) for row in conn.exec_driver_sql("SELECT extends FROM alliance")] == [False]
