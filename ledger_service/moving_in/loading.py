"""The load: chunk by chunk, each with its progress in one db transaction, so it goes on where it stopped."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ledger_service.moving_in import books
from ledger_service.moving_in.errors import ImportFilesChanged, ImportStateWrong
from ledger_service.moving_in.files import Line, chunks, digest_of, header_of, lines
from ledger_service.moving_in.judging import Judged, Kind, MembersMoved, Memory, judge
from ledger_service.moving_in.manifest import FileEntry, read_manifest
from ledger_service.moving_in.room import Note, Room, path_of
from ledger_service.moving_in.rules import Frame
from ledger_service.moving_in.tallies import Tally, check_totals

_ATTEMPTS = 5
_PAGE = 10_000


def load(room: Room, folder: Path, note: Note) -> books.ImportRecord:
    """Every accepted row of a checked import stands in the database; balances are pending, nobody can spend.

    Raises:
        ImportUnknown, ImportStateWrong: not checked, or cut over or rolled back already.
        ImportFilesChanged: a file is not the one that was checked.
        ImportCapTooLow: an issuer's cap has shrunk, or others have drawn on it; nothing of the chunk is in.
        ControlTotalsDiffer: what was loaded is not the control total; it is loaded, and never cut over.
        ImportBusy: another process loads the same import.

    Idempotency: a chunk counts once; a load that was cut off, or has ended, is simply run again.
    """
    manifest = read_manifest(folder)
    with room.database.read() as conn:
        record = books.find(conn, manifest.name)
    if record.state in ("checked", "loading") and record.manifest != manifest:
        raise ImportFilesChanged("manifest.json")
    if record.state not in ("checked", "loading", "loaded"):
        raise ImportStateWrong(manifest.name, record.state)
    _check_digests(folder, record)
    if record.state == "checked":
        with room.database.begin() as conn:
            books.move(conn, record, "loading", room.clock.now())
    if record.state != "loaded":
        for entry in manifest.files:
            _load_file(room, folder, (manifest.name, entry), note)
        with room.database.begin() as conn:
            books.move(conn, replace(record, state="loading"), "loaded", room.clock.now())
    with room.database.read() as conn:
        record = books.find(conn, manifest.name)
    for entry in manifest.files:
        check_totals(entry, record.files[entry.kind].loaded)
    return record


def write_rejects(room: Room, folder: Path, name: str, into: Path) -> int:
    """The rejected rows stand in one CSV file a kind: line, field, code, reason, then the row as it came.

    Returns:
        how many there are.
    """
    with room.database.read() as conn:
        record = books.find(conn, name)
    _check_digests(folder, record)
    total = 0
    for entry in record.manifest.files:
        if record.files[entry.kind].loaded.rejected:
            into.mkdir(parents=True, exist_ok=True)
            total += _write_rejects(room, folder, (record.import_id, entry), into / f"{entry.kind}.csv")
    return total


def _check_digests(folder: Path, record: books.ImportRecord) -> None:
    for entry in record.manifest.files:
        try:
            same = digest_of(path_of(folder, entry)) == record.files[entry.kind].digest
        except OSError:
            same = False
        if not same:
            raise ImportFilesChanged(entry.file)


def _load_file(room: Room, folder: Path, what: tuple[str, FileEntry], note: Note) -> None:
    name, entry = what
    kind = room.kinds()[entry.kind]
    with room.database.read() as conn:
        record = books.find(conn, name)
        # Judged by the instant of the check, so that a load that goes on later takes the same rows.
        frame = replace(room.frame(conn, record.manifest), at=record.checked_at)
    done = record.files[entry.kind].rows_done
    for some in chunks(path_of(folder, entry), entry.kind, done, kind.size):
        record = _load_chunk(room, kind, some, _Place(record, entry, frame))
        note(f"load {entry.kind}", record.files[entry.kind].rows_done, entry.rows)


class _Place(NamedTuple):
    record: books.ImportRecord
    entry: FileEntry
    frame: Frame


def _load_chunk(room: Room, kind: Kind, some: list[Line], place: _Place) -> books.ImportRecord:
    attempts = 0
    while True:
        with room.database.read_by_key() as conn:
            judged = judge(conn, kind, some, place.frame, Memory())
        at = room.clock.now()
        prepared = kind.prepare(judged.settled.accepted, at)
        try:
            return _write_chunk(room, kind, prepared, _Chunk(place, judged, len(some), at))
        except MembersMoved:
            attempts += 1
            if attempts == _ATTEMPTS:
                raise


class _Chunk(NamedTuple):
    place: _Place
    judged: Judged
    rows: int
    at: datetime


def _write_chunk(room: Room, kind: Kind, prepared: object, chunk: _Chunk) -> books.ImportRecord:
    record, entry = chunk.place.record, chunk.place.entry
    before = record.files[entry.kind]
    tally = Tally()
    for part in (before.loaded, chunk.judged.tally):
        tally.add(part)
    done = before.rows_done + chunk.rows
    with room.database.begin_group() as conn:
        books.claim_rows(conn, record, entry, done, tally)
        books.store_rejects(conn, record.import_id, entry.kind, chunk.judged.settled.rejects)
        kind.write(conn, prepared, replace(room.moment(conn, record.import_id), at=chunk.at))
    files = {**record.files, entry.kind: replace(before, rows_done=done, loaded=tally)}
    return replace(record, files=files)


def _write_rejects(room: Room, folder: Path, what: tuple[bytes, FileEntry], into: Path) -> int:
    import_id, entry = what
    rows, header = lines(path_of(folder, entry), entry.kind), header_of(path_of(folder, entry), entry.kind)
    after = total = 0
    with into.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "field", "code", "reason", *header])
        while True:
            with room.database.read() as conn:
                page = books.rejects_of(conn, import_id, entry.kind, after, _PAGE)
            if not page:
                return total
            for reject in page:
                found = next((line for line in rows if line.number == reject.line), Line(reject.line, None))
                writer.writerow([*reject, *(found.row or {}).values()])
                total += 1
            after = page[-1].line
