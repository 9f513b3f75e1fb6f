"""A merchant leaves: announced, ended, its members' points become another's, settled, with real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.chain.models import chain_step
from ledger_service.demo.stack import SetupFailed
from tests.operations.installation import wait_until
from tests.operations.test_settlement import BAKER, GROCER, Pair, rows_of
from tests.unit.settlement.bank.banking import statement as bank_statement
from tests.unit.settlement.bank.banking import told_by

UNTIL, ENDS = "2017-03-20T00:00:00Z", "2017-04-10T00:00:00Z"
END = {"target": "BAKE", "issues_until": UNTIL, "ends_at": ENDS, "spread_bps": 200}


class Leaving(Pair):
    """The grocer leaves, the baker stays."""

    first = ""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Leaving]:
    made = Leaving(tmp_path, {"ALLIANCE_REPLAY": "1"})
    try:
        made.found_both()
        yield made
    finally:
        made.close()


def balance(pair: Leaving, number: str, code: str) -> int:
    told = pair.get(pair.operator, f"/v1/members/{number}/balance")["balances"]
    return sum(one["available"] for one in told if one["programme"] == code)


def notices(pair: Leaving, number: str) -> list[dict[str, Any]]:
    return list(pair.get(pair.operator, f"/v1/members/{number}/notices")["notices"])


def progress(pair: Leaving) -> dict[str, Any]:
    return pair.get(pair.operator, "/v1/programmes/GROC/end")


def later(pair: Leaving, days: str) -> None:
    """So many days on, and the service has taken it over."""
    to = pair.run("clock", "--days", days).strip()[:10]

    def there() -> bool:
        told = pair.get(pair.operator, "/v1/members/" + pair.first + "/balance")["as_of"]
        return str(told)[:10] == to

    wait_until(there, "the service's clock stands")


def announce(pair: Leaving) -> None:
    """The end stands on chain and in the catalogue of every process."""
    pair.must(pair.operator, "/v1/programmes/GROC/end", END)
    wait_until(lambda: progress(pair)["stage"] == "announced", "the index does not tell of the end")


def test_a_merchant_leaves_and_its_members_keep_their_value(pair: Leaving, tmp_path: Path) -> None:
    members = [pair.enrol() for _ in range(3)]
    numbers = [str(one["number"]) for one in members]
    for at, number in enumerate(numbers, 1):
        pair.sell(number, 100_000 * at)
    pair.first = numbers[0]
    announce(pair)
    wait_until(lambda: all(notices(pair, number) for number in numbers), "nobody is told of the end")
    later(pair, "20")
    # Nothing is issued any more; what there is is still spent.
    assert [one["reason"] for one in pair.sell(numbers[0])["earned"]] == ["programme-ends"]
    pair.spend_at_baker(members[0], 300)
    assert progress(pair)["stage"] == "issues-ended"
    pair.run("settle", "close", "--period", "1")
    with pytest.raises(SetupFailed, match="something is open"):
        pair.run("leaving", "--merchant", GROCER)
    left = sum(balance(pair, number, "GROC") for number in numbers)
    before = [balance(pair, number, "BAKE") for number in numbers]
    converted_though_the_bridge_is_killed(pair)
    told = progress(pair)
    assert told["converted"]["points"] == left
    assert (told["converted"]["members"], told["rest"]["members"], told["converted"]["refused"]) == (3, 0, 0)
    now = [balance(pair, number, "BAKE") for number in numbers]
    assert sum(now) - sum(before) == told["converted"]["received"]
    each_member_is_told(pair, numbers)
    settled(pair, tmp_path)
    wait_until(pair.drained, "not every operation is final")
    report = json.loads(pair.run("liability", "--programme", "GROC", "--as-of", "2017-05-31", "--json"))
    assert report["outstanding"] == report["tie"]["chain"] == report["tie"]["lots"] == 0
    assert report["tie"]["holds"]
    assert "nothing is open any more" in pair.run("leaving", "--merchant", GROCER)
    pair.assert_sound()


def converted_though_the_bridge_is_killed(pair: Leaving) -> None:
    """The end comes while no bridge works; the first one that comes back is killed in the middle of it."""
    pair.kill("bridge")
    later(pair, "30")
    pair.start_bridge("second")
    pair.kill("second")
    pair.start_bridge("heir")
    wait_until(lambda: progress(pair)["stage"] == "over", "the rest does not convert")


def each_member_is_told(pair: Leaving, numbers: list[str]) -> None:
    """Of the end beforehand, and of what became of the rest afterwards."""
    for number in numbers:
        assert {(one["epoch"], one["programme"]) for one in notices(pair, number)} == {(0, "GROC")}
        (one,) = pair.get(pair.operator, f"/v1/members/{number}/converted-rests")["converted"]
        assert (one["programme"], one["converts_into"]) == ("GROC", "BAKE")
        assert one["received"] == one["points"] * 98 // 100


def settled(pair: Leaving, folder: Path) -> None:
    """What the leaving merchant owes for its members' points is netted and paid; a stranger finds it so."""
    pair.run("settle", "close", "--period", "2")
    for period in (1, 2):
        pair.settle("publish", period)
        pair.settle("confirm", period, "--merchant", GROCER, "--merchant", BAKER)
        payouts = pair.settle("net", period)["payouts"]
        assert [(one["payer"], one["payee"]) for one in payouts] == [(GROCER, BAKER)]
        paid_though_the_command_is_killed(pair, folder, period)
    papers = folder / "papers"
    pair.run("settle", "statement", "--period", "2", "--into", str(papers))
    rows = rows_of(papers / f"statement-2-{GROCER}-netted.csv")
    closing = next(row for row in rows if row["item"] == "closing")
    assert (closing["points"], closing["value_micros"]) == ("0", "0")
    for period in (1, 2):
        assert pair.stranger(period).endswith("recomputed = desk\nrecomputed = contract\n")


def paid_though_the_command_is_killed(pair: Leaving, folder: Path, period: int) -> None:
    """kill -9 while the order is written, and before and after the mark is sent: the same command does the
    rest, and nothing is there twice or by half."""
    accounts, order, told = (folder / f"{name}-{period}" for name in ("accounts", "order", "bank"))
    rows = ((GROCER, "Grocer", "123456", "CHASUS33"), (BAKER, "Baker", "654321", "BOFAUS3N"))
    accounts.write_text("merchant,name,account,bic\n" + "".join(",".join(row) + "\n" for row in rows))
    ordering = ("payouts", "--period", str(period), "--accounts", str(accounts), "--execution", "2017-05-30",
                "--into", str(order))  # fmt: skip
    killed(pair, folder, "settle:before-named", *ordering)
    assert not order.exists()
    pair.run("settle", *ordering)
    document = order.read_text()
    (booked,) = told_by(document, "123456", "654321")
    told.write_bytes(bank_statement(booked, balances=False))
    paying = ("paid", "--period", str(period), "--statement", str(told), "--accounts", str(accounts))
    killed(pair, folder, ("settle:before-sent", "settle:before-noted")[period - 1], *paying)
    done = json.loads(pair.run("settle", *paying, "--json"))
    assert ([*done["paid_now"], *done["paid_before"]], done["open"]) == ([0], [])
    assert json.loads(pair.run("settle", *paying, "--json"))["paid_before"] == [0]
    with pair.database() as database, database.read() as conn:
        mine = chain_step.c.key.like(f"settlement:paid:{period}:%")
        assert len(conn.execute(select(chain_step.c.key).where(mine)).all()) == 1


def killed(pair: Leaving, folder: Path, point: str, *arguments: str) -> None:
    """The command died at the point as by kill -9."""
    mark = folder / f"{point.replace(':', '-')}-{arguments[2]}"
    command = [sys.executable, "-m", "tests.crash.victim", point, "0", str(mark), "settle", *arguments]
    done = subprocess.run(
        command, env=pair.whole_environment, start_new_session=True, timeout=120, check=False
    )
    assert (done.returncode, mark.exists()) == (-signal.SIGKILL, True)
