"""`alliance tiers recompute`: make the tiers of members anew; safe beside a service that sells."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from ledger_service.bootstrap.foundations import background_clock
from ledger_service.checkout.recounting import Recount, recounts
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import Database, open_database
from ledger_service.kernel.clock import Clock
from ledger_service.points.catalogue import read_catalogue
from ledger_service.tiers.ladders import read_ladders
from ledger_service.tiers.recompute import begin_again

_SAY_EVERY_SECONDS = 5


def main(argv: Sequence[str]) -> int:
    """Recount every programme that was asked for; 1 where one of them has no ladder."""
    options = _parser().parse_args(argv)
    settings = settings_from_environment()
    database = open_database(settings.database_url)
    try:
        clock = background_clock(settings, database)
        with database.snapshot() as conn:
            catalogue, ladders = read_catalogue(conn), read_ladders(conn)
        wanted = recounts(catalogue, ladders, clock.now(), from_sales=options.from_sales)
        if options.programme is not None:
            wanted = [one for one in wanted if one.programme.code == options.programme]
        for one in wanted:
            _run(database, one, clock)
        if options.programme is not None and not wanted:
            print(f"{options.programme}: no ladder")
            return 1
        return 0
    finally:
        database.close()


def _run(database: Database, recount: Recount, clock: Clock) -> None:
    said = begun = time.monotonic()
    ended, members, code = False, 0, recount.programme.code
    with database.begin() as conn:
        begin_again(conn, recount.run, clock.now())
    while not ended:
        with database.begin() as conn:
            progress = recount.step(conn, clock.now())
        ended, members = progress.ended, progress.members
        if not ended and time.monotonic() - said >= _SAY_EVERY_SECONDS:
            said = time.monotonic()
            print(f"{code}: {members:,} members so far", flush=True)
    print(f"{code}: {recount.run.kind} of {members:,} members in {time.monotonic() - begun:.0f} s")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance tiers", description=__doc__)
    parser.add_argument("act", choices=["recompute"], help="an interrupted run goes on where it was")
    parser.add_argument("--programme", metavar="CODE", help="of this programme alone")
    parser.add_argument(
        "--from-sales", action="store_true", help="make the qualifying activity anew from the sales first"
    )
    return parser
