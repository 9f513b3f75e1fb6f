"""`scripts/bench network`: how long `alliance network measure` takes over so many members and their ties.

Three ties to each member: who brought it, and two whose links it followed, some members far more popular than
others; one member in four bought. The rows are made in SQL; nothing runs beside the command.
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
from pathlib import Path

from ledger_service.demo import private_postgres
from ledger_service.demo.bench_figures import Figures, hundredths
from ledger_service.demo.bench_sharing import Filling
from ledger_service.demo.bench_tiers import Execute, connected
from ledger_service.demo.processes import Fleet
from ledger_service.demo.screen import Screen

TIES_EACH = 3
_BUYS_ONE_IN = 4


def measure(name: str, members: int, screen: Screen) -> Figures:
    """Fill one setup's database, measure the campaign's network, clear it away."""
    folder = Path(tempfile.mkdtemp(prefix="alliance-bench-"))
    figures = Figures(name)
    try:
        with Fleet(folder / "log") as fleet:
            url = private_postgres.start(fleet) if name == "postgresql" else f"sqlite:///{folder}/alliance.db"
            setting = f"ALLIANCE_DATABASE_URL={url}"
            alliance = ["/usr/bin/env", setting, sys.executable, "-m", "ledger_service"]
            subprocess.run([*alliance, "db", "upgrade"], check=True, stdout=subprocess.DEVNULL)
            screen.say(f"{name}: making {members:,} members and {members * TIES_EACH:,} ties")
            with closing(connected(url)) as connection:
                fill(connection.execute, members, postgres=name == "postgresql")
            _measured(figures, alliance)
        return figures
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(figures: Figures, alliance: list[str]) -> None:
    begun = time.monotonic_ns()
    process = subprocess.Popen([*alliance, "network", "measure", "--json"], stdout=subprocess.PIPE)
    told = b"" if process.stdout is None else process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    millis = (time.monotonic_ns() - begun) // 1_000_000
    if process.returncode:
        figures.failures.append(f"alliance network measure ended with {process.returncode}")
        return
    report = json.loads(told)
    figures.rows["members"] = f"{report['members']:,}"
    figures.rows["ties between different two"] = f"{report['ties']:,}"
    figures.rows["measured and kept, s"] = hundredths(millis, 1_000)
    figures.rows["CPU s of the command"] = f"{int(used.ru_utime + used.ru_stime):,}"
    figures.rows["command MiB"] = f"{used.ru_maxrss // 1024:,}"
    figures.rows["communities, levels"] = f"{report['communities']['count']:,}, {len(report['levels'])}"


def fill(execute: Execute, members: int, *, postgres: bool) -> None:
    """Everything that the command reads."""
    filling = Filling(execute, members, postgres=postgres)
    filling.alliance()
    yes, no, many = "TRUE" if postgres else "1", filling.no(), filling.many
    many("member", "member_id, status, custody, ledger_base, created_at",
         "n, 'active', 'device', n * 16, 1", members)  # fmt: skip
    # Whoever brought a member came before it, so that nobody brought an ancestor.
    parent = "1 + (n * 7919) % (n - 1)"
    columns = ("number, touch_id, campaign_id, version, code, member_id, sharer_id, newcomer, customer,"
               " touched_at, bound_at, body, salt")  # fmt: skip

    def tie(number: str, member: str, sharer: str, newcomer: str) -> str:
        return (f"{number}, {filling.sixteen(number)}, {filling.sixteen('1')}, 1, {filling.text('1', 12)},"
                f" {member}, {sharer}, {newcomer}, {no}, n, n, '', {filling.thirty_two('n')}")  # fmt: skip

    for base, multiplier in ((0, 104_729), (members, 1_299_709)):
        # Squared, so that few are followed by many.
        far = f"((n * {multiplier}) % {members})"
        liked = f"(1 + {far} * {far} / {members})"
        other = f"CASE WHEN {liked} = n THEN n % {members} + 1 ELSE {liked} END"
        many("share_bind", columns, tie(f"{base} + n", "n", other, no), members)
    first, later = 2 * members, "CASE WHEN n = 1 THEN 2 ELSE n END"
    brought = parent.replace("n", f"({later})")
    many("share_bind", columns, tie(f"{first} + n", later, brought, yes), members)
    many("share_tie", "member_id, sharer_id, number, tied_at", f"n + 1, {parent.replace('n', '(n + 1)')},"
         f" {first} + n + 1, 1", members - 1)  # fmt: skip
    many("share_purchase", "sale_id, campaign_id, number, member_id, sharer_id, ordinal, amount_minor,"
         " outcome, sold_at, recorded_at",
         f"{filling.sixteen('n')}, {filling.sixteen('1')}, {first} + n, {later}, {brought}, 1,"
         " 100 + n % 5000, 'rewarded', n, n", members // _BUYS_ONE_IN)  # fmt: skip
    execute("ANALYZE")
