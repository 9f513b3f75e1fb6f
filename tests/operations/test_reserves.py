"""A grocer whose reserve limits what it issues, with real processes: custodian, figure, default, cure."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.demo.stack import SetupFailed
from ledger_service.kernel.clock import format_instant, parse_instant, seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.reserve_words import NAME, Figure
from ledger_service.kernel.secp256k1 import address_of_key, address_text, keccak256, sign_digest
from tests.operations.installation import GROCER, Installation, wait_until

BANK = keccak256(b"a bank")


class Reserved(Installation):
    """A grocer with a bank behind its points."""

    def now(self, **later: int) -> str:
        return format_instant(parse_instant(self.run("clock").strip(), "clock") + timedelta(**later))

    def reserve(self, what: str, *more: str) -> dict[str, Any]:
        return dict(json.loads(self.run("reserve", what, "--merchant", GROCER, "--json", *more))[0])

    def figure(self, micros: int, sequence: int, key: bytes = BANK) -> dict[str, Any]:
        at = self.now()
        told = Figure(int(GROCER), micros, seconds_floor(parse_instant(at, "at")), sequence)
        with self.database() as database, database.read() as conn:
            alliance = the_alliance(conn)
        assert alliance.reserve_desk is not None
        digest = Domain(alliance.chain_id, alliance.reserve_desk, NAME).digest(told.struct_hash())
        words = ("--micros", str(micros), "--as-of", at, "--sequence", str(sequence))
        return self.reserve("figure", *words, "--signature", sign_digest(key, digest).hex())

    def limits(self, table: str = "chain_issuance_limit") -> int:
        with self.database() as database, database.read() as conn:
            return int(conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())

    def told(self) -> int:
        """How much of limits and reserves the bridge has read off the chain."""
        return self.limits() + self.limits("chain_reserve")

    def day_goes_by(self) -> None:
        """A day, and before it the second that a worker's catalogue may be behind the database."""
        time.sleep(1.1)
        self.run("clock", "--days", "1")

    def earned(self, number: str) -> dict[str, Any]:
        return dict(self.sell(number, 100_000)["earned"][0])


@pytest.fixture
def grocer(tmp_path: Path) -> Iterator[Reserved]:
    made = Reserved(tmp_path, {"ALLIANCE_REPLAY": "1"})
    try:
        made.found("--at", "2017-03-01T12:00:00Z")
        yield made
    finally:
        made.close()


def test_a_reserve_limits_what_is_issued_and_a_default_freezes_it(grocer: Reserved, tmp_path: Path) -> None:
    member = grocer.enrol()["number"]
    assert grocer.earned(member)["points"] > 0
    named = grocer.reserve("custodian", "--address", address_text(address_of_key(BANK)))
    assert named["custodian"] == "0x" + address_of_key(BANK).hex()
    with pytest.raises(SetupFailed, match="ReserveNoticeTooShort"):
        grocer.reserve("require", "--bps", "10000", "--from", grocer.now(days=1))
    grocer.reserve("require", "--bps", "10000", "--from", grocer.now(days=9))
    grocer.run("clock", "--days", "10")
    with pytest.raises(SetupFailed, match="ReserveSignatureInvalid"):
        grocer.figure(1, 1, keccak256(b"another"))
    covered = grocer.figure(1, 1)
    assert covered["required_bps"] == 10_000 and covered["coverage_bps"] == 0
    wait_until(lambda: grocer.limits() == 1, "the limit is not indexed")
    grocer.day_goes_by()
    wait_until(lambda: grocer.earned(member).get("reason") == "cap-exhausted", "earning goes on")
    grocer.figure(10**12, 2)
    wait_until(lambda: grocer.earned(member)["points"] > 0, "earning does not come back")
    letter = tmp_path / "letter.txt"
    letter.write_text("the court's decision")
    known = grocer.told()
    frozen = grocer.reserve("default", "--from", grocer.now(hours=2), "--evidence", str(letter))
    assert frozen["default_from"] and frozen["coverage_bps"] > 10_000
    # A sale before that would be accepted, and refused on the chain.
    wait_until(lambda: grocer.told() > known, "the default is not indexed")
    grocer.day_goes_by()
    wait_until(lambda: grocer.earned(member).get("reason") == "cap-exhausted", "nothing is frozen")
    assert grocer.reserve("cure", "--evidence", str(letter))["default_from"] is None
    with pytest.raises(SetupFailed, match="not-in-default"):
        grocer.reserve("cure", "--evidence", str(letter))
    wait_until(lambda: grocer.earned(member)["points"] > 0, "earning does not come back")
    wait_until(grocer.drained, "not every operation is final")
    grocer.assert_sound()
    with grocer.database() as database, database.begin() as conn:
        conn.exec_driver_sql("UPDATE alliance SET reserve_desk = NULL")
    with pytest.raises(SetupFailed, match="reserves-not-offered"):
        grocer.reserve("refresh")
