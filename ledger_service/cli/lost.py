"""`alliance lost`: what the chain has and the database lacks, member by member, after `restore --keep-chain`.

Let the bridge read the chain to its head first. docs/runbooks.md says what to do with the list.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from ledger_service.bootstrap.foundations import lay_foundations
from ledger_service.bootstrap.lost import Lost, lost
from ledger_service.config import settings_from_environment


def main(argv: Sequence[str]) -> int:
    """Exit with 0 where nothing lacks, else with 1."""
    parser = argparse.ArgumentParser(prog="alliance lost", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document a line")
    options = parser.parse_args(argv)
    foundations = lay_foundations(settings_from_environment())
    try:
        with foundations.database.snapshot() as conn:
            found = list(lost(conn))
    finally:
        foundations.close()
    if options.json:
        for one in found:
            print(json.dumps(asdict(one)))
    else:
        print(_text(found))
    return 1 if found else 0


def _text(found: Sequence[Lost]) -> str:
    """Grouped by member; each group ends with what its lots are short of."""
    lines: list[str] = []
    groups: dict[str, list[Lost]] = {}
    for one in found:
        groups.setdefault(one.member or f"unknown account {one.account}", []).append(one)
    for holder in sorted(groups):
        lines.append(holder)
        lines += [f"  {_told(one)}" for one in groups[holder]]
        sums = Counter[tuple[str, int]]()
        for one in groups[holder]:
            sums[one.programme, one.epoch] += one.points
        short = [f"{points:+} {code} epoch {at}" for (code, at), points in sorted(sums.items()) if points]
        lines.append(f"  together: {', '.join(short) or 'nothing'}")
    operations = len({one.op_id for one in found})
    return "\n".join([*lines, f"{operations} operations of {len(groups)} members are on the chain alone"])


def _told(one: Lost) -> str:
    what = f"{one.points:+} {one.programme} epoch {one.epoch}" if one.points else "no points"
    where = f" at {one.merchant}" if one.merchant else ""
    note = f" ({one.note})" if one.note else ""
    at = f"block {one.block_number}, batch {one.batch} position {one.position}"
    return f"{one.accepted_at} {one.kind}{where}: {what}; {at}, operation {one.op_id}{note}"
