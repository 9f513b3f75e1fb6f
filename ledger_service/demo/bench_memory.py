"""Sales without end: what the processes hold in memory, and how fast they are, as the sales add up.

The baskets come again and again, each time under fresh keys and never earlier than the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import cycle
from statistics import linear_regression

from ledger_service.demo.bench_checkout import audit
from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.bench_load import prepare
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.dataset import Basket
from ledger_service.demo.load import LoadBroken, LoadResult
from ledger_service.demo.screen import Screen

# Fewer than the baskets of those who joined within two days of warming up: within one round the same basket
# would come twice under the same key.
MOST_A_ROUND, ROUNDS = 10_000, 20


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Rounds of sales, each drained to the chain, until all are made; the audit at last.

    A load that breaks ends the rounds, not the report: what was measured until then stands in it.
    """
    figures, screen = Figures(stage.name), Screen()
    baskets = _NeverEarlier(stage.baskets, stage.bench.begins)
    size = min(MOST_A_ROUND, -(-options.requests // ROUNDS))
    seen: list[tuple[int, dict[str, int]]] = []
    made = 0
    while made < options.requests and not figures.failures:
        bench = replace(stage.bench, label=f"bench:{made}", begins=baskets.at)
        shots = await prepare(bench, baskets, min(size, options.requests - made))
        try:
            result = await stage.fired(shots.wires, options.connections)
        except LoadBroken as broken:
            figures.failures.append(f"after {made:,} sales: {broken}")
            break
        await stage.observer.caught_up(PATIENCE_SECONDS, stage.fleet.watch)
        made += result.good
        seen.append((made, stage.fleet.memory_by_name()))
        figures.failures += result.failures
        screen.say(_said(stage.name, made, options.requests, result, seen[-1][1]))
    for sales, by_name in seen[:: max(1, len(seen) // 5)] + seen[-1:]:
        figures.rows[f"MiB after {sales:,} sales"] = _without_server(by_name)
    figures.rows["sales"] = f"{made:,}"
    figures.notes.append(f"{stage.name}: {flatness(seen)}")
    findings = [str(finding) for finding in audit(stage)["findings"]]
    figures.rows["audit: database = chain"] = "yes" if not findings else f"{len(findings)} differences"
    figures.failures += findings
    return figures


def flatness(seen: Sequence[tuple[int, Mapping[str, int]]]) -> str:
    """How many KiB each process grew by for a thousand sales, by least squares over the later half.

    What a process fills once (caches, pools) it fills early; what it never gives back shows later.
    """
    later = seen[len(seen) // 2 :]
    if len(later) < 2:
        return "too few rounds to tell a slope"
    sales = [made for made, _ in later]
    told = []
    for name in later[0][1]:
        slope = linear_regression(sales, [by_name.get(name, 0) for _, by_name in later]).slope
        told.append(f"{name} {slope * 1000:+.1f}")
    return f"KiB per 1,000 sales from {sales[0]:,} sales on: {', '.join(told)}"


class _NeverEarlier:
    """The baskets without end; those of a later round come at the instant that the one before has reached."""

    def __init__(self, baskets: Iterable[Basket], begins: datetime) -> None:
        self._baskets = cycle(baskets)
        self.at = begins

    def __iter__(self) -> Iterator[Basket]:
        return self

    def __next__(self) -> Basket:
        basket = next(self._baskets)
        self.at = max(self.at, basket.at)
        return replace(basket, at=self.at)


def _without_server(by_name: Mapping[str, int]) -> str:
    """All processes of the product, without the database server."""
    return f"{(sum(by_name.values()) - by_name.get('postgres', 0)) // 1024:,}"


def _said(name: str, made: int, wanted: int, result: LoadResult, by_name: Mapping[str, int]) -> str:
    held = ", ".join(f"{process} {kib // 1024}" for process, kib in by_name.items())
    again = f", {result.repeated} sent again" if result.repeated else ""
    return f"  {name}: {made:,} of {wanted:,} sales, {result.per_second:,}/s{again}; MiB: {held}"
