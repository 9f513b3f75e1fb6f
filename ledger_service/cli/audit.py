"""`alliance audit`: prove database = chain, and every book equal to itself; name every difference."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from ledger_service.bootstrap.auditing import audit
from ledger_service.bootstrap.surroundings import note_verdict
from ledger_service.config import settings_from_environment

MOVING = 3


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when every comparison agrees, 1 when one differs, 3 when the chain never held still."""
    parser = argparse.ArgumentParser(prog="alliance audit", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON document")
    parser.add_argument("--without-node", action="store_true", help="compare the books only, ask no node")
    parser.add_argument(
        "--note", action="store_true", help="note the verdict in the state folder, where /metrics shows it"
    )
    options = parser.parse_args(argv)
    settings = settings_from_environment()
    verdict = audit(settings, ask_node=not options.without_node)
    if options.note:
        note_verdict(settings.state_dir, len(verdict.findings) or int(bool(verdict.moving)))
    if options.json:
        print(json.dumps(verdict.document()))
    else:
        print(verdict.text())
    if verdict.clean:
        return 0
    return 1 if verdict.findings else MOVING
