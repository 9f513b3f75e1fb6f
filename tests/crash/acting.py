"""A day's acts played by one process over a folder, which may kill itself within one of them, for tests:
``python -m tests.crash.acting FOLDER WHAT NUMBER LINE``.

Played again it sends the same writes under the same keys. Randomness follows from the write's key, so that a
day on which processes were killed can be held against an undisturbed one, row by row.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from ledger_service.bootstrap.foundations import Foundations, SystemRandom
from ledger_service.bootstrap.http import application
from ledger_service.bootstrap.serving import wire
from ledger_service.bootstrap.tills import secrets_of
from ledger_service.custody.keystore import load_keystore
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import BindDomain
from ledger_service.custody.vault import CustodialLimits
from ledger_service.db.engine import Database, open_database
from ledger_service.members.enrolment import EnrolmentDesk, Register
from ledger_service.members.identities import IdentityVault
from ledger_service.moving_in.errors import ImportStateWrong
from ledger_service.moving_in.room import Room
from ledger_service.moving_in.service import MovingIn
from tests.api.service import ALLIANCE, FORMER_HOUSE, NOON, Registry, _settings
from tests.crash.day import ACTS, Noting
from tests.integration.checkout.shop import StandingClock

BEFORE, AFTER = "before-commit", "after-commit"
# Small enough that a dozen members are several chunks.
CHUNK = 5
GROWING = ("member", "member_card", "moved_lot", "imported_history", "imported_sale", "entry")


class Fate:
    """Randomness that follows from what is being done, and the commit at which the process dies."""

    def __init__(self, number: int, line: str) -> None:
        self._number, self._line = number, line
        self._doing, self._drawn = "", 0
        self.commits = 0
        # Where what is done has no key of its own: how far it has come by now.
        self.where: Callable[[], str] | None = None

    def doing(self, what: str) -> None:
        """From now on this is done."""
        self._doing, self._drawn = what, 0

    def random_bytes(self, count: int = 32) -> bytes:
        """The next bytes of what is being done."""
        if self.where is not None and (now := self.where()) != self._doing:
            self.doing(now)
        made = b""
        while len(made) < count:
            self._drawn += 1
            made += sha256(f"{self._doing} {self._drawn}".encode()).digest()
        return made[:count]

    def on_commits_of(self, database: Database) -> None:
        """Its commits count, and one of them is the last thing that the process does."""
        for engine in {database.writing, database.posting}:
            engine.dialect.do_commit = self._deadly(engine.dialect.do_commit)  # type: ignore[method-assign]

    def _deadly(self, real: Callable[[Any], None]) -> Callable[[Any], None]:
        def commit(connection: Any) -> None:
            self.commits += 1
            last = self.commits == self._number
            if last and self._line == BEFORE:
                os.kill(os.getpid(), signal.SIGKILL)
            real(connection)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)

        return commit


class Acting(Noting):
    """The shop whose writes are told to the fate, and whose client keeps notes of what it was told."""

    fate: Fate
    folder: Path

    def noted(self, name: str, ask: Callable[[], str]) -> str:
        """What was answered the first time, also where nobody would answer so any more."""
        note = self.folder / f"note-{name}"
        if not note.exists():
            note.write_text(ask())
        self.numbers = int(name)
        return note.read_text()

    def _write(
        self, method: str, who: str, path: str, body: dict[str, Any] | None, **more: str
    ) -> TestResponse:
        self.fate.doing(more.get("key", f"key-{self.numbers + 1}"))
        return super()._write(method, who, path, body, **more)


def opened(folder: Path, fate: Fate) -> Acting:
    """The service over the folder's database, with the keys that were written down when it was founded."""
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    custody = LocalCustody(load_keystore(folder / "keystore.json"), folder / "journal", CustodialLimits())
    custody.bind(BindDomain(ALLIANCE.chain_id, ALLIANCE.clearing_house, ALLIANCE.registry))
    settings = _settings(database, folder, {})
    serving = wire(Foundations(settings, database, custody, ALLIANCE, (FORMER_HOUSE,)), Registry())
    shop = Acting(serving, application(serving).test_client(), Registry())
    shop.keys, shop.numbers = json.loads((folder / "keys.json").read_text()), 1_000
    shop.fate, shop.folder = fate, folder
    return shop


def progress(database: Database) -> str:
    """How much of an import stands in the books."""
    with database.read() as conn:
        return " ".join(
            str(conn.exec_driver_sql(f"SELECT COUNT(*) FROM {name}").scalar()) for name in GROWING
        )


def move_in(shop: Acting, folder: Path) -> None:
    """The old programme in the folder is checked, loaded and cut over, whatever of it was done before."""
    foundations = shop.serving.foundations
    given = secrets_of(foundations)
    desk = EnrolmentDesk(SystemRandom(), IdentityVault(given.identity), foundations.custody, ALLIANCE.domain)
    register = Register(ALLIANCE.gs1_prefix, given.one_time)
    room = Room(foundations.database, StandingClock(NOON), desk, register)
    for kind in room.kinds().values():
        type(kind).size = CHUNK
    shop.fate.where = lambda: progress(foundations.database)
    moving = MovingIn(room)
    for step in (moving.check, moving.load, lambda _: moving.cut_over("first")):
        try:
            step(folder)
        except ImportStateWrong:
            continue  # done before the process died


def play(folder: Path, what: str, fate: Fate) -> None:
    """The act, or the import, from its first write to its last."""
    shop = opened(folder, fate)
    fate.on_commits_of(shop.serving.foundations.database)
    if what == "import":
        move_in(shop, folder / "first")
    else:
        ACTS[what](shop)
    shop.serving.close()
    (folder / "commits").write_text(str(fate.commits))


if __name__ == "__main__":
    own = Fate(int(sys.argv[3]), sys.argv[4])
    secrets.token_bytes = own.random_bytes  # type: ignore[assignment]
    play(Path(sys.argv[1]), sys.argv[2], own)
