"""A fresh index in a file of its own: what the chain alone tells, and whether our mirror says the same."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.bootstrap.chain_parts import chain_settings, node_of, wall
from ledger_service.chain.desk import Desk
from ledger_service.chain.fresh_index import Difference, Tick, hold_against, read_chain
from ledger_service.chain.indexer import Indexer
from ledger_service.chain.settings import Contracts
from ledger_service.chain.status import net_positions, programme_totals
from ledger_service.config import Settings
from ledger_service.db.engine import Database, open_database
from ledger_service.db.schema import create_everything
from ledger_service.kernel.gs1 import gln_text


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
        NotFounded: no addresses were given and the database holds no alliance.
        ChainUnavailable, LyingNode, MirrorsApart: as in ``chain.fresh_index``.
    """
    fresh = open_database(f"sqlite:///{into}")
    try:
        create_everything(fresh)
        if contracts is not None:
            return _read(settings, fresh, contracts, tick)[1]
        own = open_database(settings.database_url)
        try:
            return _read_and_compare(settings, fresh, own, tick)
        finally:
            own.close()
    finally:
        fresh.close()


def _read(
    settings: Settings, fresh: Database, contracts: Contracts, tick: Tick
) -> tuple[Indexer, FreshIndex]:
    indexer = Indexer(Desk.unfenced(fresh, wall), node_of(settings), contracts, chain_settings(settings))
    found, begun = FreshIndex(), time.monotonic_ns()
    found.operations = read_chain(indexer, tick)
    found.millis = (time.monotonic_ns() - begun) // 1_000_000
    _figures(fresh, indexer, found)
    return indexer, found


def _read_and_compare(settings: Settings, fresh: Database, own: Database, tick: Tick) -> FreshIndex:
    with own.read() as conn:
        alliance = the_alliance(conn)
    contracts = Contracts(alliance.clearing_house, alliance.registry)
    indexer, found = _read(settings, fresh, contracts, tick)
    with own.snapshot() as live:
        found.differences = hold_against(live, indexer, fresh)
    found.compared = True
    return found


def _figures(fresh: Database, indexer: Indexer, found: FreshIndex) -> None:
    cursor = indexer.cursor()
    found.block_number = -1 if cursor is None else cursor.number
    with fresh.snapshot() as conn:
        found.programmes = [
            {**asdict(total), "outstanding": total.outstanding} for total in programme_totals(conn)
        ]
        found.nets = [
            {"period": period, "merchant": gln_text(merchant), "net_micros": net_micros}
            for period, merchant, net_micros in net_positions(conn)
        ]
