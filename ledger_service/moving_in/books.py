"""What the database knows of imports: where each stands, how far each file is, which rows were rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.moving_in.errors import ImportBusy, ImportStateWrong, ImportUnknown
from ledger_service.moving_in.judging import Reject
from ledger_service.moving_in.manifest import FileEntry, Manifest, parse_manifest
from ledger_service.moving_in.models import moving_in, moving_in_file, moving_in_reject
from ledger_service.moving_in.tallies import Tally, tally_of


@dataclass(frozen=True, slots=True)
class FileRecord:
    """How far a file is: the digest of what was checked, rows whose chunk is committed, the two tallies."""

    digest: bytes
    rows_done: int
    checked: Tally
    loaded: Tally


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """An import as its rows tell."""

    manifest: Manifest
    state: str
    step: int
    outcome: str
    checked_at: datetime
    changed_at: datetime
    files: Mapping[str, FileRecord]

    @property
    def import_id(self) -> bytes:
        """The id of the import."""
        return self.manifest.import_id


def find(conn: Connection, name: str) -> ImportRecord:
    """The import of this name.

    Raises:
        ImportUnknown: there is none.
    """
    row = conn.execute(select(moving_in).where(moving_in.c.name == name)).mappings().one_or_none()
    if row is None:
        raise ImportUnknown(name)
    return _record(conn, row)


def latest(conn: Connection, most: int) -> list[ImportRecord]:
    """The ``most`` imports that were checked last, the oldest of them first."""
    newest = select(moving_in).order_by(moving_in.c.checked_at.desc(), moving_in.c.name.desc()).limit(most)
    return [_record(conn, row) for row in reversed(conn.execute(newest).mappings().all())]


def _record(conn: Connection, row: RowMapping) -> ImportRecord:
    mine = moving_in_file.c.import_id == row["import_id"]
    files = {
        f.kind: FileRecord(f.digest, f.rows_done, tally_of(f.checked), tally_of(f.loaded))
        for f in conn.execute(select(moving_in_file).where(mine))
    }
    told = {name: row[name] for name in ("state", "step", "outcome", "checked_at", "changed_at")}
    return ImportRecord(parse_manifest(row["manifest"]), files=files, **told)


def store_check(
    conn: Connection, manifest: Manifest, checked: Mapping[str, tuple[bytes, Tally]], at: datetime
) -> None:
    """The import stands as checked, in the place of an earlier check of the same name.

    Raises:
        ImportStateWrong: it was loaded, or has been begun to.
    """
    mine = moving_in.c.import_id == manifest.import_id
    state = conn.execute(select(moving_in.c.state).where(mine)).scalar_one_or_none()
    if state not in (None, "checked"):
        raise ImportStateWrong(manifest.name, state)
    conn.execute(delete(moving_in_file).where(moving_in_file.c.import_id == manifest.import_id))
    conn.execute(delete(moving_in).where(mine))
    row = {"import_id": manifest.import_id, "name": manifest.name, "source": manifest.source,
           "manifest": manifest.text(), "state": "checked", "step": 0, "outcome": "{}",
           "checked_at": at, "changed_at": at}  # fmt: skip
    conn.execute(insert(moving_in).values(row))
    empty = Tally().text()
    for kind, (digest, tally) in checked.items():
        told = {"digest": digest, "rows_done": 0, "checked": tally.text(), "loaded": empty}
        conn.execute(insert(moving_in_file).values(import_id=manifest.import_id, kind=kind, **told))


def move(conn: Connection, record: ImportRecord, to: str, at: datetime) -> None:
    """The import stands at the state ``to``, its steps are counted from nothing.

    Raises:
        ImportBusy: it no longer stands where the record says.
    """
    mine = (moving_in.c.import_id == record.import_id) & (moving_in.c.state == record.state)
    change = update(moving_in).where(mine).values(state=to, step=0, changed_at=at)
    if conn.execute(change).rowcount != 1:
        raise ImportBusy(record.manifest.name)


def take_step(conn: Connection, record: ImportRecord, to: int, outcome: str) -> None:
    """The cut-over or roll-back has done everything up to this step.

    Raises:
        ImportBusy: somebody else has taken a step since the record was read.

    Locks: the import's row, first of all.
    """
    mine = (moving_in.c.import_id == record.import_id) & (moving_in.c.state == record.state)
    change = update(moving_in).where(mine & (moving_in.c.step == record.step))
    if conn.execute(change.values(step=to, outcome=outcome)).rowcount != 1:
        raise ImportBusy(record.manifest.name)


def claim_rows(conn: Connection, record: ImportRecord, entry: FileEntry, done: int, tally: Tally) -> None:
    """The file is loaded up to so many rows, which come to this tally.

    Raises:
        ImportBusy: somebody else loads the same file, or has begun to roll the import back.

    Locks: the import's row, then the file's, first of all.
    """
    here = (moving_in.c.import_id == record.import_id) & (moving_in.c.state == record.state)
    if conn.execute(update(moving_in).where(here).values(state=record.state)).rowcount != 1:
        raise ImportBusy(record.manifest.name)
    before = record.files[entry.kind].rows_done
    mine = (moving_in_file.c.import_id == record.import_id) & (moving_in_file.c.kind == entry.kind)
    change = update(moving_in_file).where(mine & (moving_in_file.c.rows_done == before))
    if conn.execute(change.values(rows_done=done, loaded=tally.text())).rowcount != 1:
        raise ImportBusy(record.manifest.name)


def store_rejects(conn: Connection, import_id: bytes, kind: str, rejects: Sequence[Reject]) -> None:
    """The rejected rows of a chunk are written down."""
    rows = [{"import_id": import_id, "kind": kind, **reject._asdict()} for reject in rejects]
    if rows:
        sql_of(moving_in_reject, conn).insert(conn, rows)


def rejects_of(conn: Connection, import_id: bytes, kind: str, after: int, most: int) -> list[Reject]:
    """Rejected rows of a file behind a line, ascending."""
    row = moving_in_reject.c
    mine = (row.import_id == import_id) & (row.kind == kind) & (row.line > after)
    query = select(row.line, row.field, row.code, row.reason).where(mine).order_by(row.line).limit(most)
    return [Reject(*found) for found in conn.execute(query)]
