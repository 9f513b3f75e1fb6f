"""The chain under a queue: how fast a bridge that was away settles what the tills sold, and how fast a
stranger reads it all again."""

from __future__ import annotations

import json
import signal
from itertools import islice

from ledger_service.demo.bench_figures import Figures, millis
from ledger_service.demo.bench_load import prepare
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.stack import run_command

_BASKETS_PER_SALE = 4


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Stop the bridge, sell, let it go on, and time it until every operation is final."""
    baskets = islice(stage.baskets, options.requests * _BASKETS_PER_SALE)
    shots = await prepare(stage.bench, baskets, options.requests)
    figures = Figures(stage.name)
    stage.fleet.signal("bridge", signal.SIGSTOP)
    result = await stage.fired(shots.wires, options.connections)
    queued = (await stage.observer.metrics())["chain_lag_operations"]
    worked = stage.fleet.cpu_millis_by_name()
    stage.fleet.signal("bridge", signal.SIGCONT)
    settled = await stage.observer.caught_up(PATIENCE_SECONDS)
    cpu = {name: spent - worked[name] for name, spent in stage.fleet.cpu_millis_by_name().items()}
    figures.failures += result.failures
    figures.rows["operations queued"] = f"{queued:,}"
    figures.rows["settled within s"] = millis(settled)
    figures.rows["settled operations/s"] = f"{queued * 1000 // max(settled, 1):,}"
    figures.add_work("operation", result, cpu)
    index = dict(json.loads(run_command(stage.stack.settings, "index", "--json", good=(0, 1))))
    figures.rows["index from block zero, operations"] = f"{index['operations']:,}"
    figures.rows["indexed operations/s"] = f"{index['operations_per_second']:,}"
    figures.rows["mirror = fresh index"] = "yes" if not index["differences"] else "no"
    figures.failures += [str(difference) for difference in index["differences"]]
    return figures
