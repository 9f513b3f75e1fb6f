"""The months of the main run as settlement periods: closed when they end, settled while the next one goes on.

The replay stands still only for the close, after everything of the month is answered. Publishing, answering,
netting, paying and the papers are commands of their own beside it, and one month's end before the next one's
begin. The bank is handed the payment order of each month, and its evening statement marks what it paid.
"""

from __future__ import annotations

import asyncio
import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ledger_service.demo.agenda import Due, Work
from ledger_service.demo.bank import accounts_file, evening_statement
from ledger_service.demo.progress import Progress
from ledger_service.demo.stack import run_command
from ledger_service.demo.town import Town
from ledger_service.kernel.clock import seconds_floor

_COAST = ZoneInfo("America/New_York")
# On the replay's clock, which goes a third of a day a second: a minute and a half to answer.
_DAYS_TO_ANSWER = "30"
_DISPUTED = 1
# Stands where a household does: the replay waits for what it does.
_NOBODY = -1
_PATIENCE_SECONDS = "600"
Pair = tuple[str, str]


def month_ends(until: datetime) -> list[int]:
    """When January, February and so on of the data's year end (seconds), up to an instant."""
    firsts = [datetime(2017, month, 1, tzinfo=_COAST) for month in range(2, 13)]
    firsts.append(datetime(2018, 1, 1, tzinfo=_COAST))
    return [seconds_floor(end.astimezone(UTC)) for end in firsts if end <= until]


class Months:
    """Settles each month once; what is done stands in the progress, and the chain knows it, too."""

    def __init__(self, settings: Mapping[str, str], progress: Progress, folder: Path) -> None:
        self._settings, self._progress, self._folder = dict(settings), progress, folder
        self._behind: asyncio.Task[None] | None = None

    def enter(self, town: Town) -> None:
        """The ends of the months that are not closed yet are on the town's agenda."""
        for period, end in enumerate(month_ends(town.scenario.until), start=1):
            if period > self.closed:
                begin = partial(_of_nobody, partial(self._close, period))
                town.agenda.add(Due(end, f"month {period:02} ends", begin, barrier=True))

    @property
    def closed(self) -> int:
        """How many months are closed."""
        return int(self._progress.get("months closed", 0))

    @property
    def settled(self) -> list[dict[str, Any]]:
        """What each settled month came to, in order."""
        return list(self._progress.get("months settled", []))

    async def finish(self) -> None:
        """Every closed month is settled."""
        await self._wait()
        await self._settle_up_to(self.closed)

    async def _close(self, period: int) -> None:
        await self._wait()
        await asyncio.to_thread(self._run, "close", period, "--wait", _PATIENCE_SECONDS)
        self._progress.put("months closed", period)
        self._behind = asyncio.create_task(self._settle_up_to(period))

    async def _wait(self) -> None:
        if self._behind is not None:
            await self._behind
            self._behind = None

    async def _settle_up_to(self, last: int) -> None:
        for period in range(len(self.settled) + 1, last + 1):
            result = await asyncio.to_thread(self._settle, period)
            self._progress.put("months settled", [*self.settled, result])

    def _settle(self, period: int) -> dict[str, Any]:
        folder = self._folder / f"period-{period:02}"
        if not folder.exists():
            self._run("lines", period, "--each", "--into", str(folder))
        lines, owed = _read(folder)
        standing = self._told("publish", period, "--days", _DAYS_TO_ANSWER)
        disputed = _most_owed(owed) if period == _DISPUTED else None
        # A run that was killed after the netting has nothing left to hold out, or to confirm.
        if standing["root"] is None:
            if disputed is not None and not standing["disputes"]:
                tenth = str(owed[disputed] // 10)
                self._told("dispute", period, *_of(disputed), "--by", disputed[0], "--micros", tenth,
                           "--evidence", self._letter(period))  # fmt: skip
            whose = [part for m in standing["merchants"] for part in ("--merchant", m["merchant"])]
            self._told("confirm", period, *whose)
        standing = self._told("net", period)
        if any(not payout["paid"] for payout in standing["payouts"]):
            self._pay(period)
        for held in standing["disputes"]:
            if held["open"]:
                pair = held["debtor"], held["creditor"]
                self._told("resolve", period, *_of(pair), "--micros", str(held["held_micros"] // 2))
        papers = self._folder / "statements"
        self._run("statement", period, "--into", str(papers))
        counted = len(list(papers.glob(f"statement-{period}-*.pdf")))
        return _result(self._told("status", period), lines, owed) | {"statements": counted}

    def _pay(self, period: int) -> None:
        """The bank is handed the order, and what its statement of the evening says is marked as paid."""
        folder, day = self._folder / f"bank-{period:02}", _last_day(period)
        folder.mkdir(parents=True, exist_ok=True)
        accounts, order, evening = (folder / name for name in ("accounts.csv", "order.xml", "statement.xml"))
        accounts.write_text(accounts_file(), encoding="utf-8")
        ask = ("--accounts", str(accounts))
        self._run("payouts", period, *ask, "--execution", day.isoformat(), "--into", str(order))
        evening.write_bytes(evening_statement(order.read_bytes(), day))
        self._run("paid", period, *ask, "--statement", str(evening))

    def _letter(self, period: int) -> str:
        path = self._folder / f"period-{period:02}.txt"
        path.write_text(f"Word of the demo's bank and of its merchants for period {period}\n")
        return str(path)

    def _told(self, word: str, period: int, *more: str) -> dict[str, Any]:
        return dict(json.loads(self._run(word, period, *more, "--json")))

    def _run(self, word: str, period: int, *more: str) -> str:
        return run_command(self._settings, "settle", word, "--period", str(period), *more)


def _last_day(period: int) -> date:
    """The day on which the month's period ends, by the calendar of the coast."""
    end = month_ends(datetime(2018, 1, 2, tzinfo=UTC))[period - 1]
    return datetime.fromtimestamp(end, _COAST).date()


def _of_nobody(work: Work) -> tuple[Sequence[int], Work]:
    return (_NOBODY,), work


def _of(pair: Pair) -> tuple[str, ...]:
    return "--debtor", pair[0], "--creditor", pair[1]


def _read(folder: Path) -> tuple[int, dict[Pair, int]]:
    """Lines, and what each debtor owes each creditor; a line stands in both merchants' files."""
    owed: Counter[Pair] = Counter()
    lines = 0
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            own = [row for row in csv.DictReader(file) if row["debtor"] == path.stem]
        lines += len(own)
        for row in own:
            owed[row["debtor"], row["creditor"]] += int(row["owed_micros"])
    return lines, dict(owed)


def _most_owed(owed: Mapping[Pair, int]) -> Pair | None:
    return max(owed, key=lambda pair: (owed[pair], pair), default=None)


def _result(standing: Mapping[str, Any], lines: int, owed: Mapping[Pair, int]) -> dict[str, Any]:
    return {
        "period": standing["period"],
        "lines": lines,
        "pairs": len(owed),
        "gross_micros": sum(owed.values()),
        "held_micros": sum(held["held_micros"] for held in standing["disputes"]),
        "payouts": len(standing["payouts"]),
        "payouts_minor": sum(payout["minor"] for payout in standing["payouts"]),
        "paid": sum(payout["paid"] for payout in standing["payouts"]),
        "confirmed": sum(merchant["confirmed"] for merchant in standing["merchants"]),
        "merchants": len(standing["merchants"]),
        "open_disputes": sum(held["open"] for held in standing["disputes"]),
        "nets": {m["merchant"]: m["net_minor"] for m in standing["merchants"] if m["net_minor"]},
    }
