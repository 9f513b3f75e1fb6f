"""The parallel run: a fresh export of the old system against what stands here, member by member."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from sqlalchemy import Connection, func, select

from ledger_service.kernel.csv_cells import text_row
from ledger_service.members.identities import Identity
from ledger_service.moving_in import books
from ledger_service.moving_in.errors import ImportFileMalformed
from ledger_service.moving_in.files import chunks
from ledger_service.moving_in.judging import Memory, owners_by_external
from ledger_service.moving_in.models import moved_lot
from ledger_service.moving_in.room import Note, Room
from ledger_service.moving_in.rules import Frame, readable_points

_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A member (None for an external id that nobody has here) whose points of a programme differ."""

    member_id: int | None
    external_id: str
    programme: str
    exported: int
    here: int


@dataclass(slots=True)
class Comparison:
    """What was compared; differences stand in the file that was asked for."""

    rows: int = 0
    balances: int = 0
    differences: int = 0


def compare(room: Room, name: str, export: Path, into: Path, note: Note) -> Comparison:
    """The balances of a fresh export in the form of lots.csv have been compared with the import's.

    Args:
        room: the parts.
        name: of the import.
        export: the fresh lots, CSV or Parquet.
        into: the CSV file of the differences; empty but for its header where there is none.
        note: told after each chunk.

    Raises:
        ImportUnknown: no such import.
        ImportFileMalformed: the export cannot be read, or has points that are no number.
    """
    done = Comparison()
    with room.database.read() as conn:
        record = books.find(conn, name)
        frame = room.frame(conn, record.manifest)
    exported, strangers = _exported(room, (export, frame), done, note)
    with into.open("w", encoding="utf-8", newline="") as file, room.database.snapshot() as conn:
        writer = csv.writer(file)
        writer.writerow(["member_id", "external_id", "programme", "exported", "here"])
        for one in _differences(conn, record.import_id, frame, exported):
            done.balances += 1
            if one.exported != one.here:
                done.differences += 1
                writer.writerow([one.member_id, "", one.programme, one.exported, one.here])
        for (external, programme), points in sorted(strangers.items()):
            done.differences += 1
            writer.writerow(text_row(["", external, programme, points, 0]))
    return done


Sums = Counter[tuple[int, int]]


def _exported(
    room: Room, what: tuple[Path, Frame], done: Comparison, note: Note
) -> tuple[Sums, Counter[tuple[str, str]]]:
    (export, frame), found, strangers = what, Sums(), Counter[tuple[str, str]]()
    for some in chunks(export, "lots", 0, _ROWS):
        told = [(line.row or {}, line.number) for line in some]
        ids = [row.get("external_id", "").strip() for row, _ in told]
        externals = [Identity(f"social:{frame.source}", external) for external in ids]
        with room.database.read_by_key() as conn:
            known = owners_by_external(conn, room.desk.vault, externals, Memory())
        for row, number in told:
            points = readable_points(row, frame)
            if points is None:
                raise ImportFileMalformed(export.name, number, "needs a known programme and whole points")
            external = row["external_id"].strip()
            member_id = known.get(external)
            if member_id is None:
                strangers[external, points[0]] += points[1]
            else:
                found[member_id, frame.programmes[points[0]].programme_id] += points[1]
        done.rows += len(some)
        note("compare rows", done.rows, done.rows)
    return found, strangers


def _differences(conn: Connection, import_id: bytes, frame: Frame, exported: Sums) -> Iterator[Difference]:
    """Every balance of the import beside the export's, then what only the export has; counts them off."""
    codes = {p.programme_id: code for code, p in frame.programmes.items()}
    lot = moved_lot.c
    query = select(lot.member_id, lot.programme_id, func.sum(lot.points)).where(lot.import_id == import_id)
    rows = conn.execution_options(stream_results=True).execute(
        query.group_by(lot.member_id, lot.programme_id).order_by(lot.member_id, lot.programme_id)
    )
    for member_id, some in groupby(rows, itemgetter(0)):
        for _, programme_id, here in some:
            there = exported.pop((member_id, programme_id), 0)
            yield Difference(member_id, "", codes[programme_id], there, int(here))
    for (member_id, programme_id), there in sorted(exported.items()):
        yield Difference(member_id, "", codes[programme_id], there, 0)
