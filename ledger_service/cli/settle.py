"""`alliance settle`: settlement periods.

`close` ends the open one once all it must hold is mined (D12); `lines` writes what a period is made of.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.recomputing import write_period
from ledger_service.bootstrap.settling import close_period
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import parse_gln

_GREATEST_PERIOD = 2**32 - 2


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when the period is closed, also when it was so before, and with 1 when that was refused."""
    options = _parser().parse_args(argv)
    return _close(options) if options.command == "close" else _lines(options)


def _close(options: argparse.Namespace) -> int:
    try:
        closed = close_period(settings_from_environment(), options.period, options.wait)
    except (DomainError, NotFounded) as refusal:
        print(f"alliance settle: {refusal}", file=sys.stderr)
        return 1
    how = "was closed before" if closed.before else "is closed"
    print(f"period {options.period} {how}; period {closed.open_period} is open")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance settle", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    close = commands.add_parser("close", help="close the open period; closing it again changes nothing")
    close.add_argument("--period", required=True, type=period_number, metavar="N", help="its number")
    close.add_argument(
        "--wait", type=int, default=60, metavar="SECONDS", help="for what was accepted before (default: 60)"
    )
    lines = commands.add_parser("lines", help="write the obligations of a period as CSV, one a line")
    lines.add_argument("--period", required=True, type=period_number, metavar="N", help="its number")
    lines.add_argument("--merchant", metavar="GLN", help="only what it owes or is owed")
    lines.add_argument(
        "--into", required=True, type=Path, metavar="FILE", help="a file that does not exist yet"
    )
    return parser


def _lines(options: argparse.Namespace) -> int:
    try:
        merchant = None if options.merchant is None else parse_gln(options.merchant, "merchant")
        written = write_period(settings_from_environment(), options.period, merchant, options.into)
    except (DomainError, OSError) as refusal:
        print(f"alliance settle: {refusal}", file=sys.stderr)
        return 1
    print(f"{written:,} lines of period {options.period} are in {options.into}")
    return 0


def period_number(text: str) -> int:
    """A period's number, as an argument."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= _GREATEST_PERIOD):
        raise argparse.ArgumentTypeError(f"takes a whole number from 1 to {_GREATEST_PERIOD}")
    return int(text)
