"""The world of one run: clocks, one node, processes over one database; all of it follows from the seed.

Services and bridges take turns, also in the middle of what one of them does: wherever a process is about to
write or to ask the node, it may stand still while the others work, a bridge for longer than its lease.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from ledger_service.bootstrap.foundations import Foundations
from ledger_service.chain.bridge import Progress
from ledger_service.kernel.errors import DomainError
from tests.simulation.climate import Climate
from tests.simulation.founding import Founded
from tests.simulation.machine.bridging import Bridging
from tests.simulation.machine.clock import SimClock
from tests.simulation.machine.front import WORKERS, Asked, Front, Told
from tests.simulation.machine.process import Killed, Process, SimDatabase
from tests.simulation.machine.stage import Stage
from tests.simulation.network.chain import Chain
from tests.simulation.network.faults import FaultyCarry
from tests.simulation.network.rpc import Rpc

_POLL_SECONDS = 2.0
Outcome = Told | DomainError | Killed


class World:
    """Everything that a run moves."""

    def __init__(self, founded: Founded, stage: Stage, seed: int, climate: Climate | None = None) -> None:
        self.random, self.stage, self.seed = Random(seed), stage, seed
        self.climate = climate or Climate.drawn(self.random, seed)
        self.founded = founded.sharing() if self.climate.sharing else founded
        stage.set_up()
        self.clock = SimClock(founded.at)
        self.clock.while_sleeping = self._others_work
        self.clock.passing, self.clock.poll_seconds = self.pass_time, _POLL_SECONDS
        self._working: set[int] = set()
        self.chain = Chain(self.climate.client, self.clock.node_now, founded.blocks)
        self.wire = FaultyCarry(Rpc(self.chain), self.random, self.climate.weather)
        self.wire.while_late = self.pass_time
        self.wire.reorganise = self.reorganise
        self.inner = stage.database
        self.met: Counter[str] = Counter()
        self._trace = hashlib.sha256()
        self._next_block = self.clock.elapsed.total_seconds()
        self.meanwhile: Callable[[], None] = lambda: None
        self._standing = False
        self._leads = 0
        self.fronts: list[Front] = []
        self.bridgings: list[Bridging] = []
        self.start()

    # Processes

    def start(self) -> None:
        """Every process runs, as after the power came back."""
        hosts = range(self.climate.hosts)
        # Caches keep the clock that they were made with: the real one would make a run depend on the machine.
        with self.clock.installed():
            self.fronts = [self._front(host) for host in hosts]
            self.bridgings = [self._bridging(host) for host in hosts]

    @property
    def bridging(self) -> Bridging:
        """The bridge that led last."""
        return self.bridgings[self._leads]

    def _foundations(self, process: Process, pause: Callable[[], None]) -> Foundations:
        database = SimDatabase(self.inner, process, lambda when: self._mishap(when, pause))
        given: Any = (self.stage.settings, database, self.stage.custody, self.founded.alliance)
        return Foundations(*given)

    def _front(self, host: int) -> Front:
        process = Process(f"front {host}")
        clock = self.clock.of_host(host * self.climate.host_off)
        foundations = self._foundations(process, lambda: self._stand_still(self._others_ask))
        return Front(process, foundations, clock, self.random, WORKERS[host])

    def _bridging(self, host: int) -> Bridging:
        process = Process(f"bridge {host}.{self.met['bridge-died']}")
        sleep = partial(self._stand_still, partial(self._others_lead, host))

        def carry(calls: list[dict[str, Any]]) -> bytes:
            sleep()
            return self.wire(calls)

        foundations = self._foundations(process, sleep)
        return Bridging(process, foundations, self.clock, self.climate.room, carry)

    def _mishap(self, when: str, pause: Callable[[], None]) -> bool:
        if when == "begin":
            pause()
            return False
        rate = self.climate.commit_rate
        hit = not self.wire.calm and rate > 0 and when != "read" and self.random.randrange(1000) < rate
        self.met[f"{when}-failed"] += hit
        return hit

    def _stand_still(self, others: Callable[[], None]) -> None:
        """Whoever is about to write or to ask the node may have to wait while the others work."""
        rate = self.climate.pause_rate
        if not rate or self._standing or self.wire.calm or self.random.randrange(1000) >= rate:
            return
        if any(one.process.writing for one in (*self.fronts, *self.bridgings)):
            return
        self._standing = True
        try:
            others()
        finally:
            self._standing = False

    def _others_ask(self) -> None:
        self.met["front-paused"] += 1
        self.pass_time(self.random.choice([0.0, 0.0, 2.0]))
        self.meanwhile()

    def _others_lead(self, host: int) -> None:
        """A bridge sleeps, perhaps through its lease, and another one works."""
        self.met["bridge-paused"] += 1
        self.pass_time(self.random.choice([0.1, 2 * self.climate.room.lease_seconds]))
        for _ in range(self.random.choice([1, 3])):
            self._work((host + 1) % self.climate.hosts)

    def _sentence(self, process: Process) -> None:
        rate = self.climate.crash_rate
        if not self.wire.calm and rate and self.random.randrange(1000) < rate:
            process.countdown = self.random.randint(1, 12)

    def ask(self, asked: Asked) -> Outcome:
        """What the caller learns from either service; one that died is started again."""
        host = self.random.randrange(self.climate.hosts)
        front = self.fronts[host]
        self._sentence(front.process)
        try:
            told: Outcome = front.ask(asked)
        except DomainError as refusal:
            told = refusal
        except Killed as death:
            told = death
            self.note("front-died")
            self.fronts[host] = self._front(host)
        front.process.countdown = 0
        return told

    def step_bridge(self) -> None:
        """A bridge makes one pass, usually the one that leads."""
        host = self._leads
        if self.climate.hosts > 1 and self.random.randrange(4) == 0:
            host = 1 - host
        self._work(host)

    def _work(self, host: int) -> None:
        """The bridge makes one pass, or dies in it and is started again."""
        if host in self._working:
            return
        bridging = self.bridgings[host]
        self._sentence(bridging.process)
        self._working.add(host)
        try:
            done = bridging.step()
            self.note(f"bridge {done if not isinstance(done, Exception) else type(done).__name__}")
            self._see(host, done)
        except Killed:
            self.note("bridge-died")
            self.bridgings[host] = self._bridging(host)
        finally:
            self._working.discard(host)
        bridging.process.countdown = 0

    def calm_pass(self) -> Progress | Exception:
        """Every bridge makes one pass; what the leader's did."""
        done: list[Progress | Exception] = []
        for host, bridging in enumerate(self.bridgings):
            self._working.add(host)
            done.append(bridging.step())
            self._working.discard(host)
            self._see(host, done[-1])
        return done[self._leads]

    def _see(self, host: int, done: Progress | Exception) -> None:
        if isinstance(done, Progress) and done.leading:
            if host != self._leads:
                self.note(f"bridge-took-over {host}")
            self._leads = host

    # Time and the chain

    def pass_time(self, seconds: float) -> None:
        """Time passes and with it blocks come."""
        until = self.clock.elapsed.total_seconds() + seconds
        if not self.chain.client.automine:
            while self._next_block <= until:
                self._mine_at(self._next_block)
                self._next_block += self.climate.seconds_per_block * self.random.choice([1, 1, 1, 2])
                if until - self._next_block > 100 * self.climate.seconds_per_block:
                    self._next_block = until - 3 * self.climate.seconds_per_block
        self.clock.forward(max(until - self.clock.elapsed.total_seconds(), 0))

    def _mine_at(self, elapsed: float) -> None:
        self.clock.forward(max(elapsed - self.clock.elapsed.total_seconds(), 0))
        if self.chain.client.fees and self.chain.client.checks_fee:
            self.chain.base_fee = int(self.chain.base_fee * self.random.choice([0.9, 1.0, 1.12])) or 10**9
            self.chain.base_fee = min(self.chain.base_fee, 40 * 10**9)
        self.chain.mine(most=self.random.choice([1, 3, 100]))

    def _others_work(self, seconds: float) -> None:
        self.pass_time(seconds)
        self.step_bridge()

    def reorganise(self) -> None:
        """The newest blocks are replaced by others, never deeper than finality."""
        deepest = min(
            self.climate.room.confirmations, self.chain.head.number - self.founded.blocks[-1].number
        )
        if self.chain.client.automine or deepest < 1:
            return
        depth, kept = self.random.randint(1, deepest), self.random.choice([100, 100, 50, 0])
        self.chain.reorganise(depth, lambda tx: self.random.randrange(100) < kept)
        for _ in range(depth + self.random.choice([0, 1])):
            self.chain.mine(most=self.random.choice([1, 100]))
        self.note(f"reorganised {depth}")

    def lose_blocks(self) -> None:
        """A development node dies and forgets its newest blocks and its pool."""
        if not self.chain.client.time_control:
            return
        keep = self.random.randint(self.founded.blocks[-1].number, self.chain.head.number)
        self.chain.restart(keep)
        self.note(f"node lost all above {keep}")

    # The trace

    def note(self, what: str) -> None:
        """The event is in the run's trace and count."""
        self.met[what.split(" ")[0]] += 1
        state = f"{what}|{self.clock.at.isoformat()}|{self.chain.head.hash.hex()}\n"
        self._trace.update(state.encode())
        self.listener(state)

    listener: Callable[[str], None] = staticmethod(lambda line: None)

    @property
    def trace(self) -> str:
        """The hash of everything noted so far."""
        return self._trace.hexdigest()
