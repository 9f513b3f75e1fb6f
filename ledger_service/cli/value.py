"""`alliance value`: fit each merchant's model of what its customers will buy, tested on the second half.

Fitting takes seconds of a processor for each merchant, so it is a command for a timer (once a week will do)
and never a request; safe beside a service that sells.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import datetime

from ledger_service.bootstrap.foundations import background_clock
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import Database, open_database
from ledger_service.insight.valuing import Fitted, fitted, keep
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import list_merchants


def main(argv: Sequence[str]) -> int:
    """Fit, keep, and tell; 0 also where too few customers came back."""
    options = _parser().parse_args(argv)
    settings = settings_from_environment()
    database = open_database(settings.database_url)
    try:
        at = background_clock(settings, database).now()
        with database.read() as conn:
            ids = [one.merchant_id for one in list_merchants(conn)]
        if options.merchant:
            ids = [one for one in ids if one == parse_gln(options.merchant, "merchant")]
            if not ids:
                raise MerchantUnknown
        for merchant_id in ids:
            print(_fit(database, merchant_id, at))
        return 0
    finally:
        database.close()


def _fit(database: Database, merchant_id: int, at: datetime) -> str:
    begun = time.monotonic()
    with database.snapshot() as conn:
        found = fitted(conn, merchant_id, at)
    with database.begin() as conn:
        keep(conn, merchant_id, at, found)
    return f"{gln_text(merchant_id)}: {_told(found)}, {time.monotonic() - begun:.1f} s"


def _told(found: Fitted) -> str:
    told = f"{found.customers:,} customers, {found.came_back:,} came back"
    if found.model is None:
        return f"{told}: too few for a model"
    if found.tested is None:
        return f"{told}; too few half-way for a test"
    test = found.tested
    return (
        f"{told}; of the last {test['days']} days it would have said {test['purchases_expected']:,} purchases"
        f" ({test['purchases']:,} were), {test['spent_expected_minor']:,} minor units"
        f" ({test['spent_minor']:,} were)"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance value", description=__doc__)
    parser.add_argument("--merchant", metavar="GLN", help="of this merchant alone")
    return parser
