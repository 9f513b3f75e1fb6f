"""How fast a programme moves in: invented members with three lots each, by the commands of an operator.

The service, the bridge and the chain run beside it, as they would; the bridge begins to carry the issues to
the chain while the cut-over still writes them.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.bench_stage import BenchOptions, Stage

NAME = "bench"
# Programme and last day of each member's lots, behind the end of the warm-up in every programme's calendar.
LOTS = (("GROC", "2017-03-31"), ("GROC", "2017-06-30"), ("MEAT", "2017-02-28"))
_MOST_POINTS = 300


@dataclass(frozen=True, slots=True)
class Run:
    """One command: how long it took, its processor time, and the most memory that it held."""

    seconds_tenths: int
    cpu_tenths: int
    peak_mib: int


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Check, load and cut over; the rates count whole commands, from their start to their end."""
    settings, members = stage.stack.settings, options.members
    folder = Path(settings["ALLIANCE_STATE_DIR"]) / "import"
    write_files(folder, members)
    figures = Figures(stage.name)
    figures.rows["members, lots"] = f"{members:,}, {members * len(LOTS):,}"
    steps = (("check", str(folder)), ("load", str(folder)), ("cut-over", NAME))
    for step in steps:
        run = await asyncio.to_thread(timed, settings, ("import", *step))
        rate = members * 10 // max(run.seconds_tenths, 1)
        figures.rows[f"{step[0]} s"] = _tenths(run.seconds_tenths)
        figures.rows[f"{step[0]} CPU s"] = _tenths(run.cpu_tenths)
        figures.rows[f"{step[0]} members/s"] = f"{rate:,}"
        figures.rows[f"{step[0]} peak MiB"] = f"{run.peak_mib:,}"
    return figures


def write_files(folder: Path, members: int) -> None:
    """The folder of an import of so many members; the same number always gives the same files."""
    folder.mkdir()
    sums: Counter[str] = Counter()
    with (
        (folder / "members.csv").open("w", newline="", encoding="utf-8") as people,
        (folder / "lots.csv").open("w", newline="", encoding="utf-8") as balances,
    ):
        person, balance = csv.writer(people), csv.writer(balances)
        person.writerow(["external_id", "name", "phone", "email", "language"])
        balance.writerow(["external_id", "programme", "points", "last_day"])
        for number in range(members):
            key = f"OLD{number:08d}"
            contact = (f"+4915{number:09d}", f"m{number}@example.com")
            person.writerow([key, f"Member {number}", *contact, "de"])
            for place, (code, day) in enumerate(LOTS):
                points = 1 + (number * 7 + place) % _MOST_POINTS
                sums[code] += points
                balance.writerow([key, code, points, day])
    files = {
        "members": {"file": "members.csv", "rows": members},
        "lots": {"file": "lots.csv", "rows": members * len(LOTS), "points": dict(sums)},
    }
    (folder / "manifest.json").write_text(json.dumps({"import": NAME, "source": "old", "files": files}))


def timed(settings: dict[str, str], arguments: Sequence[str]) -> Run:
    """Run one `alliance` command to its end.

    Raises:
        RuntimeError: it refused.
    """
    pairs = [f"{name}={value}" for name, value in settings.items()]
    begun = time.monotonic()
    process = subprocess.Popen(
        ["/usr/bin/env", *pairs, sys.executable, "-m", "ledger_service", *arguments], stdin=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"alliance {' '.join(arguments)} ended with {process.returncode}")
    seconds, cpu = time.monotonic() - begun, used.ru_utime + used.ru_stime
    return Run(int(seconds * 10), int(cpu * 10), used.ru_maxrss // 1024)


def _tenths(value: int) -> str:
    return f"{value // 10}.{value % 10}"
