"""The command line: `alliance COMMAND`; every command is a thin module with a ``main`` of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from ledger_service.cli.wording import why_it_ended
from ledger_service.config import ConfigurationError
from ledger_service.kernel.errors import DomainError

COMMANDS = {
    "serve": "answer HTTP requests",
    "bridge": "carry operations to the chain and read it back; run the jobs",
    "chain": "serve the durable local chain as Ethereum JSON-RPC; `chain verify` re-executes it",
    "till": "a till: sell online or alone, with a durable queue; refund, sync, and more",
    "conformance": "hold a token against the alliance points standard, without a key",
    "certify": "certify a till: play the cases of docs/certification.md in a sandbox and report",
    "signer": "run the signing process, the only one with private keys",
    "db": "bring the database to the newest schema",
    "setup": "found the alliance: operator's key, contracts, merchants, programmes",
    "keys": "issue, list, rotate and revoke API keys",
    "audit": "prove the database equal to the chain, naming every difference",
    "clock": "show or move the clock of a replay or sandbox",
    "rotate": "change a merchant's keys on chain, move the roles of a sending key",
    "house": "let another ClearingHouse follow the one in force",
    "settle": "close a settlement period on chain, write its lines",
    "liability": "what a programme's issuer owes in points as of a day, its age, end, breakage and revenue",
    "leaving": "what is left before a merchant has left: ends of its programmes, unsettled periods",
    "reserve": "what stands behind merchants' points: custodians, figures, requirements, defaults",
    "verify": "from a chain URL: recompute a settlement period, judge an item; hold events against the log",
    "witness": "follow the chain on a machine of one's own and sign its heads; check what witnesses signed",
    "alarms": "list the bridge's alarms, clear those that were dealt with",
    "set-aside": "what the contract refuses; have it tried again, by two operators",
    "index": "read the chain anew from its first block, alone or against the database",
    "backup": "copy database and local chain while the service runs",
    "restore": "put a backup in the place of what was lost",
    "archive": "move what is over out of the database into sealed files; verify and read them",
    "import": "move a running programme in: check, load, compare, cut over, roll back",
    "coupons": "lists of coupon codes: make, take over, give to the printer once, prove",
    "export": "write everything as files that an import takes in elsewhere",
    "tiers": "make the tiers of members anew, from their activity or from all sales",
    "value": "fit each merchant's model of what its customers will buy, tested on the second half",
    "segments": "count the segments that are due, and say what each takes",
    "network": "measure the networks of referral campaigns, draw how one spread",
    "goods": "fill a goods list, or tell brand and manufacturer of articles, from a file",
    "risk": "fraud rules: print the defaults, measure a set on known thefts, replay the past under a draft",
    "items": "products, batches and their items' codes; lines for a printer",
    "lost": "list what the chain has and a restored database lacks",
    "adopt": "book what the chain has and a restored database lacks, by two operators",
    "jobs": "run the jobs (expiry, vesting, hold deadlines) once",
    "webhooks": "what waits for each endpoint; read the books on and send what is due, once",
    "docs": "write the generated documents",
    "openapi": "write the OpenAPI document",
}
# Modules that cannot have the name of their command, which is a word of Python or none.
_MODULES = {"import": "moving_in", "set-aside": "set_aside"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status (2 for a usage or configuration error, or where something it
    needs is away)."""
    listed = "\n".join(f"  {name:<10}{about}" for name, about in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="alliance",
        description=__doc__,
        epilog=f"commands:\n{listed}\n\nSettings are environment variables, see docs/configuration.md.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, help="of the command, see `alliance COMMAND --help`"
    )
    given = list(sys.argv[1:] if argv is None else argv)
    options = parser.parse_args(given)
    try:
        module = _MODULES.get(options.command, options.command)
        return int(import_module(f"ledger_service.cli.{module}").main(options.arguments))
    except (ConfigurationError, DomainError) as error:
        print(f"alliance {options.command}: {why_it_ended(error)}", file=sys.stderr)
        return 2
