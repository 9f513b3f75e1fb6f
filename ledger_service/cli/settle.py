"""`alliance settle`: a settlement period from its close to its payouts; docs/settlement.md says how.

Every command may be run again: what stands on chain already is not done twice. Words of merchants are signed
by their settlement keys in custody.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ledger_service.bootstrap.agreeing import Agreement, Standing, agreement, digest_of
from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.recomputing import pools_of, write_period, write_statements
from ledger_service.bootstrap.settling import close_period
from ledger_service.bootstrap.standings import document_of
from ledger_service.cli import settle_statement
from ledger_service.cli.pools import pool_documents, pool_text
from ledger_service.cli.settle_bank import attempt_number, execution_date, read_statement, write_order
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import Settings, settings_from_environment
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.kernel.settlement_words import Decided

_GREATEST_PERIOD = 2**32 - 2
_GREATEST_MICROS = 2**96
_EVIDENCE = "its SHA-256 goes on chain"
MORE_TO_DO = 3


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when what was asked stands, also when it stood before, with 3 when it is only announced, to
    be asked for again, and with 1 when it was refused."""
    parser = _parser()
    options = parser.parse_args(argv)
    _check_paid(parser, options)
    try:
        print(options.act(settings_from_environment(), options))
    except (DomainError, NotFounded, OSError) as refusal:
        print(f"alliance settle: {why_it_ended(refusal)}", file=sys.stderr)
        return 1
    return int(options.status)


def _check_paid(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.command != "paid":
        return
    if options.statement is not None and (options.accounts is None or options.evidence is not None):
        parser.error("paid --statement needs --accounts, and is its own evidence")
    if options.payout is not None and options.evidence is None:
        parser.error("paid --payout needs --evidence")


def period_number(text: str) -> int:
    """A period's number, as an argument."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= _GREATEST_PERIOD):
        raise argparse.ArgumentTypeError(f"takes a whole number from 1 to {_GREATEST_PERIOD}")
    return int(text)


def _close(settings: Settings, options: argparse.Namespace) -> str:
    closed = close_period(settings, options.period, options.wait)
    how = "was closed before" if closed.before else "is closed"
    return f"period {options.period} {how}; period {closed.open_period} is open"


def _lines(settings: Settings, options: argparse.Namespace) -> str:
    if options.each:
        counts = write_statements(settings, options.period, options.into)
        return f"lines of {len(counts)} merchants for period {options.period} are in {options.into}/"
    written = write_period(settings, options.period, options.merchant, options.into)
    return f"{written:,} lines of period {options.period} are in {options.into}"


def _agreed(act: Callable[[Agreement, argparse.Namespace], Standing]) -> Callable[..., str]:
    """A command that changes or looks at the period's settlement, and then tells where it stands."""

    def command(settings: Settings, options: argparse.Namespace) -> str:
        with agreement(settings) as room:
            standing = act(room, options)
        return json.dumps(document_of(standing)) if options.json else _text(standing)

    return command


def _arbitrate(settings: Settings, options: argparse.Namespace) -> str:
    decided = Decided(options.period, options.debtor, options.creditor, options.micros)
    with agreement(settings) as room:
        due = room.arbitrate(decided, digest_of(options.evidence))
        if not due:
            standing = room.standing(options.period)
            return json.dumps(document_of(standing)) if options.json else _text(standing)
    options.status, when = MORE_TO_DO, format_instant(instant_of_seconds(due))
    if options.json:
        return json.dumps({"period": options.period, "due": when})
    return f"announced; run this command again from {when} on"


def _pool(settings: Settings, options: argparse.Namespace) -> str:
    lines = pools_of(settings, options.period)
    if options.json:
        return json.dumps({"period": options.period, "pools": pool_documents(lines)})
    return "\n".join(pool_text(lines)) or f"no programme has a pool in period {options.period}"


def _paid(settings: Settings, options: argparse.Namespace) -> str:
    if options.statement is not None:
        return read_statement(settings, options)
    return _agreed(lambda room, o: room.mark_paid(o.period, o.payout, o.evidence))(settings, options)


_ACTS: dict[str, tuple[str, Callable[..., str]]] = {
    "close": ("close the open period; closing it again changes nothing", _close),
    "lines": ("write the obligations of a period as CSV, one a line", _lines),
    "pool": ("tell what issuers and pools owe each other, for programmes that settle otherwise", _pool),
    "statement": ("write the papers of a closed period: statement as CSV and PDF, and journal",
                  settle_statement.write),
    "publish": (
        "publish the statements of a closed period; merchants answer until their date",
        _agreed(lambda room, o: room.publish(o.period, o.days)),
    ),
    "confirm": (
        "merchants' word that their nets are right",
        _agreed(lambda room, o: room.confirm(o.period, o.merchant)),
    ),
    "dispute": (
        "a merchant's word that a part of a line is not owed; it is held out",
        _agreed(lambda room, o: room.dispute(o.period, (o.debtor, o.creditor), o.by, (o.micros, o.evidence))),
    ),
    "resolve": (
        "both merchants' word on what of the held amount is owed",
        _agreed(lambda room, o: room.resolve(o.period, (o.debtor, o.creditor), o.micros)),
    ),
    "arbitrate": ("the board's decision on a held amount, after its deadline; announced first", _arbitrate),
    "net": ("fix the payouts, once all have confirmed or the date has come",
            _agreed(lambda room, o: room.net(o.period))),
    "payouts": ("write the payouts of a netted period as a payment order (pain.001)", write_order),
    "paid": ("mark payouts as paid: those that a bank's statement (camt.053) shows, or those named", _paid),
    "status": ("where a period's settlement stands", _agreed(lambda room, o: room.standing(o.period))),
}  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alliance settle", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    by_name = {}
    for name, (about, act) in _ACTS.items():
        by_name[name] = command = commands.add_parser(name, help=about)
        command.set_defaults(act=act, status=0)
        command.add_argument("--period", required=True, type=period_number, metavar="N", help="its number")
        if name not in ("close", "lines", "statement"):
            command.add_argument("--json", action="store_true", help="print one JSON document")
    by_name["close"].add_argument(
        "--wait", type=int, default=60, metavar="SECONDS", help="for what was accepted before (default: 60)"
    )
    whose = by_name["lines"].add_mutually_exclusive_group()
    whose.add_argument("--merchant", type=_gln, metavar="GLN", help="only what it owes or is owed")
    whose.add_argument("--each", action="store_true", help="a file for each merchant, in a new folder")
    by_name["lines"].add_argument("--into", required=True, type=Path, metavar="FILE", help="a new file")
    by_name["statement"].add_argument("--merchant", type=_gln, metavar="GLN", help="default: all of them")
    settle_statement.add_options(by_name["statement"])
    by_name["publish"].add_argument(
        "--days", type=int, choices=range(3, 91), default=7, metavar="DAYS", help="to answer (default: 7)"
    )
    by_name["confirm"].add_argument(
        "--merchant", required=True, type=_gln, action="append", metavar="GLN",
        help="whose word; may be given several times",
    )  # fmt: skip
    _add_amounts(by_name)
    return parser


def _add_amounts(by_name: dict[str, argparse.ArgumentParser]) -> None:
    for name in ("dispute", "resolve", "arbitrate"):
        command = by_name[name]
        command.add_argument("--debtor", required=True, type=_gln, metavar="GLN", help="the issuer")
        command.add_argument("--creditor", required=True, type=_gln, metavar="GLN", help="the acceptor")
        command.add_argument("--micros", required=True, type=_micros, help="of the settlement currency")
    by_name["dispute"].add_argument("--by", required=True, type=_gln, metavar="GLN", help="which of the two")
    for name in ("dispute", "arbitrate"):
        by_name[name].add_argument("--evidence", required=True, type=Path, metavar="FILE", help=_EVIDENCE)
    _take_bank_files(by_name["payouts"], by_name["paid"])


def _take_bank_files(payouts: argparse.ArgumentParser, paid: argparse.ArgumentParser) -> None:
    payouts.add_argument("--into", required=True, type=Path, metavar="FILE", help="a new file")
    payouts.add_argument(
        "--accounts", required=True, type=Path, metavar="FILE", help="bank accounts of merchants, CSV or JSON"
    )
    payouts.add_argument(
        "--execution",
        required=True,
        type=execution_date,
        metavar="DATE",
        help="the day the bank is to pay on",
    )
    payouts.add_argument(
        "--attempt", type=attempt_number, default=1, metavar="N",
        help="from 2 on: order what is not marked as paid once more (default: 1)",
    )  # fmt: skip
    payouts.add_argument(
        "--charset", choices=("unicode", "latin"), default="unicode", help="of names (default: unicode)"
    )
    what = paid.add_mutually_exclusive_group(required=True)
    what.add_argument("--statement", type=Path, metavar="FILE", help="a camt.053 file; needs --accounts")
    what.add_argument(
        "--payout", type=int, action="append", choices=range(256), metavar="INDEX",
        help="as `status` counts them; may be given several times; needs --evidence",
    )  # fmt: skip
    paid.add_argument("--accounts", type=Path, metavar="FILE", help="bank accounts of merchants, CSV or JSON")
    paid.add_argument("--evidence", type=Path, metavar="FILE", help=_EVIDENCE)


def _gln(text: str) -> int:
    try:
        return parse_gln(text, "merchant")
    except DomainError as refusal:
        raise argparse.ArgumentTypeError("takes a GLN of 13 digits") from refusal


def _micros(text: str) -> int:
    if not (text.lstrip("-").isdigit() and text.isascii() and abs(int(text[:32])) <= _GREATEST_MICROS):
        raise argparse.ArgumentTypeError("takes whole micros")
    return int(text)


def _text(standing: Standing) -> str:
    told = document_of(standing)
    netted = "netted" if told["root"] else f"answers until {told['until']}"
    lines = [f"period {told['period']}: statements {told['statements']}, {netted}"]
    lines += [
        f"merchant {m['merchant']}: net {m['net_micros']:,} micros, {m['net_minor']:,} minor units,"
        f" {'confirmed' if m['confirmed'] else 'silent'}"
        for m in told["merchants"]
    ]
    lines += [
        f"disputed: {d['debtor']} owes {d['creditor']} {d['held_micros']:,} micros,"
        f" {'open until ' + d['deadline'] if d['open'] else 'decided'}"
        for d in told["disputes"]
    ]
    lines += [
        f"payout {i}: {p['payer']} pays {p['payee']} {p['minor']:,} minor units"
        + (" out of its reserve" if p["from_reserve"] else "")
        + (", paid" if p["paid"] else "")
        for i, p in enumerate(told["payouts"])
    ]
    return "\n".join(lines)
