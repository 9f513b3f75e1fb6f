"""What somebody with the database's password could change, row by row: the audit finds and names each."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.bootstrap.auditing import audit
from ledger_service.config import settings_of
from ledger_service.kernel.intents import operation_of, payload_of
from ledger_service.kernel.operations import Issue, Redeem
from ledger_service.ledger.rules import EntryRow, PostingRow, entry_hash
from tests.demo.conftest import Interrupted

Edit = Callable[[sqlite3.Connection], object]
_GUARDED = ("entry", "posting", "hold_event")


@pytest.fixture
def opened(interrupted: Interrupted, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database out of real sales, in the middle of them, its guards taken off."""
    shutil.copy(interrupted.backup / "alliance.db", tmp_path / "alliance.db")
    with closing(sqlite3.connect(tmp_path / "alliance.db", isolation_level=None)) as conn:
        for table in _GUARDED:
            conn.execute(f"DROP TRIGGER {table}_refuse_update")
            conn.execute(f"DROP TRIGGER {table}_refuse_delete")
        yield conn


def findings(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in audit(settings_of({"ALLIANCE_STATE_DIR": str(folder)}), ask_node=False).findings:
        found.setdefault(one.check, []).append(one.subject)
    return found


def rewrite_history(conn: sqlite3.Connection) -> None:
    """An issue is worth more, in posting, balance and recomputed hash alike."""
    conn.execute("UPDATE posting SET amount = amount + 7 WHERE sequence = 5")
    conn.execute(
        "UPDATE lot SET available = available + 7 WHERE (member_id, programme_id, epoch) IN ("
        "SELECT a.member_id, p.programme_id, p.epoch FROM posting p JOIN account a"
        " ON a.account_id = p.destination_id WHERE p.sequence = 5)"
    )
    row = conn.execute("SELECT sequence, op_id, kind, occurred_at, recorded_at, body FROM entry"
                       " WHERE sequence = 5").fetchone()  # fmt: skip
    names = "source_id, destination_id, programme_id, epoch, amount"
    rows = conn.execute(f"SELECT {names} FROM posting WHERE sequence = 5 ORDER BY position").fetchall()
    made = entry_hash(EntryRow(*row), [PostingRow(*posted) for posted in rows])
    conn.execute("UPDATE entry SET hash = ? WHERE sequence = 5", (made,))


def _last(conn: sqlite3.Connection, kind: int) -> tuple[int, str]:
    query = "SELECT intent_id, payload FROM intent WHERE kind = ? ORDER BY intent_id DESC LIMIT 1"
    number, payload = conn.execute(query, (kind,)).fetchone()
    return int(number), str(payload)


def _store(conn: sqlite3.Connection, number: int, operation: Issue | Redeem) -> None:
    values = (payload_of(operation), operation.leaf(), operation.merchant, number)
    conn.execute("UPDATE intent SET payload = ?, leaf = ?, merchant_id = ? WHERE intent_id = ?", values)


def swell_an_issue(conn: sqlite3.Connection) -> None:
    number, payload = _last(conn, 1)
    issue = operation_of(payload)
    assert isinstance(issue, Issue)
    leg = replace(issue.leg, amount=issue.leg.amount + 100)
    _store(conn, number, replace(issue, leg=leg))


def redirect_a_redemption(conn: sqlite3.Connection) -> None:
    number, payload = _last(conn, 2)
    spent = operation_of(payload)
    assert isinstance(spent, Redeem)
    _store(conn, number, replace(spent, merchant=9))


def invent_an_issue(conn: sqlite3.Connection) -> None:
    number, payload = _last(conn, 1)
    issue = operation_of(payload)
    assert isinstance(issue, Issue)
    made = replace(issue, op_id=bytes(16))
    conn.execute("CREATE TEMP TABLE made AS SELECT * FROM intent WHERE intent_id = ?", (number,))
    conn.execute(
        "UPDATE made SET intent_id = (SELECT MAX(intent_id) + 1 FROM intent), op_id = ?, payload = ?,"
        " leaf = ?, state = 'queued', batch_number = NULL, batch_index = NULL",
        (made.op_id, payload_of(made), made.leaf()),
    )
    conn.execute("INSERT INTO intent SELECT * FROM made")


_ONE_LOT = "(member_id, programme_id, epoch) IN (SELECT member_id, programme_id, epoch FROM lot LIMIT 1)"
_ONE_BALANCE = (
    "(account, programme_id, epoch) IN (SELECT account, programme_id, epoch FROM chain_balance LIMIT 1)"
)
_NEWEST = "intent_id = (SELECT MAX(intent_id) FROM intent WHERE kind = 1)"
_FIRST = "batch = 2 AND position = 0"
_TABLE: dict[str, tuple[str | Edit, str, str]] = {
    "a flipped balance": (
        f"UPDATE lot SET available = available + 1 WHERE {_ONE_LOT}", "ledger-lots", "member"
    ),
    "a flipped debt": (
        "INSERT INTO member_programme (member_id, programme_id, debt, frozen)"
        " SELECT member_id, programme_id, 1, 0 FROM lot LIMIT 1"
        " ON CONFLICT (member_id, programme_id) DO UPDATE SET debt = member_programme.debt + 1",
        "ledger-debt", "member",
    ),
    "a flipped pending amount": (
        f"UPDATE lot SET pending = pending + 1 WHERE {_ONE_LOT}", "ledger-pending", "member"
    ),
    "a pending issue out of nothing": (
        "INSERT INTO pending_issue (op_id, member_id, programme_id, epoch, amount, \"left\", vests_at,"
        " sale_id, rule_version, state, lapses) SELECT zeroblob(16), member_id, programme_id, epoch, 9, 9, 1,"
        " zeroblob(16), 1, 'waiting', 0 FROM lot LIMIT 1",
        "ledger-promised", "00" * 16,
    ),
    "a deleted posting": ("DELETE FROM posting WHERE sequence = 5", "ledger-hash", "entry 5"),
    "an edited entry": ("UPDATE entry SET body = '{}' WHERE sequence = 5", "ledger-hash", "entry 5"),
    "a deleted entry": ("DELETE FROM entry WHERE sequence = 5", "ledger-sequence", "entry 5"),
    "history with its hash": (rewrite_history, "ledger-is-chain", "account"),
    "history against the outbox": (rewrite_history, "outbox-entry", ""),
    "a forged payload": (f"UPDATE intent SET payload = '[1]' WHERE {_NEWEST}", "outbox-leaf", ""),
    "a payload of garbage": (f"UPDATE intent SET payload = 'x' WHERE {_NEWEST}", "outbox-leaf", ""),
    "a forged leaf": (f"UPDATE intent SET leaf = zeroblob(32) WHERE {_NEWEST}", "outbox-leaf", ""),
    "a payload with its leaf": (swell_an_issue, "outbox-entry", ""),
    "a redirected redemption": (redirect_a_redemption, "outbox-entry", ""),
    "an invented operation": (invent_an_issue, "outbox-entry", "00" * 16),
    "a deleted operation": ("DELETE FROM intent WHERE intent_id = 5", "outbox-leaf", ""),
    "a mirrored balance": (
        f"UPDATE chain_balance SET amount = amount + 1 WHERE {_ONE_BALANCE}",
        "operations-are-balances", "account",
    ),
    "a mirrored leaf": (
        f"UPDATE chain_operation SET leaf = zeroblob(32) WHERE {_FIRST}", "batch-root", "batch 2"
    ),
    "mirrored data": (
        f"UPDATE chain_operation SET data = zeroblob(length(data)) WHERE {_FIRST}", "event-is-leaf", ""
    ),
    "mirrored data cut off": (
        f"UPDATE chain_operation SET data = x'01' WHERE {_FIRST}", "event-is-leaf", ""
    ),
    "a mirrored kind": (f"UPDATE chain_operation SET kind = 99 WHERE {_FIRST}", "event-is-leaf", ""),
    "a deleted mirror row": (f"DELETE FROM chain_operation WHERE {_FIRST}", "batch-root", "batch 2"),
    "a mirrored root": (
        "UPDATE chain_applied SET root = zeroblob(32) WHERE number = 2", "batch-root", "batch 2"
    ),
    "a deleted batch": ("DELETE FROM chain_applied WHERE number = 2", "batch-root", "batch 2"),
    "a mirrored counter": ("UPDATE chain_counter SET issued = issued + 1", "counters", ""),
    "a mirrored net": ("UPDATE chain_net SET net_micros = net_micros + 1", "nets", ""),
    "mirrored terms": ("UPDATE chain_terms SET point_value_micros = point_value_micros * 2", "nets", ""),
    "deleted terms": ("DELETE FROM chain_terms", "obligation-basis", ""),
}  # fmt: skip


# Further ways to what another row's check finds too: the deep run tries them.
_AGAIN = frozenset((
    "history against the outbox", "a payload of garbage", "a forged leaf", "a payload with its leaf",
    "a redirected redemption", "a deleted operation", "mirrored data cut off", "a mirrored kind",
    "a mirrored leaf", "a mirrored root", "a deleted batch", "mirrored terms",
))  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[pytest.mark.deep] * (one in _AGAIN)) for one in sorted(_TABLE)]
)
def test_the_audit_names_what_was_changed(opened: sqlite3.Connection, tmp_path: Path, name: str) -> None:
    edit, check, subject = _TABLE[name]
    if isinstance(edit, str):
        opened.execute(edit)
    else:
        edit(opened)
    found = findings(tmp_path)
    assert any(subject in one for one in found.get(check, [])), found


def test_a_backup_taken_in_the_middle_of_sales_is_clean_as_it_lies(
    opened: sqlite3.Connection, tmp_path: Path
) -> None:
    assert findings(tmp_path) == {}
