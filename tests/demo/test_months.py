"""The months of the main run: when they end, what is settled, and what a killed run does again."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger_service.demo import months as months_room
from ledger_service.demo.agenda import Agenda
from ledger_service.demo.bank import accounts_file, evening_statement
from ledger_service.demo.months import Months, month_ends
from ledger_service.demo.months_screen import show_months
from ledger_service.demo.progress import Progress
from ledger_service.demo.replay import end_of_day
from ledger_service.demo.screen import Screen
from ledger_service.kernel.clock import seconds_floor
from ledger_service.settlement.bank.accounts import AccountsGiven
from ledger_service.settlement.bank.camt import StatementReader
from ledger_service.settlement.bank.errors import BankStatementTorn
from ledger_service.settlement.bank.matching import Expected, Matching
from ledger_service.settlement.bank.pain import Accounts, Line, Order, payment_order
from ledger_service.settlement.netting import Payout

A, B = "9520100000003", "9520200000002"
ACCOUNTS = Accounts(AccountsGiven(csv.DictReader(io.StringIO(accounts_file()))).accounts((int(A), int(B))))
PAYOUT = Payout(int(A), int(B), 100)
_ORDERED = Order("0AF19C44", 1, 1, "USD", date(2017, 2, 1), datetime(2017, 2, 1, tzinfo=UTC))
ORDER = payment_order(_ORDERED, [Line(0, PAYOUT)], ACCOUNTS)


class FakeAlliance:
    """Answers `alliance settle` as far as the months listen, and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.netted: set[str] = set()
        self.paid: set[str] = set()
        self.disputed = False

    def run(self, _settings: object, _settle: str, word: str, _p: str, period: str, *more: str) -> str:
        self.asked.append(f"{word} {period}")
        if word == "lines":
            write(Path(more[2]))
        if word == "statement":
            paper(Path(more[1]), period)
        if word == "payouts":
            Path(more[-1]).write_bytes(ORDER)
        if word == "paid":
            self.paid.add(period)
            self.booked = Path(more[-1]).read_bytes()
        self.disputed |= word == "dispute"
        if word == "net":
            self.netted.add(period)
        return json.dumps(self._standing(period))

    def _standing(self, period: str) -> dict[str, Any]:
        held = {"debtor": A, "creditor": B, "held_micros": 100_000, "open": True}
        return {
            "period": int(period),
            "root": "0x01" if period in self.netted else None,
            "merchants": [
                {"merchant": A, "net_minor": -100, "confirmed": True},
                {"merchant": B, "net_minor": 100, "confirmed": True},
            ],
            "disputes": [held] if self.disputed and period == "1" else [],
            "payouts": [{"minor": 100, "paid": period in self.paid}],
        }


def write(folder: Path) -> None:
    """The line stands in both merchants' files."""
    folder.mkdir(parents=True)
    for gln in (A, B):
        with (folder / f"{gln}.csv").open("w", newline="") as file:
            rows: Sequence[Sequence[Any]] = [("debtor", "creditor", "owed_micros"), (A, B, 1_000_000)]
            csv.writer(file).writerows(rows)


def paper(folder: Path, period: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"statement-{period}-{A}-netted.pdf").write_bytes(b"%PDF")


class Town:
    def __init__(self, until: datetime) -> None:
        self.agenda = Agenda()
        self.scenario = type("Scenario", (), {"until": until})()


def play(room: Months, until: datetime) -> None:
    town = Town(until)
    room.enter(town)  # type: ignore[arg-type]  # all that the months need of a town

    async def run() -> None:
        while town.agenda.next_seconds is not None:
            due = town.agenda.pop()
            assert due.barrier
            await due.begin()[1]()
        await room.finish()

    asyncio.run(run())


def test_twelve_months_end_at_midnight_on_the_coast_and_the_last_with_the_year() -> None:
    ends = month_ends(end_of_day(365))
    assert len(ends) == 12
    assert ends[0] == seconds_floor(end_of_day(31))
    assert ends[6] == seconds_floor(datetime(2017, 8, 1, 4, tzinfo=UTC))
    assert ends[-1] == seconds_floor(end_of_day(365))
    assert month_ends(end_of_day(30)) == []


def test_months_are_settled_in_turn_and_one_dispute_is_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeAlliance()
    monkeypatch.setattr(months_room, "run_command", fake.run)
    progress = Progress(tmp_path / "progress.db")
    room = Months({}, progress, tmp_path / "settlement")
    play(room, end_of_day(60))
    assert fake.asked == [
        "close 1", "lines 1", "publish 1", "dispute 1", "confirm 1", "net 1", "payouts 1", "paid 1",
        "resolve 1", "statement 1", "status 1",
        "close 2", "lines 2", "publish 2", "confirm 2", "net 2", "payouts 2", "paid 2",
        "statement 2", "status 2",
    ]  # fmt: skip
    january, february = room.settled
    assert (january["gross_micros"], january["held_micros"], january["nets"]) == (
        1_000_000, 100_000, {A: -100, B: 100},
    )  # fmt: skip
    assert (february["lines"], february["held_micros"], february["payouts_minor"]) == (1, 0, 100)
    assert (february["paid"], february["confirmed"], february["statements"]) == (1, 2, 1)
    again = len(fake.asked)
    play(Months({}, progress, tmp_path / "settlement"), end_of_day(60))
    assert fake.asked[again:] == []
    progress.close()


def test_the_banks_evening_statement_pays_the_order_and_nothing_else() -> None:
    told = evening_statement(ORDER, date(2017, 2, 1))
    matching = Matching(Expected("0AF19C44", 1, "USD", 2, (PAYOUT,), 0, ACCOUNTS))
    for booking in StatementReader(io.BytesIO(told)).bookings():
        matching.take(booking)
    outcome = matching.outcome()
    assert (outcome.pay, outcome.unmatched, outcome.cases) == ([0], [], [])
    torn = told.replace(b">1.00<", b">2.00<", 1)  # the opening balance
    with pytest.raises(BankStatementTorn):
        list(StatementReader(io.BytesIO(torn)).bookings())


def test_a_run_killed_after_the_netting_neither_disputes_nor_confirms_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeAlliance()
    fake.netted.add("1")
    monkeypatch.setattr(months_room, "run_command", fake.run)
    progress = Progress(tmp_path / "progress.db")
    progress.put("months closed", 1)
    write(tmp_path / "settlement" / "period-01")
    play(Months({}, progress, tmp_path / "settlement"), end_of_day(31))
    assert fake.asked == ["publish 1", "net 1", "payouts 1", "paid 1", "statement 1", "status 1"]
    progress.close()


@pytest.mark.parametrize("wrong", ["net", "agrees", "netted"])
def test_a_stranger_who_finds_another_net_is_heard(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    month = {"period": 1, "lines": 1, "pairs": 1, "gross_micros": 1, "held_micros": 0, "payouts": 1,
             "payouts_minor": 100, "paid": 1, "confirmed": 2, "merchants": 2, "open_disputes": 0,
             "statements": 2, "nets": {A: -100, B: 100}}  # fmt: skip
    nets = [{"merchant": A, "net_minor": -100}, {"merchant": B, "net_minor": 100}]
    told: dict[str, Any] = {"agrees": True, "desk": {"netted": True}, "nets": nets}
    assert show_months(Screen(), [month], {1: told})
    match wrong:
        case "net":
            nets[1]["net_minor"] = 101
        case "agrees":
            told["agrees"] = False
        case _:
            told["desk"] = {"netted": False}
    assert not show_months(Screen(), [month], {1: told})
    assert "other figures for periods [1]" in capsys.readouterr().out
