"""A sandbox whose clock is moved by one command: vesting, hold deadlines and expiry come when it says so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.chain_parts import node_of
from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt
from ledger_service.chain.models import chain_operation, chain_period
from ledger_service.demo.stack import SetupFailed
from ledger_service.kernel import otp
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.merkle import verify
from ledger_service.kernel.operations import Expire, Kind
from ledger_service.kernel.points import Leg
from ledger_service.outbox.queries import newest_intent, waiting_up_to
from tests.api.service import basket
from tests.operations.asleep import quiet_stop
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


def notices(sandbox: Installation, number: str) -> list[tuple[int, str]]:
    found = sandbox.get(sandbox.operator, f"/v1/members/{number}/notices")["notices"]
    return [(notice["points"], notice["last_day"]) for notice in found]


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def assert_expiry_proven(sandbox: Installation, number: str) -> None:
    """What the service answers of the expiry leads to the root that the contract answers at the node."""
    entries = sandbox.get(sandbox.operator, f"/v1/members/{number}/entries")["entries"]
    expiry = next(entry for entry in entries if entry["kind"] == "expire")["operation"]
    path = f"/v1/operations/{expiry}/proof"
    wait_until(lambda: sandbox.get(sandbox.operator, path)["state"] == "final", "it is in no final block", 30)
    told = sandbox.get(sandbox.operator, path)
    facts, proof, leg = told["facts"], told["proof"], told["facts"]["leg"]
    whole = Leg(leg["programme_id"], leg["terms_version"], leg["epoch"], leg["amount"])
    said = Expire(raw(expiry), int(facts["merchant"]), raw(facts["account"]), facts["accepted_at"], whole)
    question = load("ClearingHouse").call_data("rootOf", proof["batch"])
    node = node_of(sandbox.settings)
    with closing(node.transport):
        root = node.call(CallAt(bytes(20), raw(told["clearing_house"]), question, at="latest"))
    assert isinstance(root, bytes)
    assert whole.amount == 100
    assert verify(said.leaf(), [raw(step) for step in proof["path"]], root)


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
    sandbox.run("clock", "--days", "80")
    wait_until(lambda: notices(sandbox, number) == [(100, "2017-06-30")], "nobody was told", 20)
    for _ in range(2):
        sandbox.run("clock", "--days", "80")
    wait_until(lambda: parts(sandbox, number) == (0, 0, 0), "the points did not expire", 20)
    assert_expiry_proven(sandbox, number)
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


def period_of(sale: dict[str, Any]) -> int:
    """The settlement period that a receipt names."""
    return int(sale["receipt"]["period"])


def closings(sandbox: Installation) -> list[int]:
    with sandbox.database() as database, database.read() as conn:
        return list(conn.execute(select(chain_period.c.period).order_by(chain_period.c.period)).scalars())


def waiting(sandbox: Installation) -> int:
    with sandbox.database() as database, database.read() as conn:
        return waiting_up_to(conn, newest_intent(conn))


def test_a_period_is_closed_once_after_what_was_accepted_before_it_is_on_chain(sandbox: Installation) -> None:
    number = sandbox.new_member()
    assert period_of(sandbox.sell(number)) == 1
    sandbox.run("clock", "--days", "31")

    quiet_stop(sandbox, "bridge")
    sandbox.new_member()
    with pytest.raises(SetupFailed, match="period-not-drained"):
        sandbox.run("settle", "close", "--period", "1", "--wait", "1")
    assert closings(sandbox) == []
    sandbox.signal("bridge", signal.SIGCONT)

    assert sandbox.run("settle", "close", "--period", "1") == "period 1 is closed; period 2 is open\n"
    assert not waiting(sandbox), "what was accepted before is not on chain"
    assert sandbox.run("settle", "close", "--period", "1") == "period 1 was closed before; period 2 is open\n"
    with pytest.raises(SetupFailed, match="period-not-open"):
        sandbox.run("settle", "close", "--period", "3")
    wait_until(lambda: closings(sandbox) == [1], "the mirror does not see the end of the period", 20)
    wait_until(lambda: period_of(sandbox.sell(number)) == 2, "receipts name the period before", 20)
    sandbox.assert_sound()
