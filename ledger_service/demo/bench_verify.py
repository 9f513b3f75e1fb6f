"""A period recomputed by a stranger: sales are made, and `alliance verify settlement` gets a node's URL."""

from __future__ import annotations

import asyncio
import json
from itertools import islice

from ledger_service.demo.bench_figures import Figures, hundredths
from ledger_service.demo.bench_import import timed
from ledger_service.demo.bench_load import prepare
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.stack import run_command

_BASKETS_PER_SALE = 4


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """The sales of the open period, and how long its lines and nets take from block zero."""
    baskets = islice(stage.baskets, options.requests * _BASKETS_PER_SALE)
    shots = await prepare(stage.bench, baskets, options.requests)
    figures = Figures(stage.name)
    figures.failures += (await stage.fired(shots.wires, options.connections)).failures
    await stage.observer.caught_up(PATIENCE_SECONDS)
    facts = await stage.service.get("/v1/alliance", "")
    where = ("--registry", facts["registry"], "--clearing-house", facts["clearing_house"])
    # Only what a stranger has: no database of ours.
    own = {"ALLIANCE_CHAIN_URL": stage.stack.chain_url}
    found = await asyncio.to_thread(timed, own, ("verify", "settlement", *where, "--period", "1"))
    index = json.loads(run_command(stage.stack.settings, "index", "--json", good=(0, 1)))
    figures.rows["operations on the chain"] = f"{index['operations']:,}"
    figures.rows["recomputed, s"] = hundredths(found.seconds_tenths, 10)
    figures.rows["CPU s of the command"] = hundredths(found.cpu_tenths, 10)
    figures.rows["command MiB"] = f"{found.peak_mib:,}"
    return figures
