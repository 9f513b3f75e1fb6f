"""`alliance settle`: settlement periods; `close` ends the open one once all it must hold is mined (D12)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.settling import close_period
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError

_GREATEST_PERIOD = 2**32 - 2


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when the period is closed, also when it was so before, and with 1 when that was refused."""
    options = _parser().parse_args(argv)
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
    close.add_argument("--period", required=True, type=_period, metavar="N", help="its number")
    close.add_argument(
        "--wait", type=int, default=60, metavar="SECONDS", help="for what was accepted before (default: 60)"
    )
    return parser


def _period(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= _GREATEST_PERIOD):
        raise argparse.ArgumentTypeError(f"takes a whole number from 1 to {_GREATEST_PERIOD}")
    return int(text)
