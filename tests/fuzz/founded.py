"""One founded alliance with members and points, copied afresh for each sequence that wants its own world."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from ledger_service.bootstrap.foundations import Foundations
from ledger_service.bootstrap.http import application
from ledger_service.bootstrap.serving import wire
from ledger_service.db.engine import open_database
from ledger_service.db.schema import migrate
from tests.api.service import Registry, Shop, open_shop
from tests.fuzz.values import Members, enrol_members, register_formats

# A limit would answer in the place of what is to be tried.
_LIMITS = ("STRANGER_RATE_PER_SECOND", "STRANGER_BURST", "RATE_PER_SECOND", "RATE_BURST",
           "MEMBER_RATE_PER_SECOND", "MEMBER_BURST", "GUESS_BURST")  # fmt: skip
_UNHURRIED = {"ALLIANCE_LOG_LEVEL": "error"} | {f"ALLIANCE_{limit}": "1000000" for limit in _LIMITS}


@dataclass
class Founded:
    """The alliance as it was right after its founding, in a file that nobody changes any more."""

    folder: Path
    shop: Shop
    members: Members
    numbers: Iterator[int]

    @contextmanager
    def fresh(self) -> Iterator[Shop]:
        """A service of its own over a copy of the founded database."""
        place = self.folder / f"copy-{next(self.numbers)}"
        os.makedirs(place / "state")
        source, target = sqlite3.connect(self.folder / "alliance.db"), sqlite3.connect(place / "alliance.db")
        source.backup(target)
        source.close()
        target.close()
        database = open_database(f"sqlite:///{place / 'alliance.db'}")
        old = self.shop.serving.foundations
        settings = replace(old.settings, state_dir=place / "state", database_url=str(database.url))
        registry = Registry()
        serving = wire(Foundations(settings, database, old.custody, old.alliance), registry)
        client, keys = application(serving).test_client(), dict(self.shop.keys)
        try:
            yield replace(self.shop, serving=serving, client=client, registry=registry, keys=keys)
        finally:
            serving.close()


def found(folder: Path) -> Founded:
    """Found the alliance, by its own migrations and through its own API."""
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    migrate(database)
    os.makedirs(folder / "state")
    shop = open_shop(database, folder / "state", **_UNHURRIED)
    members = enrol_members(shop)
    register_formats(shop, members)
    shop.serving.close()
    return Founded(folder, shop, members, count(1))
