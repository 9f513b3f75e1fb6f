"""`alliance leaving`: what is left before a merchant has left the alliance; docs/conversion.md says how.

It reads the database and changes nothing; it is safe beside a service that sells.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from ledger_service.bootstrap.foundations import background_clock
from ledger_service.bootstrap.leaving import leaving_document
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import open_database
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.points.catalogue import read_catalogue

MORE_TO_DO = 3


def main(argv: Sequence[str]) -> int:
    """Exit with 0 once nothing of the merchant's is open, with 3 before, with 1 where it is refused."""
    options = _parser().parse_args(argv)
    settings = settings_from_environment()
    database = open_database(settings.database_url)
    try:
        at = background_clock(settings, database).now()
        with database.snapshot() as conn:
            told = leaving_document(conn, read_catalogue(conn), options.merchant, at)
    except DomainError as refusal:
        print(f"alliance leaving: {why_it_ended(refusal)}", file=sys.stderr)
        return 1
    finally:
        database.close()
    if options.json:
        print(json.dumps({"merchant": gln_text(options.merchant), **told}))
    else:
        print("\n".join(_text(told)))
    return MORE_TO_DO if told["open"] else 0


def _text(told: dict[str, Any]) -> list[str]:
    lines = [line for one in told["programmes"] for line in _of_programme(one)]
    lines += [
        f"period {one['period']}: net {int(one['net_micros']):,} micros waits for its {one['waits_for']}"
        for one in told["unsettled"]
    ]
    return [*lines, "something is open" if told["open"] else "nothing is open any more"]


def _of_programme(one: dict[str, Any]) -> list[str]:
    end, rest, done = one["end"], one["rest"], one["converted"]
    if end is None:
        return [f"{one['programme']}: no end is announced; {rest['members']:,} members have points"]
    return [
        f"{one['programme']}: {one['stage']}; issues until {end['issues_until']}, ends {end['ends_at']},"
        f" into {end['target']} at {end['spread_bps']} bps",
        f"  {rest['members']:,} members have {rest['available']:,} points available, {rest['held']:,} held,"
        f" {rest['pending']:,} pending; {one['due']['members']:,} can convert now,"
        f" {one['frozen_members']:,} are frozen",
        f"  converted: {done['points']:,} points of {done['members']:,} members into {done['received']:,};"
        f" {done['under_way']:,} operations under way, {done['refused']:,} refused",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alliance leaving", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--merchant", required=True, type=_gln, metavar="GLN", help="whose leaving")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _gln(text: str) -> int:
    try:
        return parse_gln(text, "merchant")
    except DomainError as refusal:
        raise argparse.ArgumentTypeError("takes a GLN of 13 digits") from refusal
