"""`alliance setup`: found the alliance once, put an operator's API key into a file; may be run again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ledger_service.bootstrap.founding import Charter, FoundingRefused, found, operator_key
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import ConfigurationError, Settings, settings_from_environment
from ledger_service.db.engine import open_database
from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.errors import DomainError, MalformedField
from ledger_service.kernel.money import exponent_of

# GS1 gives 952 to demonstrations and examples.
_EXAMPLE_PREFIX = "9520000"


def main(argv: Sequence[str]) -> int:
    """Needs the signing process and the chain; 0 when the alliance stands, 1 when it should be run again."""
    options = _parser().parse_args(argv)
    settings = settings_from_environment()
    charter = _charter(options, settings)
    database = open_database(settings.database_url)
    try:
        founded = found(settings, database, charter)
        path = options.operator_key or settings.state_dir / "operator.key"
        made = operator_key(database, path, charter.at)
    except (DomainError, FoundingRefused) as error:
        print(f"alliance setup: {why_it_ended(error)}", file=sys.stderr)
        return 1
    finally:
        database.close()
    print(
        f"alliance {founded.name}: chain {founded.chain_id}, clearing house 0x{founded.clearing_house.hex()}"
    )
    print(f"operator's API key: {path} ({'made now' if made else 'there before'})")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance setup", description=__doc__)
    parser.add_argument("--name", default="Alliance", help="of the alliance (default: %(default)s)")
    parser.add_argument("--currency", default="USD", help="settlement currency (default: %(default)s)")
    parser.add_argument(
        "--gs1-prefix",
        default=_EXAMPLE_PREFIX,
        metavar="DIGITS",
        help="GS1 company prefix of member numbers (default: %(default)s, for examples)",
    )
    parser.add_argument("--at", metavar="RFC3339", help="instant of the founding; in replay only")
    parser.add_argument(
        "--operator-key",
        type=Path,
        metavar="FILE",
        help="where the operator's API key goes (default: operator.key in the state folder)",
    )
    return parser


def _charter(options: argparse.Namespace, settings: Settings) -> Charter:
    if (options.at is not None) != settings.replay:
        raise ConfigurationError("--at goes with ALLIANCE_REPLAY=1, and the other way round")
    try:
        exponent_of(options.currency)
        at = datetime.now(UTC) if options.at is None else parse_instant(options.at, "--at")
    except MalformedField as error:
        raise ConfigurationError(f"{error.field} {error.reason}") from None
    prefix = options.gs1_prefix
    if not (prefix.isascii() and prefix.isdigit() and 6 <= len(prefix) <= 12):
        raise ConfigurationError("--gs1-prefix takes 6 to 12 digits")
    return Charter(options.name, options.currency, prefix, at)
