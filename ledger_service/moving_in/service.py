"""Moving in for front doors: check, load, compare, cut over, roll back; each may be cut off and run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger_service.moving_in import checking, comparing, cutting, exporting, loading, undoing
from ledger_service.moving_in.books import ImportRecord
from ledger_service.moving_in.checking import Checked
from ledger_service.moving_in.comparing import Comparison
from ledger_service.moving_in.room import Note, Room
from ledger_service.moving_in.writing import Wish


def _silent(what: str, done: int, total: int) -> None:
    """Nobody is told."""


class MovingIn:
    """Commands of the room; run by one process at a time for one import, which the database enforces."""

    def __init__(self, room: Room, note: Note = _silent) -> None:
        """Take the parts, and who is told of progress."""
        self._room, self._note = room, note

    def check(self, folder: Path) -> Checked:
        """Every row has been judged, the totals tie, the issuers may issue; nothing is loaded.

        Raises:
            MalformedField, ImportFileMalformed, ParquetReaderMissing, ImportFilesChanged,
            ControlTotalsDiffer, ImportCapTooLow, ImportIssuerSuspended, ImportStateWrong.
        """
        return checking.check(self._room, folder, self._note)

    def load(self, folder: Path) -> ImportRecord:
        """Every accepted row stands in the database, balances as pending points.

        Raises:
            MalformedField, ImportUnknown, ImportStateWrong, ImportFilesChanged, ImportCapTooLow,
            ControlTotalsDiffer, ImportBusy.
        """
        return loading.load(self._room, folder, self._note)

    def write_rejects(self, folder: Path, name: str, into: Path) -> int:
        """The rejected rows stand in CSV files in ``into``; returns how many.

        Raises:
            ImportUnknown, ImportFilesChanged.
        """
        return loading.write_rejects(self._room, folder, name, into)

    def compare(self, name: str, export: Path, into: Path) -> Comparison:
        """A fresh export has been compared; the differences stand in ``into``.

        Raises:
            ImportUnknown, ImportFileMalformed, ParquetReaderMissing.
        """
        return comparing.compare(self._room, name, export, into, self._note)

    def cut_over(self, name: str, with_rejects: int = 0) -> ImportRecord:
        """The balances can be spent, their issues wait for the chain behind everything else.

        Raises:
            ImportUnknown, ImportStateWrong, ControlTotalsDiffer, RejectsNotAcknowledged, ImportCapTooLow,
            ImportIssuerSuspended, ImportBusy.
        """
        return cutting.cut_over(self._room, name, with_rejects, self._note)

    def roll_back(self, name: str) -> ImportRecord:
        """Nothing of the import is left but entries and their reversals.

        Raises:
            ImportUnknown, ImportStateWrong, ImportBusy.
        """
        return undoing.roll_back(self._room, name, self._note)

    def export(self, folder: Path, form: str, merchant_id: int | None = None) -> dict[str, Any]:
        """Everything stands in a new folder, as an import takes it; returns the table of contents.

        With a merchant's GLN only its own rows, which are for reading and have no manifest. The folder has
        its name once it is complete.

        Raises:
            FileExistsError: the folder is there, or another process is writing it.
            MerchantUnknown: nobody of this GLN takes part.
            ParquetReaderMissing: Parquet without pyarrow.
        """
        return exporting.export(self._room, folder, Wish(form, merchant_id), self._note)
