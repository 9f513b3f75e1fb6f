"""`scripts/bench sharing`: how long it takes to say whose doing so many purchases are.

Members, links, ten bound touches of each buyer, sales and the ledger's entries of them are made in SQL;
`alliance network follow` then does what the bridge's job does, without anything beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger_service.demo import private_postgres
from ledger_service.demo.bench_figures import Figures, hundredths
from ledger_service.demo.bench_tiers import Execute, connected, numbers_sql
from ledger_service.demo.processes import Fleet
from ledger_service.demo.screen import Screen

TOUCHES_EACH = 10
AIM_SECONDS = 60
_AT_ONCE = 100_000
_DAY, _MINUTE = 86_400_000_000, 60_000_000
TERMS: dict[str, Any] = {
    "trigger": "first-purchase", "sharer_points": 100, "newcomer_points": 50, "second_points": 10,
    "milestones": [[3, 100]], "nth": 1, "least_minor": 0, "window_days": 30, "touch": "last", "vest_days": 14,
    "most_per_sharer": 0, "most_a_day": 10, "burst_hour": 5,
}  # fmt: skip


def measure(name: str, purchases: int, screen: Screen) -> Figures:
    """Fill one setup's database, attribute everything, clear it away."""
    folder = Path(tempfile.mkdtemp(prefix="alliance-bench-"))
    figures = Figures(name)
    try:
        with Fleet(folder / "log") as fleet:
            url = private_postgres.start(fleet) if name == "postgresql" else f"sqlite:///{folder}/alliance.db"
            setting = f"ALLIANCE_DATABASE_URL={url}"
            alliance = ["/usr/bin/env", setting, sys.executable, "-m", "ledger_service"]
            subprocess.run([*alliance, "db", "upgrade"], check=True, stdout=subprocess.DEVNULL)
            screen.say(f"{name}: making {purchases:,} purchases and {purchases * TOUCHES_EACH:,} touches")
            with closing(connected(url)) as connection:
                Filling(connection.execute, purchases, postgres=name == "postgresql").all()
            _follow(figures, alliance, purchases)
            with closing(connected(url)) as connection:
                _check(figures, connection.execute, purchases)
        return figures
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _follow(figures: Figures, alliance: list[str], purchases: int) -> None:
    begun = time.monotonic_ns()
    process = subprocess.Popen([*alliance, "network", "follow"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    millis = max((time.monotonic_ns() - begun) // 1_000_000, 1)
    if process.returncode:
        figures.failures.append(f"alliance network follow ended with {process.returncode}")
    figures.rows["purchases attributed"] = f"{purchases:,}"
    figures.rows["against touches"] = f"{purchases * TOUCHES_EACH:,}"
    figures.rows["attribution, s"] = hundredths(millis, 1_000)
    figures.rows["purchases a second"] = f"{purchases * 1_000 // millis:,}"
    figures.rows["CPU s of the command"] = f"{int(used.ru_utime + used.ru_stime):,}"
    figures.rows["command MiB"] = f"{used.ru_maxrss // 1024:,}"


def _check(figures: Figures, execute: Execute, purchases: int) -> None:
    counted = dict(execute("SELECT outcome, COUNT(*) FROM share_purchase GROUP BY outcome").fetchall())
    rewards, points = execute("SELECT COUNT(*), SUM(points) FROM share_reward").fetchone()
    used = execute("SELECT used_rewards, used_points FROM share_campaign").fetchone()
    figures.rows["outcomes"] = ", ".join(f"{name} {count:,}" for name, count in sorted(counted.items()))
    figures.rows["rewards promised"] = f"{rewards:,}"
    if sum(counted.values()) != purchases or tuple(used) != (rewards, points):
        figures.failures.append(f"{counted}, {rewards} rewards of {points} points, used {used}")


class Filling:
    """Everything that attribution reads: twice as many members as purchases, one half of whom share."""

    def __init__(self, execute: Execute, purchases: int, *, postgres: bool) -> None:
        self.execute, self._count, self._postgres = execute, purchases, postgres
        self.now = int(datetime.now(UTC).timestamp()) * 1_000_000

    def all(self) -> None:
        """Fill."""
        self.alliance()
        sharers = f"{self._count} + n"
        self.many("member", "member_id, status, custody, ledger_base, created_at",
                   f"n, 'active', 'device', n * 16, {self.now}", 2 * self._count)  # fmt: skip
        self.many("share_link", "code, campaign_id, member_id, channel, made_at",
                   f"{self.text('n', 12)}, {self.sixteen('1')}, {sharers}, 'line', {self.now - 9 * _DAY}",
                   self._count)  # fmt: skip
        self._touches(sharers)
        at = f"{self.now} - {_DAY} + n * 100000"
        self.many("sale", "sale_id, kind, merchant_id, store_gln, terminal_id, member_id, reference,"
                  " currency, total_minor, lines, spent, earned, returned, receipt, occurred_at",
                  f"{self.sixteen('n')}, 'sale', 1, 1, 't', n, {self.text('n', 12)}, 'USD', 2000, '[]',"
                  f" '', '', '', '', {at}", self._count)  # fmt: skip
        body = f"'{{\"sale\":\"' || {self._hex(self.sixteen('n'))} || '\"}}'"
        self.many("entry", "sequence, op_id, kind, occurred_at, recorded_at, body, hash",
                   f"n, {self.sixteen('n')}, 'issue', {at}, {at}, {body}, {self.thirty_two('n')}",
                   self._count)  # fmt: skip
        self.execute("ANALYZE")

    def alliance(self) -> None:
        """One merchant with a programme and a live campaign."""
        replica, unchecked = "SET session_replication_role = replica", "PRAGMA foreign_keys = OFF"
        self.execute(replica if self._postgres else unchecked)
        key = "decode(repeat('01', 20), 'hex')" if self._postgres else "randomblob(20)"
        now, execute = self.now, self.execute
        execute(f"INSERT INTO merchant VALUES (1, 'Bench', 'active', {key}, {key}, {key}, {now})")
        columns = "programme_id, code, merchant_id, name, currency, timezone, cycle, pending_days, created_at"
        execute(f"INSERT INTO programme ({columns}, jurisdiction)"
                f" VALUES (1, 'BENCH', 1, 'Bench', 'USD', 'UTC', 'never', 0, {now}, 'none')")  # fmt: skip
        most = 1_000_000_000
        execute("INSERT INTO share_campaign (campaign_id, code, merchant_id, programme_id, name, state,"
                " version, most_points, most_rewards, used_points, used_rewards, live_at, created_at) VALUES"
                f" ({self.sixteen('1')}, 'BENCH', 1, 1, 'Bench', 'live', 1, {most}, {most},"
                " 0, 0, 1, 1)")  # fmt: skip
        execute("INSERT INTO share_campaign_version (campaign_id, version, body, depth, trigger_kind, state,"
                f" asked_by, asked_at, decided_by, decided_at) VALUES ({self.sixteen('1')}, 1,"
                f" '{json.dumps(TERMS)}', 2, 'first-purchase', 'approved', 'a', 1, 'b', 2)")  # fmt: skip

    def _touches(self, sharers: str) -> None:
        """Each buyer followed the links of so many sharers, one of whom brought it."""
        buyer = f"(n - 1) % {self._count} + 1"
        sharer = f"{self._count} + ((n - 1) * 7919) % {self._count} + 1"
        code = self.text(f"(((n - 1) * 7919) % {self._count} + 1)", 12)
        at = f"{self.now} - 8 * {_DAY} + n * 500000"
        many = self._count * TOUCHES_EACH
        self.many("share_touch", "touch_id, code, machine, touched_at",
                   f"{self.sixteen('n')}, {code}, {self.no()}, {at}", many)  # fmt: skip
        self.many("share_commitment", "number, commitment, hash, committed_at",
                   f"n, {self.thirty_two('n')}, {self.thirty_two('n')}, {at} + {_MINUTE}", many)  # fmt: skip
        self.many("share_bind", "number, touch_id, campaign_id, version, code, member_id, sharer_id,"
                   " newcomer, customer, touched_at, bound_at, body, salt",
                   f"n, {self.sixteen('n')}, {self.sixteen('1')}, 1, {code}, {buyer}, {sharer}, {self.no()},"
                   f" {self.no()}, {at}, {at} + {_MINUTE}, '', {self.thirty_two('n')}", many)  # fmt: skip
        self.many("share_tie", "member_id, sharer_id, number, tied_at",
                   f"n, {self._count} + ((n - 1) * 7919) % {self._count} + 1, n, {self.now}",
                   self._count)  # fmt: skip

    def many(self, table: str, columns: str, values: str, count: int) -> None:
        """So many rows; ``values`` may name the number ``n`` of each, from 1 on."""
        for first in range(1, count + 1, _AT_ONCE):
            rows = numbers_sql(first, min(first + _AT_ONCE - 1, count), self._postgres)
            self.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {rows}")

    def text(self, number: str, digits: int) -> str:
        """A number as a text with leading zeroes, in SQL."""
        if self._postgres:
            return f"lpad(({number})::text, {digits}, '0')"
        return f"printf('%0{digits}d', {number})"

    def sixteen(self, number: str) -> str:
        """A number as sixteen bytes, in SQL."""
        text = self.text(number, 16)
        return f"convert_to({text}, 'UTF8')" if self._postgres else f"CAST({text} AS BLOB)"

    def thirty_two(self, number: str) -> str:
        """A number as 32 bytes, in SQL."""
        text = self.text(number, 32)
        return f"convert_to({text}, 'UTF8')" if self._postgres else f"CAST({text} AS BLOB)"

    def _hex(self, value: str) -> str:
        return f"encode({value}, 'hex')" if self._postgres else f"lower(hex({value}))"

    def no(self) -> str:
        """What is false, in SQL."""
        return "FALSE" if self._postgres else "0"
