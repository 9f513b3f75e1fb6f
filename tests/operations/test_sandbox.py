"""A sandbox whose clock is moved by one command: vesting, hold deadlines and expiry come when it says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.chain.models import chain_operation
from ledger_service.demo.stack import SetupFailed
from ledger_service.kernel import otp
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.operations import Kind
from tests.api.service import basket
from tests.operations.installation import STORE, Installation, wait_until

BEGUN = "2017-03-01T12:00:00Z"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path, {"ALLIANCE_REPLAY": "1"}, programme={"pending_days": 2})
    try:
        made.found("--at", BEGUN)
        yield made
    finally:
        made.close()


def parts(sandbox: Installation, number: str) -> tuple[int, int, int]:
    """(available, held, pending) of the member over all epochs."""
    rows = sandbox.get(sandbox.operator, f"/v1/members/{number}/balance")["balances"]
    available, held, pending = (sum(row[part] for row in rows) for part in ("available", "held", "pending"))
    return available, held, pending


def kinds(sandbox: Installation) -> set[int]:
    with sandbox.database() as database, database.read() as conn:
        return set(conn.execute(select(chain_operation.c.kind)).scalars())


def test_points_vest_a_hold_ends_and_points_expire_when_the_clock_is_moved(sandbox: Installation) -> None:
    enrolled = sandbox.enrol()
    number = enrolled["number"]
    sandbox.sell(number)
    assert parts(sandbox, number) == (0, 0, 100)

    sandbox.run("clock", "--days", "3")
    wait_until(lambda: parts(sandbox, number) == (100, 0, 0), "the points did not vest", 20)

    known, now = enrolled["devices"][0]["digits"], parse_instant(sandbox.run("clock").strip(), "clock")
    code = otp.digits_at(bytes.fromhex(known["secret"]), known["number"], seconds_floor(now))
    spend = {"pay_code": code}, {"max_value_minor": 40}
    body = basket(STORE, 500, member=spend[0], spend=spend[1], ttl_seconds=60)
    sandbox.must(sandbox.till, "/v1/authorisations", body)
    assert parts(sandbox, number) == (60, 40, 0)
    sandbox.run("clock", "--seconds", "120")
    wait_until(lambda: parts(sandbox, number) == (100, 0, 0), "the hold did not end", 20)

    with pytest.raises(SetupFailed, match="replay-time-out-of-range"):
        sandbox.run("clock", "--days", "200")
    for _ in range(3):
        sandbox.run("clock", "--days", "80")
    wait_until(lambda: parts(sandbox, number) == (0, 0, 0), "the points did not expire", 20)
    sandbox.assert_sound()
    assert kinds(sandbox) >= {Kind.ISSUE, Kind.EXPIRE}


def test_nothing_moves_the_clock_back_or_outside_replay(sandbox: Installation) -> None:
    stood = sandbox.run("clock")
    with pytest.raises(SetupFailed, match="replay-time-out-of-range"):
        sandbox.run("clock", "--to", "2017-02-01T00:00:00Z")
    assert sandbox.run("clock") >= stood
    sandbox.environment["ALLIANCE_REPLAY"] = "0"
    with pytest.raises(SetupFailed, match="only ALLIANCE_REPLAY=1"):
        sandbox.run("clock", "--days", "1")
