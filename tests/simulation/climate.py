"""What distinguishes one run from another: its node, its weather, and what people may do in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from ledger_service.chain.settings import ChainSettings
from tests.simulation.founding import ROOM
from tests.simulation.network.clients import CLIENTS, OWN, Client
from tests.simulation.network.faults import CLEAR, Weather


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
    # How many services and bridges, how often one stands still, and how far the second host's clock is off.
    hosts: int = 1
    pause_rate: int = 0
    host_off: float = 0.0
    # Whether merchants are suspended and reinstated.
    governed: bool = False
    # Whether members have coupons.
    coupons: bool = False
    # Whether members find coded items; never by chance, so that seeds find what they found.
    items: bool = False
    # Whether events of goods are captured, and with them the transparency log grows; never by chance either.
    events: bool = False
    # Whether members share links and are rewarded; never by chance either.
    sharing: bool = False
    # After which steps a backup is taken, and the database lost.
    backup_at: int = -1
    accident_at: int = -1

    @classmethod
    def drawn(cls, random: Random, seed: int) -> Climate:
        """As likely mild as wild; with coupons by chance of its own, so that seeds find what they found."""
        room = replace(
            ROOM, most_operations=random.choice([3, 8, 40, 240]), most_in_flight=random.choice([1, 2, 8]),
            linger_seconds=random.choice([0.0, 0.25]), confirmations=random.choice([0, 1, 3, 6]),
            resend_after_seconds=random.choice([1.0, 5.0]), bump_after_seconds=random.choice([10.0, 60.0]),
            blocks_per_read=random.choice([4, 64]),
        )  # fmt: skip
        rates = [random.choice([0, 0, 10, 50]), random.choice([0, 30, 120]), random.choice([0, 30, 100])]
        client, weather = random.choice(CLIENTS), Weather.drawn(random)
        seconds = random.choice([2, 12, 30])
        hosts = (2, random.choice([10, 30, 80]), random.choice([0.0, 0.0, -20.0, 40.0]))
        hosts = random.choice([hosts, hosts, (1, 0, 0.0)])
        coupons = Random(f"coupons {seed}").random() < 0.5
        made = cls(client, room, weather, seconds, *rates, 10, *hosts, random.randrange(5) == 0, coupons)
        if random.random() < 0.75:
            return made
        backup_at = random.randint(0, 8)
        return replace(made, backup_at=backup_at, accident_at=backup_at + random.randint(1, 10))
