"""`alliance backup DIR`: a consistent copy of database and local chain, taken while the service runs.

The keys are not in it: keep a copy of the signing process's keystore apart, once, for it does not change.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.backup import backup
from ledger_service.config import settings_from_environment
from ledger_service.db.copies import CopyRefused


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when the backup stands, else with 1."""
    parser = argparse.ArgumentParser(prog="alliance backup", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet")
    folder = parser.parse_args(argv).folder
    try:
        point = backup(settings_from_environment(), folder)
    except (CopyRefused, NotFounded) as refused:
        print(f"alliance backup: {refused}", file=sys.stderr)
        return 1
    print(f"{folder}: {point.text()}")
    return 0
