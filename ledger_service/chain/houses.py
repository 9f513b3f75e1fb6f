"""The line of ClearingHouses: a successor names its predecessor, and the registry's log says which one is in
force from where on (INV-8).

Batch numbers, periods and proofs go on from house to house, so there is one mirror of them all. Of each house
only what it logged while it was in force counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from ledger_service.chain.decode import BatchApplied, Fact, HouseInForce, MinedOperation, PeriodClosed
from ledger_service.chain.errors import LyingNode
from ledger_service.chain.models import chain_house
from ledger_service.chain.settings import Contracts
from ledger_service.db.bulk import sql_of

_OF_A_HOUSE = (MinedOperation, BatchApplied, PeriodClosed)


@dataclass(frozen=True, slots=True)
class Line:
    """The houses that the mirror has seen in force, oldest first, and the two addresses that it was given."""

    contracts: Contracts
    houses: tuple[bytes, ...] = ()

    @property
    def in_force(self) -> bytes:
        """The house whose word counts next; the given one before the registry named any."""
        return self.houses[-1] if self.houses else self.contracts.clearing_house

    @property
    def addresses(self) -> list[bytes]:
        """Everybody whose logs are asked for, each once."""
        given = (*self.houses, self.contracts.clearing_house, self.contracts.registry)
        return list(dict.fromkeys(given))


class Attribution:
    """Whose word counts, log by log: the registry's always, of the houses that of the one in force."""

    def __init__(self, line: Line, asked: Sequence[bytes]) -> None:
        self._registry = _text(line.contracts.registry)
        self._asked = frozenset(map(_text, asked))
        self._begun = bool(line.houses)
        self._in_force = line.in_force

    def counts(self, block: int, log: Mapping[str, Any], fact: Fact) -> bool:
        """Whether the mirror keeps this fact; logs are given in the order of the chain.

        Raises:
            LyingNode: nobody asked for that address, or a house that does not continue the one in force.
        """
        emitter = str(log.get("address")).lower()
        if emitter not in self._asked:
            raise LyingNode(block, "a log of an address that nobody asked for")
        if isinstance(fact, _OF_A_HOUSE):
            return emitter == _text(self._in_force)
        if emitter != self._registry:
            return False
        if isinstance(fact, HouseInForce):
            self._succeed(block, fact)
        return True

    def _succeed(self, block: int, fact: HouseInForce) -> None:
        if self._begun and fact.predecessor != self._in_force:
            raise LyingNode(block, "a ClearingHouse that does not continue the one in force")
        self._begun, self._in_force = True, fact.address


def line_of(conn: Connection, contracts: Contracts) -> Line:
    """The line as far as the mirror goes."""
    return Line(contracts, tuple(address for address, _ in houses_in_force(conn)))


def houses_in_force(conn: Connection) -> list[tuple[bytes, int]]:
    """Each house of the line and the block in which the registry put it in force, oldest first."""
    query = select(chain_house.c.address, chain_house.c.block_number).order_by(chain_house.c.number)
    return [(bytes(row[0]), row[1]) for row in conn.execute(query)]


def note(conn: Connection, block_number: int, fact: HouseInForce) -> None:
    """The mirror knows the house as the one in force from this block on."""
    before = conn.execute(select(func.coalesce(func.max(chain_house.c.number), 0))).scalar_one()
    row = {"number": before + 1, "address": fact.address, "block_number": block_number}
    sql_of(chain_house, conn).insert(conn, [row])


def _text(address: bytes) -> str:
    return "0x" + address.hex()
