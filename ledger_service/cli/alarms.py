"""`alliance alarms`: the bridge's alarms that stand, and how a person says that one was dealt with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ledger_service.chain.desk import dismiss_alarms
from ledger_service.chain.status import chain_status
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import Database, open_database


def main(argv: Sequence[str]) -> int:
    """List, or clear by code and subject; 1 where there was nothing of that name to clear."""
    options = _parser().parse_args(argv)
    database = open_database(settings_from_environment().database_url)
    try:
        return _list(database) if options.command == "list" else _clear(database, options)
    finally:
        database.close()


def _list(database: Database) -> int:
    with database.snapshot() as conn:
        for alarm in chain_status(conn).alarms:
            print(f"{alarm.code} {alarm.subject or '-'} {alarm.detail}")
    return 0


def _clear(database: Database, options: argparse.Namespace) -> int:
    with database.begin() as conn:
        cleared = dismiss_alarms(conn, options.code, options.subject)
    print(f"{cleared} cleared")
    return 0 if cleared else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance alarms", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="code, subject and detail of each (at most 100)")
    clear = commands.add_parser("clear", help="it was dealt with; what goes on being wrong alarms again")
    clear.add_argument("code")
    clear.add_argument("subject", nargs="?", help="of one alarm (default: all of that code)")
    return parser
