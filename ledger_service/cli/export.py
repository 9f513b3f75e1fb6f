"""`alliance export FOLDER`: everything as CSV or Parquet files, with a manifest, while the service runs.

members, cards, lots, history and sales are what `alliance import` takes elsewhere; the folder holds personal
data in clear.
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
from ledger_service.moving_in.writing import CSV, PARQUET


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when the folder is complete, else with 1."""
    parser = argparse.ArgumentParser(prog="alliance export", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that does not exist yet")
    parser.add_argument(
        "--format", choices=(CSV, PARQUET), default=CSV, help="of the files (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    try:
        with moving_in(settings_from_environment(), Progress()) as room:
            contents = room.export(options.folder, options.format)
    except FileExistsError:
        print(f"alliance export: {options.folder} is there; nothing is overwritten", file=sys.stderr)
        return 1
    except (DomainError, NotFounded) as refusal:
        print(f"alliance export: {refusal}", file=sys.stderr)
        return 1
    for name, table in contents["tables"].items():
        points = "".join(f", {code} {n:,} points" for code, n in sorted(table["points"].items()))
        print(f"{name}: {table['rows']:,} rows{points}")
    return 0
