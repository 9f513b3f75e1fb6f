"""`alliance liability`: what a programme's issuer owes in points as of a day; docs/liability.md says how.

It reads the database and changes nothing; it is safe beside a service that sells.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date
from typing import Any

from ledger_service.bootstrap.liabilities import liability_of
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import open_database
from ledger_service.kernel.errors import DomainError
from ledger_service.settlement.liability.report import document_of
from ledger_service.settlement.liability.table import csv_of


def main(argv: Sequence[str]) -> int:
    """Print the report; 1 where it is refused, or where ledger, lots and chain tell different totals."""
    options = _parser().parse_args(argv)
    database = open_database(settings_from_environment().database_url)
    try:
        with database.snapshot() as conn:
            report = liability_of(conn, options.programme, options.as_of)
    except DomainError as refusal:
        print(f"alliance liability: {why_it_ended(refusal)}", file=sys.stderr)
        return 1
    finally:
        database.close()
    told = document_of(report)
    if options.json:
        print(json.dumps(told))
    else:
        print(csv_of(told) if options.csv else _text(told), end="")
    return 0 if report.tie.holds else 1


def _text(told: dict[str, Any]) -> str:
    tie = told["tie"]
    lines = [
        f"{told['programme']} on {told['as_of']}: {told['outstanding']:,} points outstanding",
        f"now: entries {tie['entries']:,}, lots {tie['lots']:,}, chain {tie['chain']:,},"
        f" {tie['waiting']:,} operations on their way: {'tied' if tie['holds'] else 'NOT TIED'}",
    ]
    for table, title in (("by_age_months", "months old"), ("by_end", "last month to spend in"),
                         ("expired", "expired in")):  # fmt: skip
        lines += [f"{title} {name}: {points:,}" for name, points in told[table].items()]
    lines += [_cohort_line(cohort) for cohort in told["cohorts"]]
    lines += [
        f"as of {line['month']} foretold {line['predicted']:,}, redeemed since {line['actual']:,}"
        for line in told["backtest"]
    ]
    lines += [
        f"deferred revenue {line['month']} in minor units of {told['currency']}: opening {line['opening']:,},"
        f" deferred {line['deferred']:,}, reversed {line['reversed']:,}, redeemed {line['redemption']:,},"
        f" breakage {line['breakage']:,}, remeasured {line['remeasurement']:,}, closing {line['closing']:,}"
        for line in told["revenue"]
    ]
    return "\n".join(lines) + "\n"


def _cohort_line(cohort: dict[str, Any]) -> str:
    kept = cohort["issued"] - cohort["reversed"]
    curve = " ".join(f"{100 * points / kept:.1f}" if kept else "-" for points in cohort["redeemed_by_age"])
    line = f"issued in {cohort['issued_in']}: {kept:,} kept; % redeemed by age in months: {curve}"
    if "ever_redeemed" not in cohort:
        return line
    if cohort["standard_error"] is None:
        return f"{line}; too few months for an estimate"
    return f"{line}; breakage about {cohort['breakage']:,} ± {cohort['standard_error']:,} (estimate)"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alliance liability", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programme", required=True, metavar="CODE", help="its code")
    parser.add_argument("--as-of", required=True, type=_day, metavar="DATE", help="the end of this day")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="every figure as one row")
    form.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as failure:
        raise argparse.ArgumentTypeError("takes a day, as 2026-12-31") from failure
    if not 2000 <= day.year <= 2999:
        raise argparse.ArgumentTypeError("takes a day of the years 2000 to 2999")
    return day
