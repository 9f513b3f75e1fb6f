"""Entries and their postings, from the first on: they move in the order of their numbers, a run at a time."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, select, text, update

from ledger_service.archive.books import Chapter, Run, hold, run_under_way, write_chapter
from ledger_service.archive.errors import ArchiveRefused
from ledger_service.archive.room import Room
from ledger_service.archive.rules import CarriedKey, Kept, Standing, leading, sums_of
from ledger_service.kernel.clock import instant_of_micros, micros_of
from ledger_service.ledger.carried import archived
from ledger_service.ledger.mass import CUT_OVER, MOVED_IN, MOVED_OUT
from ledger_service.ledger.models import entry, posting
from ledger_service.ledger.rules import EntryRow, PostingRow
from ledger_service.outbox.queries import standings
from ledger_service.points.inactivity import needed_since
from ledger_service.points.models import pending_issue

IMPORTED = frozenset((MOVED_IN, MOVED_OUT, CUT_OVER))
_ADD = text(
    "INSERT INTO carried (source_id, destination_id, programme_id, epoch, imported, amount)"
    " VALUES (:source, :destination, :programme, :epoch, :imported, :amount)"
    " ON CONFLICT (source_id, destination_id, programme_id, epoch, imported)"
    " DO UPDATE SET amount = carried.amount + excluded.amount"
)


def step(room: Room, run: Run) -> tuple[int, str]:
    """The next entries are in the file and out of the tables, their sums carried; all of it or nothing.

    Returns:
        How many, and why the next one stays; 0 where none may go.

    Raises:
        ArchiveRefused: an entry is not what its hash says, or the file is not the archive's.

    Locks: the archive's row.
    """
    with room.database.begin() as conn:
        if run_under_way(conn) is None:
            gone, why = _judged(conn, room, run)
            if not gone:
                return 0, why  # nothing is over: no archive is begun
        hold(conn, room, run)
        # Only now: another run may have moved the very same entries until it let go of the row.
        gone, why = _judged(conn, room, run)
        if gone:
            _move(conn, room, run, gone)
    return len(gone), why


def _judged(conn: Connection, room: Room, run: Run) -> tuple[list[Kept], str]:
    first = archived(conn).sequence + 1
    found = _entries(conn, first, first + room.records - 1)
    since = needed_since(conn)
    alive_since = None if since is None else since * 1_000_000
    return leading(found, micros_of(run.before), _standings(conn, room, found), alive_since)


def _entries(conn: Connection, first: int, last: int) -> list[Kept]:
    """Entries of a span with their postings; never the newest, by which the head is known."""
    newest = select(func.max(entry.c.sequence)).scalar_subquery()
    span = entry.c.sequence.between(first, last) & (entry.c.sequence < newest)
    postings: dict[int, list[PostingRow]] = {}
    listed = select(posting).where(posting.c.sequence.between(first, last))
    for row in conn.execute(listed.order_by(posting.c.sequence, posting.c.position)):
        postings.setdefault(row.sequence, []).append(PostingRow(*row[2:]))
    found = []
    for row in conn.execute(select(entry).where(span).order_by(entry.c.sequence)):
        instants = micros_of(row.occurred_at), micros_of(row.recorded_at)
        told = EntryRow(row.sequence, row.op_id, row.kind, *instants, row.body)
        found.append(Kept(told, tuple(postings.get(row.sequence, ())), row.hash))
    return found


def _standings(conn: Connection, room: Room, entries: Sequence[Kept]) -> dict[bytes, Standing]:
    stand = standings(conn, sorted({one.entry.op_id for one in entries}))
    batches = sorted({s.batch_number for s in stand.values() if s.batch_number is not None})
    settled = room.settled(conn, batches)
    return {op_id: Standing(s.state, s.batch_number in settled) for op_id, s in stand.items()}


def _move(conn: Connection, room: Room, run: Run, gone: Sequence[Kept]) -> None:
    for one in gone:
        if not one.intact:
            raise ArchiveRefused(f"entry {one.entry.sequence} is not what its hash says")
    first, last = gone[0].entry.sequence, gone[-1].entry.sequence
    write_chapter(conn, room, run, Chapter(
        "entries", [one.record for one in gone],
        instant_of_micros(max(one.entry.occurred_at for one in gone)),
        instant_of_micros(max(one.entry.recorded_at for one in gone)), first, last,
    ))  # fmt: skip
    _carry(conn, sums_of(gone, IMPORTED))
    promises = [one.entry.op_id for one in gone if one.entry.kind == "promise"]
    if promises:
        conn.execute(update(pending_issue).where(pending_issue.c.op_id.in_(promises)).values(archived=1))
    conn.execute(delete(posting).where(posting.c.sequence.between(first, last)))
    conn.execute(delete(entry).where(entry.c.sequence.between(first, last)))


def _carry(conn: Connection, sums: dict[CarriedKey, int]) -> None:
    names = ("source", "destination", "programme", "epoch", "imported", "amount")
    conn.execute(_ADD, [dict(zip(names, (*key, sums[key]), strict=True)) for key in sorted(sums)])
