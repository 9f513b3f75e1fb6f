"""`alliance restore DIR`: put a backup in the place of a lost database and local chain.

No process of the installation may run. Nothing is overwritten: move away what is there. Afterwards start
everything as always; the bridge brings chain and database together by itself, and `alliance audit` proves it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger_service.bootstrap.backup import restore
from ledger_service.config import settings_from_environment
from ledger_service.db.copies import CopyRefused


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when the backup is in place, else with 1."""
    parser = argparse.ArgumentParser(prog="alliance restore", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a backup")
    parser.add_argument(
        "--keep-chain", action="store_true",
        help="the local chain was not lost and went on: put back the database only; what was accepted after"
        " the backup is then on the chain alone, and `alliance lost` lists it",
    )  # fmt: skip
    options = parser.parse_args(argv)
    try:
        point = restore(settings_from_environment(), options.folder, keep_chain=options.keep_chain)
    except CopyRefused as refused:
        print(f"alliance restore: {refused}", file=sys.stderr)
        return 1
    print(f"restored {point.text()}")
    print("keys are not part of a backup: the signing process needs its keystore")
    return 0
