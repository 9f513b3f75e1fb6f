"""Settings, the command line and the clocks of a replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger_service.api.errors import ReplayTimeOutOfRange
from ledger_service.bootstrap.chain_parts import desk_of
from ledger_service.bootstrap.clocks import MovedClock, NotedClock, ReplayClock, note_instant
from ledger_service.bootstrap.worker_name import JOBS, SERVE, WorkerName, names_held
from ledger_service.chain.settings import ChainSettings
from ledger_service.cli import COMMANDS, main
from ledger_service.config import ConfigurationError, settings_of
from ledger_service.db.engine import Database

OLD = datetime(2017, 1, 1, tzinfo=UTC)


def test_paths_follow_the_state_folder_and_may_be_set_each(tmp_path: Path) -> None:
    settings = settings_of(
        {"ALLIANCE_STATE_DIR": str(tmp_path), "ALLIANCE_CHAIN_STORE": "/elsewhere/chain.db"}
    )
    assert settings.database_url == f"sqlite:///{tmp_path}/alliance.db"
    assert settings.signer_socket == tmp_path / "signer.sock"
    assert settings.chain_store == Path("/elsewhere/chain.db")


@pytest.mark.parametrize(
    "given",
    [
        {"ALLIANCE_WORKER": "2"},
        {"ALLIANCE_WORKERS": "0"},
        {"ALLIANCE_WORKERS": "two"},
        {"ALLIANCE_REPLAY": "yes"},
        {"ALLIANCE_HTTP_PORT": "65536"},
        {"ALLIANCE_HTTP_PORT": "-1"},
        {"ALLIANCE_QUEUE_MOST": "9" * 5_000},
        {"ALLIANCE_LOG_LEVEL": "loud"},
        {"ALLIANCE_STATE_DIR": ""},
    ],
)
def test_a_setting_that_cannot_be_used_is_named(given: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings_of(given)
    assert next(iter(given)) in str(refused.value)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_answers_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: alliance" in capsys.readouterr().out


def test_a_moved_clock_stands_at_the_newest_instant_and_goes_on() -> None:
    clock = MovedClock()
    clock.observe(OLD)
    clock.observe(OLD - timedelta(days=1))
    assert OLD <= clock.now() < OLD + timedelta(minutes=1)
    clock.observe(OLD + timedelta(days=1))
    assert clock.now() >= OLD + timedelta(days=1)


def test_another_process_sees_where_the_replay_stands_also_after_a_restart(database: Database) -> None:
    serving = ReplayClock(database)
    serving.start()
    serving.observe(OLD)
    serving.close()
    assert OLD <= NotedClock(database).now() < OLD + timedelta(minutes=1)
    again = ReplayClock(database)
    again.start()
    assert OLD <= again.now() < OLD + timedelta(minutes=1)
    again.close()
    with database.begin() as conn:
        assert note_instant(conn, OLD - timedelta(days=3)) >= OLD


def test_one_step_of_the_replay_is_bounded_and_other_processes_steps_count(database: Database) -> None:
    first, second = ReplayClock(database), ReplayClock(database)
    first.start()
    first.observe(OLD)
    first.close()
    second.start()
    with pytest.raises(ReplayTimeOutOfRange):
        first.observe(OLD + timedelta(days=93))
    assert first.now() < OLD + timedelta(minutes=1)
    second.observe(OLD + timedelta(days=60))
    second.close()
    first.observe(OLD + timedelta(days=120))
    assert first.now() >= OLD + timedelta(days=120)


def test_a_serving_process_without_requests_follows_the_others(database: Database) -> None:
    idle = ReplayClock(database)
    with database.begin() as conn:
        note_instant(conn, OLD)
    idle.start()
    with database.begin() as conn:
        note_instant(conn, OLD + timedelta(days=3))
    idle.close()
    assert idle.now() >= OLD + timedelta(days=3)


def test_two_processes_never_hold_one_worker_name_and_a_free_one_comes_back(tmp_path: Path) -> None:
    first, second = WorkerName(tmp_path), WorkerName(tmp_path)
    assert first.text.endswith("-1")
    assert second.text.endswith("-2")
    first.release()
    third = WorkerName(tmp_path)
    assert third.text == first.text
    second.release()
    serving = WorkerName(tmp_path, SERVE)
    assert [names_held(tmp_path, purpose) for purpose in (SERVE, JOBS)] == [1, 1]
    third.release()
    serving.release()
    assert [names_held(tmp_path, purpose) for purpose in (SERVE, JOBS)] == [0, 0]


def test_two_bridges_of_one_host_name_and_process_id_never_take_the_lead_from_each_other(
    database: Database,
) -> None:
    first, second = (desk_of(database, ChainSettings()) for _ in range(2))
    assert [first.lead(), second.lead()] == [True, False]


def test_workers_of_two_machines_with_one_host_name_never_share_a_name(tmp_path: Path) -> None:
    names = [WorkerName(tmp_path / folder) for folder in ("one", "two")]
    assert names[0].text != names[1].text
    assert all(len(name.text) <= 32 for name in names)  # as wide as the tables take it
    for name in names:
        name.release()
    again = WorkerName(tmp_path / "one")
    assert again.text == names[0].text
    again.release()
