"""`scripts/bench`: the product under real baskets on the machine at hand, measured from the outside."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from ledger_service.demo import (
    bench_chain,
    bench_checkout,
    bench_codes,
    bench_coupons,
    bench_epcis,
    bench_import,
    bench_items,
    bench_memory,
    bench_network,
    bench_offline,
    bench_pages,
    bench_reads,
    bench_returns,
    bench_segments,
    bench_settlement,
    bench_sharing,
    bench_size,
    bench_tiers,
    bench_touches,
    bench_verify,
    dataset,
)
from ledger_service.demo.alliance_plan import MERCHANTS
from ledger_service.demo.bench_figures import Figures, report
from ledger_service.demo.bench_stage import SETUPS, BenchOptions, Stage, on_stage
from ledger_service.demo.screen import Screen

Measure = Callable[[Stage, BenchOptions], Awaitable[Figures]]
WHAT: dict[str, tuple[Measure, str]] = {
    "checkout": (bench_checkout.measure, "one-call sales, and the floor below them"),
    "reads": (bench_reads.measure, "balances and quotes of 20 lines"),
    "returns": (bench_returns.measure, "refunds of one line, and exchanges of one for another"),
    "size": (bench_size.measure, "the same sales in a young ledger and beside so many more entries"),
    "pages": (bench_pages.measure, "how fast every page answers each role beside so many more entries"),
    "memory": (bench_memory.measure, "what so many sales leave in the processes' memory"),
    "import": (bench_import.measure, "how fast so many members with three lots each move in"),
    "offline": (bench_offline.measure, "fifty tills that were cut off, merged at once in any order"),
    "epcis": (bench_epcis.measure, "so many events captured in documents of 1000, then histories of items"),
    "items": (bench_items.measure, "so many items made and anchored; labels, proofs, scans beside --entries"),
    "codes": (bench_codes.measure, "so many coupon codes made and anchored, and as many imported"),
    "touches": (bench_touches.measure, "share links opened, 500 times a second"),
    "verify": (bench_verify.measure, "a period of so many sales recomputed from a node's URL alone"),
    "chain": (bench_chain.measure, "how fast the chain settles a queue, and an index from block zero"),
}
# Tills that never pause: a file has one writer, a server several.
CONNECTIONS = {"sqlite": 16, "postgresql": 32}
READERS = 8
COUPONS = "how long the decision over a basket's coupons takes, without service or database"
SHARING = "how long it takes to say whose doing so many purchases are, against ten touches of each buyer"
SETTLEMENT = "a closed month of so many redemptions among fifty merchants, netted; PostgreSQL"
NETWORK = "how long the measures of a campaign with so many members and three ties to each take"
SEGMENTS = "how long a segment of each kind of rule takes to count, over so many customers of one merchant"
TIERS = "how long the tiers of so many members take to make anew"
# Without a service: what measures them, and how many members where none are given.
ALONE = {"tiers": (bench_tiers.measure, 1_000_000), "sharing": (bench_sharing.measure, 100_000),
         "network": (bench_network.measure, 1_000_000),
         "segments": (bench_segments.measure, 1_000_000)}  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Measure the chosen setups and print the table for docs/performance.md."""
    given = _parser().parse_args(argv)
    screen = Screen()
    if given.what == "coupons":
        return bench_coupons.main(screen)
    names = list(SETUPS) if given.setup == "both" else [given.setup]
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {sys.platform}"
    title, measured = _all_measured(names, given, screen)
    screen.say(f"\n{report(f'{title}  ({machine}, {len(MERCHANTS)} merchants)', measured)}")
    return 1 if any(m.failures for m in measured) else 0


def _all_measured(
    names: Sequence[str], given: argparse.Namespace, screen: Screen
) -> tuple[str, list[Figures]]:
    """What was measured, as a command, and the figures of each setup."""
    if given.what in ALONE:
        alone, members = ALONE[given.what]
        members = given.members or members
        return f"scripts/bench {given.what} --members {members}", [alone(n, members, screen) for n in names]
    if given.what == "settlement":
        title = f"scripts/bench settlement --redemptions {given.redemptions}"
        return title, [bench_settlement.measure("postgresql", given.redemptions, screen)]
    dataset.ensure_cache(given.data)
    title = f"scripts/bench {given.what} --sales {given.sales} --workers {given.workers}"
    return title, [_measured(name, given, screen) for name in names]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    about = {name: what for name, (_, what) in WHAT.items()}
    about |= {
        "tiers": TIERS,
        "sharing": SHARING,
        "coupons": COUPONS,
        "settlement": SETTLEMENT,
        "network": NETWORK,
        "segments": SEGMENTS,
    }
    parser.add_argument("what", choices=[*about], help="; ".join(f"{k}: {v}" for k, v in about.items()))
    parser.add_argument(
        "--setup", choices=[*SETUPS, "both"], default="both", help="default: both, one by one"
    )
    parser.add_argument("--sales", type=int, default=10_000, help="measured requests (default 10000)")
    parser.add_argument(
        "--connections", type=int, help="at the same time (default 16, PostgreSQL 32, reads 8)"
    )
    parser.add_argument("--warm-days", type=int, default=4, help="days replayed before (default 4)")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of the service (default 1)")
    parser.add_argument(
        "--entries",
        type=int,
        default=1_000_000,
        help="size, pages, items, epcis: rows put beside (default 1000000)",
    )
    parser.add_argument(
        "--members", type=int, help="import (20000), tiers, network, segments (1000000), sharing (100000)"
    )
    parser.add_argument("--data", type=Path, default=Path("var/baskets.db"), help="converted data set")
    parser.add_argument("--redemptions", type=int, default=bench_settlement.REDEMPTIONS,
                        help="settlement: of the month (default 1000000)")  # fmt: skip
    return parser


def _measured(name: str, given: argparse.Namespace, screen: Screen) -> Figures:
    connections = given.connections or (READERS if given.what == "reads" else CONNECTIONS[name])
    options = BenchOptions(
        given.sales,
        connections,
        given.warm_days,
        given.workers,
        given.data,
        given.entries,
        given.members or 20_000,
    )
    act = WHAT[given.what][0]
    figures = on_stage(name, options, screen, lambda stage: act(stage, options))
    figures.rows = {"connections": str(connections), **figures.rows}
    return figures
