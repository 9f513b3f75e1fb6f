"""Files that are there whole or not at all, whenever the process or the machine dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


def write_new(path: Path, content: bytes, mode: int = 0o644) -> bool:
    """The file stands on disk with this content; returns whether it was there already, byte by byte.

    It is written beside, synced, and linked to its name, so that nobody ever sees a part of it under this
    name, and one that exists is never written over. What a kill leaves behind is hidden, ends in ``.part``
    and may be deleted.

    Args:
        path: a name that is free, or whose file has this content.
        content: all of it.
        mode: of the file.

    Raises:
        FileExistsError: a file of that name has another content.
    """
    # Of two processes each writes its own; the first one has the name.
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.link(beside, path)
    except FileExistsError:
        if path.read_bytes() != content:
            raise
        return True
    finally:
        beside.unlink()
    sync_folder(path.parent)
    return False


def sync_folder(folder: Path) -> None:
    """The names in the folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def new_text(path: Path) -> Iterator[TextIO]:
    """A text file in UTF-8 that has its name once the block has ended well; line ends stay as written.

    Args:
        path: a name that is free; checked before the block and again at its end.

    Raises:
        FileExistsError: somebody may be reading the file of that name.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists")
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_files(folder: Path) -> None:
    """What the folder holds is on disk, and so are the names in it."""
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(folder)
