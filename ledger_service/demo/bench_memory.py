"""Sales without end: what the processes hold in memory, and how fast they are, as the sales add up.

The baskets come again and again, each time under fresh keys and never earlier than the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import cycle

from ledger_service.demo.bench_checkout import audit
from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.bench_load import prepare
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.dataset import Basket
from ledger_service.demo.screen import Screen

ROUND = 50_000


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Rounds of sales, each drained to the chain, until all are made; the audit at last."""
    figures, screen = Figures(stage.name), Screen()
    baskets = _NeverEarlier(stage.baskets, stage.bench.begins)
    made = 0
    while made < options.requests:
        bench = replace(stage.bench, label=f"bench:{made}", begins=baskets.at)
        shots = await prepare(bench, baskets, min(ROUND, options.requests - made))
        result = await stage.fired(shots.wires, options.connections)
        await stage.observer.caught_up(PATIENCE_SECONDS, stage.fleet.watch)
        made += result.good
        figures.rows[f"MiB after {made:,} sales"] = _memory(stage)
        figures.notes.append(f"{stage.name}: {made:,} sales, {result.per_second:,}/s: {_by_process(stage)}")
        screen.say(figures.notes[-1])
        figures.failures += result.failures
        if not result.good:
            break
    findings = [str(finding) for finding in audit(stage)["findings"]]
    figures.rows["audit: database = chain"] = "yes" if not findings else f"{len(findings)} differences"
    figures.failures += findings
    return figures


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


def _memory(stage: Stage) -> str:
    """All processes of the product, without the database server."""
    by_name = stage.fleet.memory_by_name()
    return f"{(sum(by_name.values()) - by_name.get('postgres', 0)) // 1024:,}"


def _by_process(stage: Stage) -> str:
    return ", ".join(f"{name} {kib // 1024}" for name, kib in stage.fleet.memory_by_name().items())
