"""The file of an archive: chapters of JSON lines, each a gzip member of its own; `zcat` reads all of it.

Only the bytes that the database counts are part of it. What stands behind them was written by a run that died
before its commit, and goes.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

from ledger_service.archive.errors import ArchiveRefused

_LEVEL = 6
_SEALED_MODE = 0o444


def packed(records: Sequence[bytes]) -> bytes:
    """A chapter's bytes: the records, a line each, compressed; the same records give the same bytes."""
    return gzip.compress(b"".join(record + b"\n" for record in records), _LEVEL, mtime=0)


def unpacked(data: bytes) -> list[bytes]:
    """The records of a chapter.

    Raises:
        OSError, EOFError, zlib.error: these are no bytes that ``packed`` gave.
    """
    return gzip.decompress(data).splitlines()


class ArchiveFile:
    """One archive's file in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Nothing is opened yet."""
        self.path = folder / name

    def append(self, at_byte: int, data: bytes) -> None:
        """The file holds ``at_byte`` bytes as before and then these, on disk.

        Raises:
            ArchiveRefused: it holds less than that: it is not the file that the database counts on.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            length = os.fstat(descriptor).st_size
            if length < at_byte:
                raise ArchiveRefused(
                    f"{self.path} holds {length:,} bytes, the database counts {at_byte:,}: put the file back"
                )
            file.truncate(at_byte)
            file.seek(at_byte)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        if not at_byte:
            _sync(self.path.parent)

    def read(self, at_byte: int, byte_count: int) -> bytes:
        """Bytes of the file; fewer where it ends before.

        Raises:
            OSError: there is no such file, or it cannot be read.
        """
        with self.path.open("rb") as file:
            file.seek(at_byte)
            return file.read(byte_count)

    def seal(self, byte_count: int) -> None:
        """Nothing stands behind the bytes that count, and nobody writes to the file any more."""
        self.append(byte_count, b"")
        self.path.chmod(_SEALED_MODE)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
