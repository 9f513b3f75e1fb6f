"""`alliance risk`: fraud rules outside the service: the defaults, how good a set is, what a draft would do.

`defaults` prints the rule set to begin with. `measure` judges a made-up alliance whose thieves are known.
`replay` judges what the service has judged by another set: a dry run on the past that changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import orjson

from ledger_service.bootstrap.foundations import background_clock
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import open_database
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.risk.defaults import DEFAULT_RULES
from ledger_service.risk.documents import outcome_name, rules_of
from ledger_service.risk.labelled import START
from ledger_service.risk.measuring import lines_of, measure
from ledger_service.risk.replaying import Findings, replay, stored_decisions
from ledger_service.risk.rulebook import read_book
from ledger_service.risk.rules import ALLIANCE, Outcome, RuleSet
from ledger_service.risk.thieves import labelled_set

_YEAR_SECONDS = 365 * 86_400


def main(argv: Sequence[str]) -> int:
    """Do one of the three; 1 where a replay has nothing to judge."""
    options = _parser().parse_args(argv)
    if options.act == "defaults":
        print(orjson.dumps(DEFAULT_RULES, option=orjson.OPT_INDENT_2).decode())
        return 0
    if options.act == "measure":
        given = DEFAULT_RULES if options.rules is None else _read(options.rules)
        rules = RuleSet(ALLIANCE, 0, START, rules_of(given), START - _YEAR_SECONDS)
        for line in lines_of(measure(rules, labelled_set(options.seed))):
            print(line)
        return 0
    return _replay(options)


def _replay(options: argparse.Namespace) -> int:
    settings = settings_from_environment()
    database = open_database(settings.database_url)
    try:
        until = background_clock(settings, database).now()
        since = until - timedelta(days=options.days)
        scope = ALLIANCE if options.merchant is None else parse_gln(options.merchant, "--merchant")
        with database.snapshot() as conn:
            if options.rules is None:
                sets = list(read_book(conn).in_force(scope, seconds_floor(until)))
            else:
                sets = [RuleSet(scope, 0, 0, rules_of(_read(options.rules)), seconds_floor(since))]
            found = Findings()
            for one in replay(sets, stored_decisions(conn, since, until, scope or None)):
                found.take(one)
    finally:
        database.close()
    for line in _lines(found):
        print(line)
    return 0 if found.acts else 1


def _lines(found: Findings) -> Iterable[str]:
    yield f"{found.acts:,} acts judged"
    for (was, now), count in sorted(found.outcomes.items()):
        if (was, now) != (Outcome.ALLOW, Outcome.ALLOW):
            kept = "still" if was is now else "then"
            yield f"{count:>8,}  {outcome_name(was)}, {kept} {outcome_name(now)}"
    for code, count in found.rules.most_common():
        yield f"{count:>8,}  hits of {code}"


def _read(path: Path) -> object:
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise MalformedField("--rules", "must be a file with a JSON list of rules") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alliance risk", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("act", choices=["defaults", "measure", "replay"])
    parser.add_argument("--rules", type=Path, metavar="FILE", help="a JSON list of rules; see docs/fraud.md")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up alliance (measure)")
    parser.add_argument("--merchant", metavar="GLN", help="the rules are this merchant's (replay)")
    parser.add_argument("--days", type=int, default=90, help="how far back (replay)")
    return parser
