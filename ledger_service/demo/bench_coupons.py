"""`scripts/bench coupons`: how long the decision over a basket's coupons takes, in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

from ledger_service.demo.bench_figures import hundredths, millis
from ledger_service.demo.screen import Screen, table_text

BASKETS, SEED = 1_000, 1


def main(screen: Screen) -> int:
    """Measure, and print the table for docs/performance.md."""
    command = [sys.executable, "-m", "ledger_service.coupons.measuring", str(BASKETS), str(SEED)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    rows = [
        ["baskets of 40 lines", f"{found['baskets']:,}"],
        ["coupons that qualify", str(found["eligible_on_average"])],
        *([f"decision p{p}, CPU ms", millis(found[f"p{p}_micros"])] for p in (50, 95, 99)),
        ["slowest, CPU ms", millis(found["most_micros"])],
        *([f"floor p{p}, CPU ms", millis(found[f"floor_p{p}_micros"])] for p in (50, 99)),
        [
            "a decision in floors, p50 and p99",
            " and ".join(
                hundredths(found[f"p{p}_micros"], found[f"floor_p{p}_micros"]) for p in (50, 99)
            ),
        ],
        ["proven to be the best", f"{found['proven_best']:,}"],
        ["nodes, median and most", f"{found['nodes_p50']} and {found['nodes_most']}"],
    ]
    load = f"{os.getloadavg()[0]:.1f}"
    machine = f"{os.cpu_count()} cores, load {load}, Python {platform.python_version()}, {sys.platform}"
    screen.say(table_text(f"scripts/bench coupons  ({machine})", ["", "200 definitions, 30 coupons"], rows))
    return 0
