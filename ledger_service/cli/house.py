"""`alliance house migrate`: another ClearingHouse follows the one in force; docs/house-migration.md says how.

Run it again and again: each run does what can be done and says what comes next. The service may work until
the run that says that the house can change now.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ledger_service.api.hexadecimal import parse_address
from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.succeeding import Migration, NotInForce, migrate_house
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.secp256k1 import address_text

MORE_TO_DO = 3


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when the new house is in force, 3 when something is left to do, 1 when it was refused."""
    parser = argparse.ArgumentParser(prog="alliance house", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    migrate = commands.add_parser("migrate", help="do whatever can be done now; run it again")
    migrate.add_argument("--from", dest="former", required=True, metavar="ADDRESS", help="the house in force")
    options = parser.parse_args(argv)
    try:
        done = migrate_house(settings_from_environment(), parse_address(options.former, "from"))
    except (DomainError, NotFounded, NotInForce) as refusal:
        print(f"alliance house: {why_it_ended(refusal)}", file=sys.stderr)
        return 1
    print(_said(done))
    return 0 if done.done else MORE_TO_DO


def _said(stands: Migration) -> str:
    if stands.creation is not None:
        return (
            "on the signing process's machine run `alliance signer allow-house"
            f" 0x{stands.creation.hex()}`, then this command again"
        )
    house = "" if stands.successor is None else address_text(stands.successor)
    if stands.waits_until:
        due = format_instant(instant_of_seconds(stands.waits_until))
        return f"{house} stands and is scheduled; stop the service and run this command again from {due} on"
    if stands.waits_for:
        first = (f"- {one}" for one in stands.waits_for)
        return "\n".join([f"{house} could be put in force; first:", *first])
    proof = ""
    if stands.root is not None:
        proof = f"; root 0x{stands.root.root.hex()} over {stands.root.answers} answers is that of the former"
    return f"done: {house} is in force{proof}. Start bridge and service again"
