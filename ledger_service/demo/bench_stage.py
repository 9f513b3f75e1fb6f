"""The stage of a benchmark: the product started, an alliance founded in it, and some real days replayed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from ledger_service.demo import dataset, private_postgres
from ledger_service.demo.bench_load import Bench
from ledger_service.demo.dataset import Basket
from ledger_service.demo.load import LoadResult, fire
from ledger_service.demo.observer import Observer
from ledger_service.demo.processes import Fleet, free_port
from ledger_service.demo.progress import Progress
from ledger_service.demo.replay import LAST_INSTANT, Replay, end_of_day
from ledger_service.demo.screen import Screen
from ledger_service.demo.service_client import Service
from ledger_service.demo.stack import Stack, StackOptions, found, start
from ledger_service.demo.town import Scenario

SETUPS = {"sqlite": ("sqlite", "local"), "postgresql": ("postgresql", "anvil")}
SEED = "bench"
PATIENCE_SECONDS = 900
_CONNECTIONS_TO_FOUND = 8
_LONGEST_DAYS = 40
_WATCH_SECONDS = 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What to measure: how many requests, over how many connections, after how many days of warming up."""

    requests: int
    connections: int
    warm_days: int
    workers: int
    data: Path
    entries: int
    members: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A running product with members who hold points, and the baskets that come next."""

    name: str
    stack: Stack
    fleet: Fleet
    observer: Observer
    service: Service
    bench: Bench
    baskets: Iterator[Basket]
    database_url: str

    async def fired(self, wires: list[bytes], connections: int) -> LoadResult:
        """Send finished requests from a thread of their own and watch the processes meanwhile."""
        address = self.stack.host, self.stack.port
        firing = asyncio.create_task(asyncio.to_thread(fire, address, wires, connections))
        # Watched from here: on the tills' own thread each look at the memory would stand in every answer's
        # time.
        while not (await asyncio.wait({firing}, timeout=_WATCH_SECONDS))[0]:
            self.fleet.watch()
        return firing.result()


def on_stage(name: str, options: BenchOptions, screen: Screen, act: Callable[[Stage], Awaitable[T]]) -> T:
    """Start one setup, warm it up, let ``act`` measure, and clear everything away."""
    database, chain = SETUPS[name]
    state = Path(tempfile.mkdtemp(prefix="alliance-bench-"))
    try:
        with Fleet(state / "log") as fleet:
            url = private_postgres.start(fleet) if database == "postgresql" else ""
            screen.say(f"{name}: starting")
            stack = start(fleet, StackOptions(state, url, chain, free_port(), options.workers, SEED))
            return asyncio.run(_played(name, (stack, fleet, url), (options, state, screen), act))
    finally:
        shutil.rmtree(state, ignore_errors=True)


async def _played(
    name: str,
    running: tuple[Stack, Fleet, str],
    given: tuple[BenchOptions, Path, Screen],
    act: Callable[[Stage], Awaitable[T]],
) -> T:
    (stack, fleet, url), (options, state, screen) = running, given
    observer = Observer(stack.host, stack.port, stack.chain_url)
    service = Service(stack.host, stack.port, _CONNECTIONS_TO_FOUND)
    progress = Progress(state / "progress.db")
    try:
        alliance = await found(stack, service, progress, SEED)
        until = end_of_day(options.warm_days)
        replay = Replay(Scenario(SEED, options.data, until, LAST_INSTANT), service, alliance, progress)
        screen.say(f"  warming up with {dataset.count_until(options.data, 0, until):,} baskets")
        await replay.run()
        await observer.caught_up(PATIENCE_SECONDS)
        last = until + timedelta(days=_LONGEST_DAYS)
        later = dataset.stream(options.data, progress.get("position"), last)
        host = f"{stack.host}:{stack.port}"
        bench = Bench(SEED, host, alliance.domain, replay.phones, alliance.till_key, until, last)
        return await act(Stage(name, stack, fleet, observer, service, bench, iter(later), url))
    finally:
        await service.close()
        progress.close()
