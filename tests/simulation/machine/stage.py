"""The files and connections of a run; opened once and used by one run after the other, so that statements
compiled for one serve the next."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from sqlalchemy import event

from ledger_service.chain.deploy import MoneyRules
from ledger_service.config import Settings, settings_of
from ledger_service.custody.keystore import Keystore
from ledger_service.custody.local import LocalCustody
from ledger_service.db.engine import Database, open_database

LIMITS = MoneyRules(5_000_000, 8_000_000, 10_000)


class Stage:
    """A database for a run, another for its auditor, and custody."""

    def __init__(self, folder: Path, founded: Path) -> None:
        """Take an empty folder, and the one of the founding with its files."""
        self.folder, self._founded = folder, founded
        (folder / "auditor").mkdir()
        self.database, self.auditors = open_unsynced(folder), open_unsynced(folder / "auditor")
        self.custody: LocalCustody | None = None
        self.settings = sim_settings(folder)

    def set_up(self) -> None:
        """Everything is as the founding left it."""
        self._strike()
        shutil.copy(self._founded / "alliance.db", self.folder / "alliance.db")
        shutil.copy(self._founded / "custody.db", self.folder / "custody.db")
        shutil.copy(self._founded / "empty.db", self.folder / "auditor" / "alliance.db")
        self.custody = open_custody(self.folder)

    def close(self) -> None:
        """Connections are closed."""
        self._strike()
        self.database.close()
        self.auditors.close()

    def _strike(self) -> None:
        for database in (self.database, self.auditors):
            database.writing.dispose()
            database.reading.dispose()
        if self.custody is not None:
            self.custody.close()
        for old in (*self.folder.glob("*.db*"), *self.folder.glob("auditor/*.db*")):
            if not old.name.endswith(".gate"):
                old.unlink()


def sim_settings(folder: Path) -> Settings:
    """The settings of every process."""
    given = settings_of({"ALLIANCE_STATE_DIR": str(folder)})
    limits = {
        "custodial_permit_micros": LIMITS.per_permit_micros,
        "custodial_day_micros": LIMITS.per_day_micros,
    }
    return replace(given, database_url=f"sqlite:///{folder / 'alliance.db'}", **limits)


def open_unsynced(folder: Path) -> Database:
    """The database of a folder, without waiting for a disk that no simulation pulls the plug of."""
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    for engine in (database.writing, database.reading):
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    return database


def open_custody(folder: Path) -> LocalCustody:
    """The signing process, within this one."""
    return LocalCustody(Keystore(bytes(range(32))), folder / "custody.db")
