"""`alliance archive`: move what is over out of the database into sealed files, verify them, read them.

A run may be cut off at any instant and run again; the service goes on meanwhile. See docs/archive.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from ledger_service.archive import service, verifying
from ledger_service.archive.errors import ArchiveRefused
from ledger_service.archive.room import Room
from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.archiving import must_add_up, open_archives
from ledger_service.config import settings_from_environment
from ledger_service.ledger.models import archive

_TICK_SECONDS = 2


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when it is done and nothing differs, else with 1."""
    options = _parser().parse_args(argv)
    steps: dict[str, Callable[[Room, argparse.Namespace], int]] = {
        "run": _run, "list": _list, "verify": _verify, "show": _show,
    }  # fmt: skip
    settings = settings_from_environment()
    try:
        if options.step == "run":
            must_add_up(settings)
        with open_archives(settings, options.folder) as room:
            return steps[options.step](room, options)
    except (ArchiveRefused, NotFounded, LookupError, OSError) as refused:
        print(f"alliance archive {options.step}: {refused}", file=sys.stderr)
        return 1


def _run(room: Room, options: argparse.Namespace) -> int:
    done = service.archive(room, options.before, _Progress())
    if done.root is None:
        print(f"nothing moved: {done.stays or 'there is nothing before that date'}")
        return 0
    moved = f"{done.entries:,} entries, {done.sales:,} sales, {done.answers:,} answers"
    print(f"{room.folder / done.file}: {moved} before {done.before}")
    print(f"root {done.root.hex()}; {done.stays or 'every entry before that date has moved'}")
    if done.sellers_kept:
        print(f"sales of {done.sellers_kept} merchants stay: taken back without end, or counted by tiers")
    return 0


def _list(room: Room, _: argparse.Namespace) -> int:
    with room.database.read() as conn:
        for row in conn.execute(select(archive).order_by(archive.c.number)):
            root = "not sealed: run it again" if row.root is None else f"root {row.root.hex()}"
            print(f"{row.file}: before {row.before}, {row.byte_count:,} bytes, {root}")
    return 0


def _verify(room: Room, _: argparse.Namespace) -> int:
    found = list(verifying.files(room))
    for one in found:
        print(f"{one.check}: {one.subject}: expected {one.expected}, found {one.found}")
    print(f"{len(found)} differences" if found else "every archive is what the database recorded")
    return 1 if found else 0


def _show(room: Room, options: argparse.Namespace) -> int:
    name, _, number = options.reference.partition("#")
    for record in verifying.lines(room, name, int(number)):
        print(record.decode())
    return 0


class _Progress:
    """A line on the error output every other second."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, what: str, done: int) -> None:
        """So many have moved."""
        now = time.monotonic()
        if now - self._last >= _TICK_SECONDS:
            self._last = now
            print(f"{done:,} {what} moved", file=sys.stderr, flush=True)


def _date(given: str) -> datetime:
    return datetime.fromisoformat(given).replace(tzinfo=UTC)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance archive", description=__doc__)
    parser.add_argument("--folder", type=Path, help="of the files (default: archive in the state folder)")
    steps = parser.add_subparsers(dest="step", required=True)
    run = steps.add_parser("run", help="move what was written before a date and is over into one sealed file")
    run.add_argument("--before", type=_date, required=True, metavar="DATE", help="as 2026-01-01, UTC")
    steps.add_parser("list", help="the archives and their roots")
    steps.add_parser("verify", help="hold every file against what the database recorded")
    show = steps.add_parser("show", help="print the records of a chapter, one a line")
    show.add_argument("reference", metavar="FILE#CHAPTER", help="as an answer names it")
    return parser
