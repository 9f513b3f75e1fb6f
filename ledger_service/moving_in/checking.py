"""The check: every row judged as a load would, nothing of it written; then totals, caps and issuers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ledger_service.moving_in.books import store_check
from ledger_service.moving_in.errors import ImportFilesChanged
from ledger_service.moving_in.files import chunks, digest_of
from ledger_service.moving_in.judging import Kind, Memory, Reject, judge
from ledger_service.moving_in.manifest import FileEntry, Manifest, read_manifest
from ledger_service.moving_in.room import Note, Room, path_of, refuse_unissuable
from ledger_service.moving_in.rules import Frame
from ledger_service.moving_in.tallies import Tally, check_totals

MOST_SHOWN = 20


class Checked:
    """What a check found: a tally by kind of file, and the first rejected rows of each."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.shown: dict[str, list[Reject]] = {}


def check(room: Room, folder: Path, note: Note) -> Checked:
    """Every file of a folder has been judged and ties with its control totals; a load may follow.

    Raises:
        MalformedField, ImportFileMalformed, ParquetReaderMissing: a manifest or file that cannot be read.
        ControlTotalsDiffer: accepted and rejected rows are not what the manifest says.
        ImportCapTooLow, ImportIssuerSuspended: the balances could not be issued.
        ImportStateWrong: an import of this name was loaded before.

    Idempotency: may be repeated, also with other files, until the load has begun.
    """
    manifest, found, people = read_manifest(folder), Checked(), set[bytes]()
    with room.database.read() as conn:
        frame = room.frame(conn, manifest)
    digests = {}
    for entry in manifest.files:
        memory = Memory(people=people)
        with _unchanged(folder, entry) as digests[entry.kind]:
            _check_file(room, folder, entry, _Scene(frame, memory, found, note))
        people = memory.people
        check_totals(entry, found.tallies[entry.kind])
    _store(room, manifest, found, digests)
    return found


class _Scene(NamedTuple):
    frame: Frame
    memory: Memory
    found: Checked
    note: Note


@contextmanager
def _unchanged(folder: Path, entry: FileEntry) -> Iterator[bytes]:
    """The digest of a file that is the same before and after the block."""
    try:
        digest = digest_of(path_of(folder, entry))
        yield digest
        same = digest_of(path_of(folder, entry)) == digest
    except OSError:
        same = False
    if not same:
        raise ImportFilesChanged(entry.file)


def _check_file(room: Room, folder: Path, entry: FileEntry, scene: _Scene) -> None:
    kind: Kind = room.kinds()[entry.kind]
    tally, shown = Tally(), list[Reject]()
    for some in chunks(path_of(folder, entry), entry.kind, 0, kind.size):
        with room.database.read_by_key() as conn:
            judged = judge(conn, kind, some, scene.frame, scene.memory)
        tally.add(judged.tally)
        shown += judged.settled.rejects[: MOST_SHOWN - len(shown)]
        scene.note(f"check {entry.kind}", tally.accepted + tally.rejected, entry.rows)
    scene.found.tallies[entry.kind], scene.found.shown[entry.kind] = tally, shown


def _store(room: Room, manifest: Manifest, found: Checked, digests: Mapping[str, bytes]) -> None:
    with room.database.begin() as conn:
        moment = room.moment(conn, manifest.import_id)
        codes = {p.code: p.programme_id for p in moment.programmes.values()}
        lots = found.tallies.get("lots", Tally())
        refuse_unissuable(conn, moment, {codes[c]: n for c, n in lots.accepted_points.items()})
        checked = {kind: (digests[kind], tally) for kind, tally in found.tallies.items()}
        store_check(conn, manifest, checked, moment.at)
