"""`alliance segments count`: count the segments that are due, as the bridge's job does; safe beside it.

For who runs no bridge on this machine, and to see what each count takes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

from ledger_service.bootstrap.foundations import background_clock
from ledger_service.bootstrap.segmenting import Segmenting
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import open_database
from ledger_service.kernel.gs1 import gln_text


def main(argv: Sequence[str]) -> int:
    """Count until none is due; one line for each."""
    options = _parser().parse_args(argv)
    settings = settings_from_environment()
    database = open_database(settings.database_url)
    try:
        job = Segmenting(database, background_clock(settings, database).now)
        begun = time.monotonic()
        while (done := job.count_next()) is not None:
            millis, begun = int((time.monotonic() - begun) * 1_000), time.monotonic()
            told = {"merchant": gln_text(done.merchant_id), "code": done.code, "size": done.size}
            if options.json:
                print(json.dumps(told | {"moved": done.moved, "millis": millis}))
            else:
                print(f"{told['merchant']} {done.code}: {done.size:,} members, {done.moved:,} came or went,"
                      f" {millis // 1_000}.{millis % 1_000:03d} s")  # fmt: skip
        return 0
    finally:
        database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance segments", description=__doc__)
    parser.add_argument("act", choices=["count"], help="count every segment that is due")
    parser.add_argument("--json", action="store_true", help="one document a line")
    return parser
