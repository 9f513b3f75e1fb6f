"""What a monitor reads from /metrics about the bridge, the signing process, audits, alarms and the disk."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger_service.bootstrap.surroundings import note_verdict, read_verdict
from ledger_service.chain.desk import MINING_HELD_BACK, Desk, raise_alarm
from ledger_service.cli import alarms
from ledger_service.db.engine import Database
from tests.api.service import Shop


def real_time() -> datetime:
    return datetime.now(UTC)


def gauges(shop: Shop) -> dict[str, float]:
    lines = shop.client.get("/metrics").get_data(as_text=True).splitlines()
    return {name: float(value) for name, value in (ln.rsplit(" ", 1) for ln in lines if ln[0] != "#")}


def test_a_bridge_that_leads_is_not_absent_and_one_whose_lease_ended_is(shop: Shop) -> None:
    assert "alliance_bridge_absent_seconds" not in gauges(shop)
    database = shop.serving.foundations.database
    assert Desk(database, "one", real_time, 15).lead()
    assert gauges(shop)["alliance_bridge_absent_seconds"] == 0
    late = Desk(database, "one", lambda: real_time() - timedelta(seconds=100), 15)
    assert late.lead()
    assert 85 <= gauges(shop)["alliance_bridge_absent_seconds"] < 120


def test_alarms_are_counted_by_code_and_go_when_a_person_clears_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    database: Database = shop.serving.foundations.database
    with database.begin() as conn:
        for subject in ("a", "b"):
            raise_alarm(conn, real_time, "nonce-stolen", subject, "nonce 7")
        raise_alarm(conn, real_time, MINING_HELD_BACK, "", "the journal is being replayed")
    assert gauges(shop)['alliance_chain_alarms{code="nonce-stolen"}'] == 2
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", str(database.url))
    assert alarms.main(["list"]) == 0
    assert "nonce-stolen a nonce 7\n" in capfd.readouterr().out
    assert alarms.main(["clear", "nonce-stolen", "a"]) == 0
    assert gauges(shop)['alliance_chain_alarms{code="nonce-stolen"}'] == 1
    assert alarms.main(["clear", "nonce-stolen"]) == 0
    assert alarms.main(["clear", MINING_HELD_BACK]) == 1, "the bridge reads this one after a crash"
    shown = gauges(shop)
    assert 'alliance_chain_alarms{code="nonce-stolen"}' not in shown
    assert shown[f'alliance_chain_alarms{{code="{MINING_HELD_BACK}"}}'] == 1


def test_the_signing_process_is_reachable_while_its_socket_takes_connections(shop: Shop) -> None:
    path = shop.serving.foundations.settings.signer_socket
    assert gauges(shop)["alliance_signer_reachable"] == 0
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert gauges(shop)["alliance_signer_reachable"] == 1
    assert gauges(shop)["alliance_signer_reachable"] == 0, "a dead process leaves its socket's file"


def test_the_last_audit_shows_its_age_and_its_differences(shop: Shop) -> None:
    folder = shop.serving.foundations.settings.state_dir
    assert "alliance_audit_age_seconds" not in gauges(shop)
    note_verdict(folder, 3)
    shown = gauges(shop)
    assert (shown["alliance_audit_findings"], shown["alliance_audit_age_seconds"] < 60) == (3, True)
    assert shown["alliance_state_free_bytes"] > 0
    (folder / "audit.json").write_text('{"at": "soon"', encoding="ascii")
    assert read_verdict(folder) is None
    assert "alliance_audit_age_seconds" not in gauges(shop)


def test_sqlites_log_shows_its_length_and_the_copies_that_were_made_and_failed(shop: Shop) -> None:
    database: Database = shop.serving.foundations.database
    log = database.write_back
    assert log is not None
    before = gauges(shop)
    assert before["alliance_sqlite_log_failures_total"] == 0
    with database.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE kept (body BLOB)")
        conn.exec_driver_sql("INSERT INTO kept VALUES (zeroblob(400000))")
    shown = gauges(shop)["alliance_sqlite_log_pages"]
    assert shown == log.pages()
    assert shown >= before["alliance_sqlite_log_pages"] + 97
    log.figures.copies, log.figures.begun_anew, log.figures.failures = 5, 2, 3
    after = gauges(shop)
    names = ("copies", "begun_anew", "failures")
    assert [after[f"alliance_sqlite_log_{name}_total"] for name in names] == [5, 2, 3]


def test_only_sqlite_has_such_a_log(any_shop: Shop) -> None:
    shown = gauges(any_shop)
    assert ("alliance_sqlite_log_pages" in shown) == any_shop.serving.foundations.database.is_sqlite
    assert shown["alliance_sqlite_log_copies_total"] == 0


def test_a_verdict_makes_its_folder(tmp_path: Path) -> None:
    note_verdict(tmp_path / "new", 0)
    noted = read_verdict(tmp_path / "new")
    assert noted is not None
    assert noted.findings == 0
