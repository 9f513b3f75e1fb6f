"""A fresh index in a file of its own: what the chain alone tells, and whether our mirror says the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.bootstrap.chain_parts import chain_settings, node_of, wall
from ledger_service.chain.client import Node
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import HouseNeverInForce
from ledger_service.chain.fresh_index import Difference, Tick, hold_against, read_chain
from ledger_service.chain.houses import houses_in_force
from ledger_service.chain.indexer import Indexer
from ledger_service.chain.settings import Contracts
from ledger_service.chain.status import net_positions, programme_totals
from ledger_service.config import Settings
from ledger_service.db.engine import Database, open_database
from ledger_service.db.schema import create_everything
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.secp256k1 import address_text


@dataclass(slots=True)
class FreshIndex:
    """What the chain alone tells, how long reading it took, and what our own mirror tells differently."""

    block_number: int = -1
    operations: int = 0
    millis: int = 0
    compared: bool = False
    differences: list[Difference] = field(default_factory=list)
    programmes: list[dict[str, Any]] = field(default_factory=list)
    nets: list[dict[str, Any]] = field(default_factory=list)
    houses: list[dict[str, Any]] = field(default_factory=list)

    @property
    def per_second(self) -> int:
        """Operations a second."""
        return self.operations * 1000 // max(self.millis, 1)

    def document(self) -> dict[str, Any]:
        """The index as JSON."""
        return asdict(self) | {"operations_per_second": self.per_second}


def fresh_index(settings: Settings, into: Path, contracts: Contracts | None, tick: Tick) -> FreshIndex:
    """Read the chain from its first block into a SQLite file.

    Args:
        settings: the chain's URL; with ``contracts`` None also the database whose mirror is judged.
        into: the file; one that exists is gone on with.
        contracts: the addresses for somebody without the database, or None.
        tick: told the last block and the operations so far.

    Raises:
        WrongNetwork: the node serves another chain than the database's.
        NotFounded: no addresses were given and the database holds no alliance.
        HouseNeverInForce: the registry never named the given ClearingHouse.
        ChainUnavailable, LyingNode, MirrorsApart: as in ``chain.fresh_index``.
    """
    with ExitStack() as stack:
        reader = stack.enter_context(reading_anew(settings, into, tick))
        if contracts is not None:
            return reader.read(contracts)[1]
        own = open_database(settings.database_url)
        stack.callback(own.close)
        return reader.read_and_compare(own)


@contextmanager
def reading_anew(settings: Settings, into: Path, tick: Tick) -> Iterator[Reader]:
    """A node and an index in a SQLite file, both closed at the end; a file that exists is gone on with."""
    with ExitStack() as stack:
        fresh = open_database(f"sqlite:///{into}")
        stack.callback(fresh.close)
        create_everything(fresh)
        node = node_of(settings)
        stack.callback(node.transport.close)
        yield Reader(settings, node, fresh, tick)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom to ask, and where what the chain says is kept."""

    settings: Settings
    node: Node
    fresh: Database
    tick: Tick

    def read(self, contracts: Contracts) -> tuple[Indexer, FreshIndex]:
        """The index at the chain's head, and its figures.

        Raises:
            HouseNeverInForce: the registry never named the given ClearingHouse.
            ChainUnavailable, LyingNode: as in ``chain.fresh_index``.
        """
        room = chain_settings(self.settings)
        indexer = Indexer(Desk.unfenced(self.fresh, wall), self.node, contracts, room)
        found, begun = FreshIndex(), time.monotonic_ns()
        found.operations = read_chain(indexer, self.tick)
        found.millis = (time.monotonic_ns() - begun) // 1_000_000
        _figures(self.fresh, indexer, found)
        house, line = address_text(contracts.clearing_house), [house["address"] for house in found.houses]
        if house not in line and (line or not room.first_block):
            raise HouseNeverInForce(house)
        return indexer, found

    def read_and_compare(self, own: Database) -> FreshIndex:
        """As ``read``, held against the mirror of the database ``own``."""
        with own.read() as conn:
            alliance = the_alliance(conn)
        self.node.must_serve(alliance.chain_id)
        indexer, found = self.read(Contracts(alliance.clearing_house, alliance.registry))
        with own.snapshot() as live:
            found.differences = hold_against(live, indexer, self.fresh)
        found.compared = True
        return found


def _figures(fresh: Database, indexer: Indexer, found: FreshIndex) -> None:
    cursor = indexer.cursor()
    found.block_number = -1 if cursor is None else cursor.number
    with fresh.snapshot() as conn:
        found.houses = [
            {"address": address_text(address), "block_number": block}
            for address, block in houses_in_force(conn)
        ]
        found.programmes = [
            {**asdict(total), "outstanding": total.outstanding} for total in programme_totals(conn)
        ]
        found.nets = [
            {"period": period, "merchant": gln_text(merchant), "net_micros": net_micros}
            for period, merchant, net_micros in net_positions(conn)
        ]
