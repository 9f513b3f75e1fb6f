"""Holds files of archives against what the database recorded of them: a byte that differs is named."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.archive.books import chapters_of, root_over
from ledger_service.archive.file import ArchiveFile, unpacked
from ledger_service.archive.history import IMPORTED
from ledger_service.archive.room import Room
from ledger_service.archive.rules import CarriedKey, Kept, read_entry, sums_of
from ledger_service.ledger.models import archive, carried
from ledger_service.ledger.reconcile import Difference


def differences(conn: Connection) -> Iterator[Difference]:
    """What the database itself tells of archives: chapters without a gap, roots over them; reads no file."""
    entry, number = 1, 0
    for row in conn.execute(select(archive).order_by(archive.c.number)):
        at_byte = 0
        for one in (chapters := chapters_of(conn, row.number)):
            subject = f"{row.file} chapter {one.number}"
            if (one.number, one.at_byte) != (number + 1, at_byte):
                yield Difference("archive-chapter", subject, f"{number + 1} at byte {at_byte}", "another")
            if one.kind == "entries" and (one.first_sequence, one.records) != (
                entry, one.last_sequence - entry + 1,
            ):  # fmt: skip
                yield Difference("archive-entries", subject, f"from entry {entry}", f"{one.first_sequence}")
            number, at_byte = one.number, at_byte + one.byte_count
            entry = one.last_sequence + 1 if one.kind == "entries" else entry
        if row.byte_count != at_byte:
            yield Difference("archive-bytes", row.file, str(at_byte), str(row.byte_count))
        if row.root is not None and row.root != root_over(chapters):
            yield Difference("archive-root", row.file, root_over(chapters).hex(), row.root.hex())


def files(room: Room) -> Iterator[Difference]:
    """Every archive's file: each chapter's bytes, each entry's hash, and what all entries sum up to."""
    sums: Counter[CarriedKey] = Counter()
    with room.database.snapshot() as conn:
        yield from differences(conn)
        for row in conn.execute(select(archive).order_by(archive.c.number)).all():
            yield from _of_file(conn, room, row, sums)
        kept = {tuple(one[:5]): one.amount for one in conn.execute(select(carried))}
    for key in sorted(sums.keys() | kept.keys()):
        if sums[key] != kept.get(key, 0):
            subject = "from {} to {} programme {} epoch {}".format(*key)
            yield Difference("archive-carried", subject, str(sums[key]), str(kept.get(key, 0)))


def _of_file(conn: Connection, room: Room, row: Any, sums: Counter[CarriedKey]) -> Iterator[Difference]:
    file = ArchiveFile(room.folder, row.file)
    for one in chapters_of(conn, row.number):
        span = f", entries {one.first_sequence} to {one.last_sequence}" if one.kind == "entries" else ""
        last_byte = one.at_byte + one.byte_count - 1
        subject = f"{row.file} chapter {one.number}{span}, bytes {one.at_byte} to {last_byte}"
        try:
            data = file.read(one.at_byte, one.byte_count)
        except OSError as failure:
            yield Difference("archive-file", row.file, "the file", str(failure))
            return
        if sha256(data).digest() != one.sha256:
            yield Difference("archive-file", subject, one.sha256.hex(), sha256(data).hexdigest())
        elif one.kind == "entries":
            entries = _read(data)
            if [e.entry.sequence for e in entries] != list(range(one.first_sequence, one.last_sequence + 1)):
                yield Difference("archive-file", subject, "these entries", "others")
            sums.update(sums_of(entries, IMPORTED))


def _read(data: bytes) -> list[Kept]:
    try:
        return [read_entry(record) for record in unpacked(data)]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
        return []


def lines(room: Room, name: str, number: int) -> list[bytes]:
    """The records of one chapter of a file, for people.

    Raises:
        LookupError: the archive has no such chapter.
        OSError: the file is not there, or the chapter is damaged.
    """
    with room.database.read() as conn:
        found = conn.execute(select(archive.c.number).where(archive.c.file == name)).scalar_one_or_none()
        chapters = chapters_of(conn, found) if found is not None else []
    one = next((c for c in chapters if c.number == number), None)
    if one is None:
        raise LookupError(f"{name}#{number}")
    return unpacked(ArchiveFile(room.folder, name).read(one.at_byte, one.byte_count))
