"""`alliance import`: move a running programme in, step by step; every step may be cut off and run again.

check → load → compare (as often as you like) → cut-over, or roll-back before it. See docs/moving-in.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.moving import moving_in
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import open_database
from ledger_service.kernel.errors import DomainError
from ledger_service.moving_in.manifest import read_manifest
from ledger_service.moving_in.queries import progress
from ledger_service.moving_in.service import MovingIn
from ledger_service.moving_in.tallies import Tally

_TICK_SECONDS = 2
Step = Callable[[MovingIn, argparse.Namespace], int]


def main(argv: Sequence[str]) -> int:
    """Exit with 0 where nothing is left to look at, with 1 where something is or the step was refused."""
    options = _parser().parse_args(argv)
    if options.step == "status":
        return _status()
    steps: dict[str, Step] = {
        "check": _check, "load": _load, "compare": _compare, "cut-over": _cut_over, "roll-back": _roll_back,
    }  # fmt: skip
    try:
        with moving_in(settings_from_environment(), Progress()) as room:
            return steps[options.step](room, options)
    except (DomainError, NotFounded) as refusal:
        print(f"alliance import {options.step}: {refusal}", file=sys.stderr)
        return 1


class Progress:
    """A line on the error output every other second."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` of the work named ``what``."""
        now = time.monotonic()
        if now - self._last >= _TICK_SECONDS:
            self._last = now
            print(f"{what}: {done:,} of {total:,}", file=sys.stderr, flush=True)


def _check(room: MovingIn, options: argparse.Namespace) -> int:
    found = room.check(options.folder)
    for kind, tally in found.tallies.items():
        print(_told(kind, tally))
        for reject in found.shown[kind]:
            print(f"  line {reject.line}: {reject.field}: {reject.code}: {reject.reason}")
    return 1 if any(tally.rejected for tally in found.tallies.values()) else 0


def _load(room: MovingIn, options: argparse.Namespace) -> int:
    record = room.load(options.folder)
    for kind, file in record.files.items():
        print(_told(kind, file.loaded))
    name, into = read_manifest(options.folder).name, options.rejects or options.folder / "rejects"
    rejected = room.write_rejects(options.folder, name, into)
    if rejected:
        print(f"{rejected:,} rejected rows: {into}")
    return 1 if rejected else 0


def _compare(room: MovingIn, options: argparse.Namespace) -> int:
    found = room.compare(options.name, options.file, options.into)
    counted = f"{found.rows:,} rows, {found.balances:,} balances"
    print(f"{counted}, {found.differences:,} differences: {options.into}")
    return 1 if found.differences else 0


def _cut_over(room: MovingIn, options: argparse.Namespace) -> int:
    record = room.cut_over(options.name, options.with_rejects)
    told = json.loads(record.outcome)
    issued, lapsed = told.get("issued", 0), told.get("lapsed", 0)
    print(f"{options.name}: cut over; issued {issued:,}, lapsed {lapsed:,} points")
    return 0


def _roll_back(room: MovingIn, options: argparse.Namespace) -> int:
    room.roll_back(options.name)
    print(f"{options.name}: rolled back")
    return 0


def _status() -> int:
    database = open_database(settings_from_environment().database_url)
    try:
        with database.snapshot() as conn:
            print(json.dumps(progress(conn), indent=2))
    finally:
        database.close()
    return 0


def _told(kind: str, tally: Tally) -> str:
    points = "".join(f", {code} {n:,} points" for code, n in sorted(tally.accepted_points.items()))
    return f"{kind}: {tally.accepted:,} accepted{points}; {tally.rejected:,} rejected"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance import", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    for step, about in (("check", "judge every row, compare the totals, load nothing"),
                        ("load", "load what was checked; balances stay pending")):  # fmt: skip
        one = steps.add_parser(step, help=about)
        one.add_argument("folder", type=Path, metavar="FOLDER", help="with manifest.json and the files")
        if step == "load":
            one.add_argument("--rejects", type=Path, metavar="DIR", help="default: rejects in the folder")
    steps.add_parser("status", help="every import, where it stands, as JSON")
    compare = steps.add_parser("compare", help="a fresh export of the old system against what stands here")
    compare.add_argument("name", metavar="NAME", help="of the import")
    compare.add_argument("file", type=Path, metavar="FILE", help="fresh lots, CSV or Parquet")
    compare.add_argument(
        "--into", type=Path, default=Path("differences.csv"), help="file (default: %(default)s)"
    )
    cut = steps.add_parser("cut-over", help="the balances can be spent from now on; there is no way back")
    cut.add_argument("name", metavar="NAME", help="of the import")
    cut.add_argument(
        "--with-rejects", type=int, default=0, metavar="N", help="leave N rejected rows behind knowingly"
    )
    back = steps.add_parser("roll-back", help="take everything back, before a cut-over")
    back.add_argument("name", metavar="NAME", help="of the import")
    return parser
