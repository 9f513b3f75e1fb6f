"""`alliance keys`: issue, list and revoke API keys from the operator's own machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from ledger_service.bootstrap.clocks import NotedClock
from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.operator_keys import keys_given_by_others
from ledger_service.config import settings_from_environment
from ledger_service.db.engine import Database, open_database
from ledger_service.kernel.errors import DomainError
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.queries import find_by_number
from ledger_service.merchants import queries
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssueKey
from ledger_service.merchants.rules import ROLE_SCOPES, SUBJECT_OF_ROLE

_AT_ONCE = 200


def main(argv: Sequence[str]) -> int:
    """Run one command; a fresh token is printed once and stored nowhere."""
    options = _parser().parse_args(argv)
    settings = settings_from_environment()
    database = open_database(settings.database_url)
    at = NotedClock(database).now() if settings.replay else datetime.now(UTC)
    try:
        return int(_COMMANDS[options.command](options, database, at))
    except DomainError as error:
        print(f"alliance keys: {error}", file=sys.stderr)
        return 1
    finally:
        database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance keys", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, many in (("issue", None), ("list", "?")):
        command = commands.add_parser(name)
        command.add_argument("role", choices=ROLE_SCOPES)
        who = "terminal id, GLN, member number, or a name" + ("; all of them where absent" if many else "")
        command.add_argument("subject", nargs=many, help=who)
    revoke = commands.add_parser("revoke")
    revoke.add_argument("key_id")
    return parser


def _issue(options: argparse.Namespace, database: Database, at: datetime) -> int:
    with database.begin() as conn:
        request = IssueKey(options.role, _subject(conn, options))
        issued = ApiKeys(SystemRandom()).issue(conn, None, request, at)
    print(issued.token)
    return 0


def _list(options: argparse.Namespace, database: Database, at: datetime) -> int:
    with database.snapshot() as conn:
        for key in _keys(conn, options):
            whose = "" if options.subject else f"{key.subject} "
            print(f"{key.key_id} {key.role} {key.status} {whose}{key.label or ''}".rstrip())
        given = keys_given_by_others(conn, at) if options.role == "operator" else []
    for one in given:
        print(f"warning: {one.warning()}", file=sys.stderr)
    return 0


def _keys(conn: Connection, options: argparse.Namespace) -> Iterator[queries.KeyView]:
    after: str | None = None
    subject = (SUBJECT_OF_ROLE[options.role], _subject(conn, options)) if options.subject else None
    while True:
        if subject is None:
            page = queries.keys_of_role_after(conn, options.role, after, _AT_ONCE)
        else:
            page = queries.keys_after(conn, subject, after, _AT_ONCE)
        if not page:
            return
        yield from page
        after = page[-1].position


def _revoke(options: argparse.Namespace, database: Database, at: datetime) -> int:
    with database.begin() as conn:
        ApiKeys(SystemRandom()).revoke(conn, options.key_id, at)
    print("revoked")
    return 0


def _subject(conn: Connection, options: argparse.Namespace) -> str:
    if options.role != "member":
        return str(options.subject)
    found = find_by_number(conn, options.subject)
    if found is None:
        raise MemberUnknown
    return str(found.member_id)


_COMMANDS = {"issue": _issue, "list": _list, "revoke": _revoke}
