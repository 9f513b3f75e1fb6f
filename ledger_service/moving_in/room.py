"""What the steps of an import work with, and the frame by which rows are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from ledger_service.db.engine import Database
from ledger_service.kernel.clock import Clock, seconds_floor
from ledger_service.members.enrolment import EnrolmentDesk, Register
from ledger_service.merchants.models import merchant
from ledger_service.moving_in.errors import ImportCapTooLow, ImportIssuerSuspended
from ledger_service.moving_in.judging import Kind, Moment
from ledger_service.moving_in.lots import Lots
from ledger_service.moving_in.manifest import FileEntry, Manifest
from ledger_service.moving_in.past import History, Sales
from ledger_service.moving_in.people import Cards, Members
from ledger_service.moving_in.rules import Frame
from ledger_service.points.catalogue import Programme, read_catalogue
from ledger_service.points.models import issuance_budget

# Told after each chunk: what is done, how many of how many.
Note = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Room:
    """The parts that every step uses."""

    database: Database
    clock: Clock
    desk: EnrolmentDesk
    register: Register

    def kinds(self) -> dict[str, Kind]:
        """What reads, judges and writes each kind of file."""
        vault = self.desk.vault
        return {
            "members": Members(self.desk, self.register),
            "cards": Cards(self.desk),
            "lots": Lots(vault),
            "history": History(vault),
            "sales": Sales(vault),
        }

    def frame(self, conn: Connection, manifest: Manifest) -> Frame:
        """What rows are judged by now."""
        programmes = read_catalogue(conn).programmes.values()
        glns = frozenset(row[0] for row in conn.execute(select(merchant.c.merchant_id)))
        return Frame(manifest.source, {p.code: p for p in programmes}, glns, self.clock.now())

    def moment(self, conn: Connection, import_id: bytes) -> Moment:
        """When and for what a chunk is written now."""
        return Moment(import_id, self.clock.now(), read_catalogue(conn).programmes)


def path_of(folder: Path, entry: FileEntry) -> Path:
    """Where a file of the manifest stands."""
    return folder / entry.file


def refuse_unissuable(conn: Connection, moment: Moment, needs: Mapping[int, int]) -> None:
    """The issuers of these programmes may issue so many points more.

    Args:
        conn: for reading.
        moment: the instant and the programmes.
        needs: points by programme that are not drawn of the cap yet; zero for those that are.

    Raises:
        ImportIssuerSuspended, ImportCapTooLow: one may not.
    """
    suspended = {
        row[0] for row in conn.execute(select(merchant.c.merchant_id).where(merchant.c.status == "suspended"))
    }
    drawn = {row.programme_id: row.drawn_total for row in conn.execute(select(issuance_budget))}
    for programme_id in sorted(needs):
        programme: Programme = moment.programmes[programme_id]
        if programme.merchant_id in suspended:
            raise ImportIssuerSuspended(programme.code)
        room = programme.cap_at(seconds_floor(moment.at)) - drawn.get(programme_id, 0)
        if room < needs[programme_id]:
            raise ImportCapTooLow(programme.code, max(room, 0), needs[programme_id])
