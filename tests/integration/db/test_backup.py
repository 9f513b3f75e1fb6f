"""Backups of both kinds of database: whole or not at all, stated point of recovery, damage is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import make_url

from ledger_service.bootstrap.alliance import Alliance, NotFounded, find_alliance, store_alliance
from ledger_service.bootstrap.backup import MANIFEST, backup, restore
from ledger_service.config import Settings, settings_of
from ledger_service.db.copies import CopyRefused
from ledger_service.db.engine import Database, open_database
from ledger_service.kernel.clock import instant_of_seconds
from tests.conftest import Cluster
from tests.integration.db.test_copies import write

AT = instant_of_seconds(1_700_000_000)
FOUNDED = Alliance("Main Street", "USD", "952000", 31337, *(bytes([n]) * 20 for n in range(4)), 1, 1, AT)


def settings_for(database: Database | str, state: Path) -> Settings:
    url = database if isinstance(database, str) else database.url.render_as_string(hide_password=False)
    return settings_of({"ALLIANCE_DATABASE_URL": url, "ALLIANCE_STATE_DIR": str(state)})


def founded(database: Database) -> None:
    with database.begin() as conn:
        store_alliance(conn, FOUNDED)
        conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
        conn.exec_driver_sql("INSERT INTO alembic_version VALUES ('0003')")


def assert_is_founded(url: str) -> None:
    there = open_database(url)
    with there.read() as conn:
        assert find_alliance(conn) == FOUNDED
    there.close()


def test_a_backup_states_its_point_and_comes_back_where_nothing_stands(
    sqlite_database: Database, tmp_path: Path
) -> None:
    founded(sqlite_database)
    write(sqlite_database, 1, 2, 3)
    folder = tmp_path / "backup"
    point = backup(settings_for(sqlite_database, tmp_path / "state"), folder)
    assert (point.alliance, point.schema, point.last_entry) == ("Main Street", "0003", 3)
    assert "up to entry 3, recorded 1970-01-01T00:00:03Z" in point.text()
    assert sorted(path.name for path in folder.iterdir()) == ["alliance.db", MANIFEST]
    assert {path.stat().st_mode & 0o077 for path in (folder, folder / "alliance.db")} == {0}
    place = settings_for(f"sqlite:///{tmp_path / 'new' / 'alliance.db'}", tmp_path / "new")
    assert restore(place, folder) == point
    assert_is_founded(place.database_url)
    with pytest.raises(CopyRefused, match="nothing is overwritten"):
        restore(place, folder)


def test_a_backup_never_goes_into_a_folder_that_exists_and_leaves_none_behind_that_is_half(
    sqlite_database: Database, tmp_path: Path
) -> None:
    settings = settings_for(sqlite_database, tmp_path / "state")
    (tmp_path / "there").mkdir()
    with pytest.raises(CopyRefused, match="exists"):
        backup(settings, tmp_path / "there")
    before = set(tmp_path.iterdir())
    with pytest.raises(NotFounded):
        backup(settings, tmp_path / "new")
    assert set(tmp_path.iterdir()) == before


def test_damage_is_seen_before_anything_is_put_in_place(sqlite_database: Database, tmp_path: Path) -> None:
    founded(sqlite_database)
    folder, state = tmp_path / "backup", tmp_path / "new"
    backup(settings_for(sqlite_database, tmp_path / "state"), folder)
    copy = bytearray((folder / "alliance.db").read_bytes())
    copy[5_000] ^= 1
    (folder / "alliance.db").write_bytes(bytes(copy))
    place = settings_for(f"sqlite:///{state / 'alliance.db'}", state)
    with pytest.raises(CopyRefused, match="damaged"):
        restore(place, folder)
    (folder / "alliance.db").unlink()
    with pytest.raises(CopyRefused, match="damaged"):
        restore(place, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(CopyRefused, match="another format"):
        restore(place, folder)
    (folder / MANIFEST).write_text("{")
    with pytest.raises(CopyRefused, match="no whole backup"):
        restore(place, folder)
    assert not state.exists()


@pytest.mark.postgres
def test_postgresql_is_backed_up_and_restored_by_the_same_two_commands(
    postgres_database: Database, cluster: Cluster, tmp_path: Path
) -> None:
    founded(postgres_database)
    write(postgres_database, 1, 2)
    folder = tmp_path / "backup"
    point = backup(settings_for(postgres_database, tmp_path / "state"), folder)
    assert point.last_entry == 2
    with pytest.raises(CopyRefused, match="is of postgresql"):
        restore(settings_for(f"sqlite:///{tmp_path / 'other.db'}", tmp_path), folder)
    cluster.admin("CREATE DATABASE put_back")
    try:
        url = str(make_url(cluster.url("put_back")))
        assert restore(settings_for(url, tmp_path / "state"), folder) == point
        assert_is_founded(url)
    finally:
        cluster.admin("DROP DATABASE put_back WITH (FORCE)")
