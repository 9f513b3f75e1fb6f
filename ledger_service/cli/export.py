"""`alliance export FOLDER`: everything as CSV or Parquet files, with a manifest, while the service runs.

members, cards, lots, history and sales are what `alliance import` takes elsewhere; the folder holds personal
data in clear. It has its name once it is complete: after a kill, run the same again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.moving import moving_in
from ledger_service.cli.moving_in import Progress
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.moving_in.writing import CSV, PARQUET


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when the folder is complete, else with 1."""
    parser = argparse.ArgumentParser(prog="alliance export", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that does not exist yet")
    parser.add_argument(
        "--format", choices=(CSV, PARQUET), default=CSV, help="of the files (default: %(default)s)"
    )
    parser.add_argument("--merchant", metavar="GLN", help="only what is this merchant's own; for reading")
    options = parser.parse_args(argv)
    try:
        whose = None if options.merchant is None else parse_gln(options.merchant, "merchant")
        with moving_in(settings_from_environment(), Progress()) as room:
            contents = room.export(options.folder, options.format, whose)
    except FileExistsError:
        there = f"{options.folder} is there, or another process writes it"
        print(f"alliance export: {there}; nothing is overwritten", file=sys.stderr)
        return 1
    except (DomainError, NotFounded) as refusal:
        print(f"alliance export: {refusal}", file=sys.stderr)
        return 1
    for name, table in contents["tables"].items():
        points = "".join(f", {code} {n:,} points" for code, n in sorted(table["points"].items()))
        print(f"{name}: {table['rows']:,} rows{points}")
    return 0
