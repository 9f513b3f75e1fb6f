"""`alliance clock`: where the clock of a replay or sandbox stands, and moving it on (D16)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta

from ledger_service.bootstrap.clocks import move_on
from ledger_service.config import ConfigurationError, settings_from_environment
from ledger_service.db.engine import open_database
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.errors import DomainError


def main(argv: Sequence[str]) -> int:
    """Print the instant; 1 where the move was refused (back, or more than 92 days at once)."""
    options = _parser().parse_args(argv)
    settings = settings_from_environment()
    if not settings.replay:
        raise ConfigurationError("only ALLIANCE_REPLAY=1 has a clock that can be moved")
    database = open_database(settings.database_url)
    try:
        to = None if options.to is None else parse_instant(options.to, "--to")
        ahead = timedelta(days=options.days, seconds=options.seconds)
        print(format_instant(move_on(database, to, ahead)))
        return 0
    except DomainError as refusal:
        print(f"alliance clock: {refusal}", file=sys.stderr)
        return 1
    finally:
        database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance clock", description=__doc__)
    parser.add_argument("--to", metavar="RFC3339", help="the clock stands there")
    parser.add_argument("--days", type=_count, default=0, metavar="N", help="the clock goes on by days")
    parser.add_argument("--seconds", type=_count, default=0, metavar="N", help="and by seconds")
    return parser


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError("takes a whole number")
    return int(text)
