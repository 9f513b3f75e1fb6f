"""`alliance db upgrade`: the database stands at the newest schema."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ledger_service.config import settings_from_environment
from ledger_service.db.engine import open_database
from ledger_service.db.schema import migrate


def main(argv: Sequence[str]) -> int:
    """Run the migrations that are missing, all or none."""
    parser = argparse.ArgumentParser(prog="alliance db", description=__doc__)
    parser.add_argument("action", choices=("upgrade",))
    parser.parse_args(argv)
    database = open_database(settings_from_environment().database_url)
    try:
        migrate(database)
    finally:
        database.close()
    print("the database is at its newest schema")
    return 0
