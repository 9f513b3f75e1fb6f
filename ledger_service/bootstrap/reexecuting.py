"""The alliance's chain executed once more from its journal, on an empty local chain with the same block
zero."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, select

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.chain.client import Node
from ledger_service.chain.errors import WrongNetwork
from ledger_service.chain.models import chain_block, chain_signer
from ledger_service.chain.node.chain import DEFAULT_GAS_LIMIT, Genesis
from ledger_service.chain.node.scratch import scratch_chain
from ledger_service.chain.reexecution import Reexecution, Tick, reexecute
from ledger_service.chain.settings import Contracts
from ledger_service.chain.transport import Transport
from ledger_service.chain.witness.quorum import Told
from ledger_service.config import Settings
from ledger_service.db.engine import open_database


@contextmanager
def recorded_chain(settings: Settings) -> Iterator[Told]:
    """The chain as the database has recorded it, for what witnesses say of it.

    Raises:
        NotFounded: the database holds no alliance yet.
        NotReplayable: block zero was not recorded: the alliance stands on another network's chain.
    """
    database = open_database(settings.database_url)

    def hash_of(number: int) -> bytes | None:
        with database.snapshot() as conn:
            its = select(chain_block.c.hash).where(chain_block.c.number == number)
            found: bytes | None = conn.execute(its).scalar_one_or_none()
        return found

    try:
        with database.snapshot() as conn:
            chain_id = the_alliance(conn).chain_id
        zero = hash_of(0)
        if zero is None:
            raise NotReplayable("block 0 is not in the mirror")
        yield Told(chain_id, zero, hash_of)
    finally:
        database.close()


class NotReplayable(Exception):
    """The recorded chain cannot be begun anew on an empty local chain; the message says why."""


def reexecute_journal(
    settings: Settings, store: Path, tick: Tick, gas_limit: int = DEFAULT_GAS_LIMIT
) -> Reexecution:
    """Everything that was ever mined is executed once more and compared with the record.

    Args:
        settings: the database; the running chain is not asked.
        store: file of the new chain, which does not exist yet.
        tick: told the block and the transactions so far.
        gas_limit: of the recorded chain's blocks.

    Raises:
        NotFounded: the database holds no alliance yet.
        NotReplayable: block zero comes out different: the alliance stands on another kind of chain.
        ChainMoves: the bridge adds blocks faster than they are replayed.
    """
    database = open_database(settings.database_url)
    try:
        with database.snapshot() as conn:
            alliance = the_alliance(conn)
            genesis = _genesis(conn, alliance.chain_id, gas_limit)
        contracts = Contracts(alliance.clearing_house, alliance.registry)
        with scratch_chain(store, genesis) as url:
            node = Node(Transport(url))
            try:
                return reexecute(database, node, contracts, tick)
            finally:
                node.transport.close()
    except WrongNetwork as other:
        raise NotReplayable(
            "block 0 of the project's own chain, founded anew, is not the recorded one"
        ) from other
    finally:
        database.close()


def _genesis(conn: Connection, chain_id: int, gas_limit: int) -> Genesis:
    block = conn.execute(select(chain_block.c.timestamp).where(chain_block.c.number == 0)).one_or_none()
    if block is None:
        raise NotReplayable("block 0 is not in the mirror: another network's chain, or nothing was indexed")
    signers = conn.execute(select(chain_signer.c.address).where(chain_signer.c.founding == 1)).scalars()
    return Genesis(chain_id, block.timestamp, gas_limit, tuple(sorted("0x" + a.hex() for a in signers)))
