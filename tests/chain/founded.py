"""A founded alliance on each kind of chain, of which tests take copies: a tenth of what founding costs."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import time
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from ledger_service.chain.deploy import Deployment
from ledger_service.chain.ports import SliceToSign
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database, open_database
from ledger_service.kernel.permits import slice_struct_hash
from ledger_service.kernel.secp256k1 import sign_digest
from tests.chain.networks import LONG_AGO, Anvil, Network, OwnChain
from tests.chain.world import DAY, LocalKeys, World

DUMP = "anvil.json"


@dataclass
class RotatingKeys(LocalKeys):
    """A custody in which merchants may have imported other operations keys."""

    imported: dict[int, bytes] = field(default_factory=dict)

    def _sign(self, piece: SliceToSign) -> bytes:
        if piece.merchant not in self.imported:
            return super()._sign(piece)
        assert self.domain is not None
        digest = self.domain.digest(slice_struct_hash(piece.batch, piece.merchant, piece.leaves))
        return sign_digest(self.imported[piece.merchant], digest)


@dataclass(frozen=True)
class Founding:
    """Where the files lie, and what the founder knew."""

    folder: Path
    genesis_time: int
    deployment: Deployment


@dataclass
class FoundedOnce:
    """Founds each kind of chain when it is first asked for."""

    folder: Path
    template: Path
    settings: ChainSettings
    made: dict[tuple[type[Network], bool], Founding] = field(default_factory=dict)

    def start(self, network: Network, replay: bool = False) -> None:
        """Start the network with the founded chain; in replay its past lies years back."""
        founding = self._of(type(network), replay)
        if isinstance(network, Anvil):
            # Founding takes a while: a clock from before it would date blocks before the chain's last.
            network.genesis_time = founding.genesis_time if replay else int(time.time())
            began = network.extra
            network.extra = (*began, "--load-state", str(founding.folder / DUMP))
            network.start()
            network.extra = began  # the next start begins with an empty chain
        elif isinstance(network, OwnChain):
            network.genesis_time = founding.genesis_time
            for file in founding.folder.glob("chain.db.0*"):
                shutil.copy(file, network.store.with_name(file.name))
            network.start()

    def alliance_for(self, world: World, network: Network) -> None:
        """The founded database in the place of the world's empty one, and what its founder knew."""
        founding = self._of(type(network), world.settings.replay)
        _fill(world.database, founding.folder / "alliance.db")
        world.begin_with(deepcopy(founding.deployment))  # tests change what theirs says

    def _of(self, kind: type[Network], replay: bool) -> Founding:
        if (kind, replay) not in self.made:
            self.made[kind, replay] = self._found(kind, replay)
        return self.made[kind, replay]

    def _found(self, kind: type[Network], replay: bool) -> Founding:
        folder = self.folder / f"{kind.__name__}-{replay}"
        folder.mkdir()
        shutil.copy(self.template, folder / "alliance.db")
        database = open_database(f"sqlite:///{folder}/alliance.db")
        network = Anvil() if kind is Anvil else OwnChain(store=folder / "chain.db")
        if replay:
            network.genesis_time = LONG_AGO
        network.start()
        world = in_replay(database, network) if replay else World(database, network.node(), self.settings)
        world.found()
        if kind is Anvil:
            (dump,) = world.node.transport.read([("anvil_dumpState", [True])])
            (folder / DUMP).write_bytes(gzip.decompress(bytes.fromhex(dump[2:])))
        network.close()
        database.close()
        assert world.deployment is not None
        return Founding(folder, network.genesis_time, world.deployment)


def in_replay(database: Database, network: Network) -> World:
    """A world that is not founded yet, in which two days pass at a word."""
    settings = ChainSettings(linger_seconds=0.0, replay=True)
    world = World(database, network.node(), settings, now=LONG_AGO + 10 * DAY)
    world.keys = RotatingKeys()
    return world


def _fill(database: Database, source: Path) -> None:
    """Everything of the file into the database, which stays open."""
    with sqlite3.connect(source) as full, sqlite3.connect(str(database.url.database)) as target:
        full.backup(target)
    full.close()
    target.close()
