"""The world of one run: one clock, one node, processes over one database; all of it follows from the seed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from ledger_service.bootstrap.foundations import Foundations
from ledger_service.chain.settings import ChainSettings
from ledger_service.kernel.errors import DomainError
from tests.simulation.founding import ROOM, Founded
from tests.simulation.machine.bridging import Bridging
from tests.simulation.machine.clock import SimClock
from tests.simulation.machine.front import Asked, Front, Told
from tests.simulation.machine.process import Killed, Process, SimDatabase
from tests.simulation.machine.stage import Stage
from tests.simulation.network.chain import Chain
from tests.simulation.network.clients import CLIENTS, OWN, Client
from tests.simulation.network.faults import CLEAR, FaultyCarry, Weather
from tests.simulation.network.rpc import Rpc

Outcome = Told | DomainError | Killed


@dataclass(frozen=True)
class Climate:
    """What distinguishes this run from others, apart from chance."""

    client: Client = OWN
    room: ChainSettings = ROOM
    weather: Weather = CLEAR
    seconds_per_block: int = 12
    commit_rate: int = 0
    crash_rate: int = 0
    reorg_rate: int = 0
    loss_rate: int = 10

    @classmethod
    def drawn(cls, random: Random) -> Climate:
        """As likely mild as wild."""
        room = replace(
            ROOM, most_operations=random.choice([3, 8, 40, 240]), most_in_flight=random.choice([1, 2, 8]),
            linger_seconds=random.choice([0.0, 0.25]), confirmations=random.choice([0, 1, 3, 6]),
            resend_after_seconds=random.choice([1.0, 5.0]), bump_after_seconds=random.choice([10.0, 60.0]),
            blocks_per_read=random.choice([4, 64]),
        )  # fmt: skip
        rates = [random.choice([0, 0, 10, 50]), random.choice([0, 30, 120]), random.choice([0, 30, 100])]
        client, weather = random.choice(CLIENTS), Weather.drawn(random)
        return cls(client, room, weather, random.choice([2, 12, 30]), *rates)


class World:
    """Everything that a run moves."""

    def __init__(self, founded: Founded, stage: Stage, seed: int, climate: Climate | None = None) -> None:
        self.random, self.stage, self.founded, self.seed = Random(seed), stage, founded, seed
        self.climate = climate or Climate.drawn(self.random)
        stage.set_up()
        self.clock = SimClock(founded.at)
        self.clock.while_sleeping = self._others_work
        self.chain = Chain(self.climate.client, self.clock.node_now, founded.blocks)
        self.wire = FaultyCarry(Rpc(self.chain), self.random, self.climate.weather)
        self.wire.while_late = self.pass_time
        self.wire.reorganise = self.reorganise
        self.inner = stage.database
        self.met: Counter[str] = Counter()
        self._trace = hashlib.sha256()
        self._next_block = self.clock.elapsed.total_seconds()
        self.front: Front = self._front()
        self.bridging: Bridging = self._bridging()

    # Processes

    def _foundations(self, process: Process) -> Foundations:
        database = SimDatabase(self.inner, process, self._mishap)
        given: Any = (self.stage.settings, database, self.stage.custody, self.founded.alliance)
        return Foundations(*given)

    def _front(self) -> Front:
        process = Process("front")
        return Front(process, self._foundations(process), self.clock, self.random)

    def _bridging(self) -> Bridging:
        process = Process(f"bridge {self.met['bridge-died']}")
        return Bridging(process, self._foundations(process), self.clock, self.climate.room, self.wire)

    def _mishap(self, when: str) -> bool:
        rate = self.climate.commit_rate
        hit = not self.wire.calm and rate > 0 and when != "read" and self.random.randrange(1000) < rate
        self.met[f"{when}-failed"] += hit
        return hit

    def _sentence(self, process: Process) -> None:
        rate = self.climate.crash_rate
        if not self.wire.calm and rate and self.random.randrange(1000) < rate:
            process.countdown = self.random.randint(1, 12)

    def ask(self, asked: Asked) -> Outcome:
        """What the caller learns; a process that died is started again."""
        self._sentence(self.front.process)
        try:
            told: Outcome = self.front.ask(asked)
        except DomainError as refusal:
            told = refusal
        except Killed as death:
            told = death
            self.note("front-died")
            self.front = self._front()
        self.front.process.countdown = 0
        return told

    def step_bridge(self) -> None:
        """The bridge makes one pass, or dies in it and is started again."""
        self._sentence(self.bridging.process)
        try:
            done = self.bridging.step()
            self.note(f"bridge {done if not isinstance(done, Exception) else type(done).__name__}")
        except Killed:
            self.note("bridge-died")
            self.bridging = self._bridging()
        self.bridging.process.countdown = 0

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
