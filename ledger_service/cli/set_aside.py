"""`alliance set-aside`: what the contract refuses, and putting it to the contract again by two operators.

docs/runbooks.md says when that helps. A retry keeps the operation's id and can never count twice.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger_service.bootstrap.adopting import NoOperator
from ledger_service.bootstrap.retrying import Retrying, opened_retrying
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.ids import parse_id
from ledger_service.kernel.operations import Kind


def main(argv: Sequence[str]) -> int:
    """Exit with 0, or with 1 where it was refused."""
    options = _parser().parse_args(argv)
    try:
        with opened_retrying(settings_from_environment()) as retrying:
            return _do(retrying, options)
    except (DomainError, NoOperator, OSError) as refusal:
        print(f"alliance set-aside: {why_it_ended(refusal)}", file=sys.stderr)
        return 1


def _do(retrying: Retrying, options: argparse.Namespace) -> int:
    if options.command == "list":
        return _list(retrying)
    op_id = parse_id(options.operation, "operation")
    if options.command == "ask":
        print(retrying.ask(options.key, op_id, options.note).hex())
        return 0
    retry_id = parse_id(options.retry, "retry")
    print(retrying.decide(options.key, op_id, retry_id, approve=options.command == "approve"))
    return 0


def _list(retrying: Retrying) -> int:
    for one, hope in retrying.listed():
        again = "may be tried again" if hope.hopeless is None else f"not again: {hope.hopeless.value}"
        asked = "" if hope.asked is None else f", asked for by {hope.asked['requested_by']}"
        retry = "" if hope.asked is None else f" as {hope.asked['retry_id'].hex()}"
        kind = Kind(one.kind).name.lower()
        print(f"{one.op_id.hex()} {kind} {one.reason} ({again}, tried {hope.tries} times{asked}{retry})")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance set-aside", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="id, kind and reason of each, and whether it may be tried again")
    ask = commands.add_parser("ask", help="ask for a retry; prints its id")
    for name, about in (("approve", "put it to the contract again"), ("decline", "leave it set aside")):
        decide = commands.add_parser(name, help=about)
        decide.add_argument("operation")
        decide.add_argument("retry", help="the id that asking printed")
        decide.add_argument("--key", type=Path, required=True, metavar="FILE", help="another operator's key")
    ask.add_argument("operation")
    ask.add_argument("--note", required=True, help="what was mended since it was refused")
    ask.add_argument("--key", type=Path, required=True, metavar="FILE", help="the operator's who asks")
    return parser
