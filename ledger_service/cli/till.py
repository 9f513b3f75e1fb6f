"""`alliance till`: a till that sells online where it can and alone where it must; JSON lines in and out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger_service.kernel.secp256k1 import address_of_key, address_text
from ledger_service.till.book import Book
from ledger_service.till.clocks import Clocks, read_clock
from ledger_service.till.codes import allowance_left
from ledger_service.till.driving import Drive
from ledger_service.till.folder import Enrolment, Folder
from ledger_service.till.refunding import refund
from ledger_service.till.refusals import NoAnswer, TillRefused
from ledger_service.till.selling import Till, sell
from ledger_service.till.synchronising import fetch_statement, synchronise
from ledger_service.till.wire import Service

_MOST_SHOWN = 50


def main(argv: Sequence[str]) -> int:
    """Run one command; 1 where the till or the service refused, 3 where the service did not answer."""
    options = _parser().parse_args(argv)
    try:
        return int(_COMMANDS[options.command](options))
    except TillRefused as refusal:
        _say({"state": "refused", "code": refusal.code, "detail": refusal.detail})
        return 1
    except NoAnswer as silence:
        _say({"state": "offline", "detail": str(silence)})
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance till", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    about = {
        "enrol": "make the till's key and learn the alliance, once",
        "sale": "sell what comes in as JSON lines, each answered before the next is read",
        "status": "what is queued, certain and refused, and how the clock stands",
        "refund": "take back what comes in as JSON lines; never done alone",
        "drive": "be driven by `alliance certify pos`: JSON lines in and out",
        "sync": "ask what is unclear, upload what waits, fetch the allowance",
        "allowance": "what the till may still take in points while it is alone",
    }
    for name, text in about.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--folder", type=Path, required=True, metavar="DIR", help="the till's folder")
        if name == "enrol":
            _enrolling(command)
    commands.choices["sale"].add_argument("--offline", action="store_true", help="do not ask the service")
    return parser


def _enrolling(command: argparse.ArgumentParser) -> None:
    command.add_argument("--url", required=True, help="of the service")
    command.add_argument("--api-key", type=Path, required=True, metavar="FILE", help="the terminal's API key")
    command.add_argument("--store", required=True, metavar="GLN", help="the store that it stands in")
    command.add_argument(
        "--merchant-key", type=Path, metavar="FILE", help="the merchant's API key: registers the till's key"
    )
    command.add_argument(
        "--known-only", action="store_true", help="alone, take points only of phones seen accepted before"
    )
    command.add_argument("--timeout-millis", type=int, default=2_000, help="default: %(default)s")


def _enrol(options: argparse.Namespace) -> int:
    folder = Folder(options.folder)
    address = address_text(address_of_key(folder.key()))
    api_key = options.api_key.read_text(encoding="ascii").strip()
    service = Service(options.url, api_key, options.timeout_millis)
    facts, own = service.get("/v1/alliance"), service.get("/v1/offline-allowance")
    for answer in (facts, own):
        if not answer.good:
            raise TillRefused(answer.code)
    known, terminal = facts.document, str(own.document["terminal"])
    if options.merchant_key is not None:
        merchant = Service(options.url, options.merchant_key.read_text().strip(), options.timeout_millis)
        body = json.dumps({"till_key": address}).encode()
        told = merchant.post(f"/v1/terminals/{terminal}/till-key", body, f"till-key.{address}")
        if not told.good:
            raise TillRefused(told.code)
    names = ("currency", "chain_id", "clearing_house", "receipt_signer")
    own_part = {"api_key": api_key, "terminal": terminal, "timeout_millis": options.timeout_millis}
    own_part["known_only"] = options.known_only
    shared = {name: known[name] for name in names}
    folder.enrol(Enrolment(url=options.url, store=options.store, **own_part, **shared))
    with _opened(options) as till:
        fetch_statement(till)
    _say({"state": "enrolled", "terminal": terminal, "till_key": address})
    return 0


def _sale(options: argparse.Namespace) -> int:
    with _opened(options, locked=False) as till:
        for line in sys.stdin:
            if not line.strip():
                continue
            with Folder(options.folder).alone():
                _say(_answered(till, line))
    return 0


def _answered(till: Till, line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise TillRefused("malformed-sale", "takes one JSON object a line")
        return sell(till, request)
    except json.JSONDecodeError:
        return {"state": "refused", "code": "malformed-sale", "detail": "takes one JSON object a line"}
    except TillRefused as refusal:
        return {"state": "refused", "code": refusal.code, "detail": refusal.detail}


def _refund(options: argparse.Namespace) -> int:
    with _opened(options, locked=False) as till:
        for line in filter(str.strip, sys.stdin):
            with Folder(options.folder).alone():
                _say(_refunded(till, line))
    return 0


def _refunded(till: Till, line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise TillRefused("malformed-refund", "takes one JSON object a line")
        return refund(till, request)
    except json.JSONDecodeError:
        return {"state": "refused", "code": "malformed-refund", "detail": "takes one JSON object a line"}
    except TillRefused as refusal:
        return {"state": "refused", "code": refusal.code, "detail": refusal.detail}


def _drive(options: argparse.Namespace) -> int:
    for answer in Drive(options.folder).answers(iter(sys.stdin.readline, "")):
        _say(answer)
    return 0


def _status(options: argparse.Namespace) -> int:
    with _opened(options) as till:
        reading = read_clock(till.clocks, till.book.contact)
        _say({
            "sales": till.book.counts(), "clock_trusted": reading.trusted,
            "clock_off_seconds": reading.wall_off, "clock_wrong": reading.wall_is_wrong,
            "allowance_left_micros": allowance_left(till.book, reading.now),
            "look_at": till.book.unfinished(_MOST_SHOWN),
        })  # fmt: skip
    return 0


def _sync(options: argparse.Namespace) -> int:
    with _opened(options) as till:
        told = synchronise(till)
        reading = read_clock(till.clocks, till.book.contact)
        _say({"state": "synchronised", **told, "clock_off_seconds": reading.wall_off})
    return 0


def _allowance(options: argparse.Namespace) -> int:
    with _opened(options) as till:
        left = allowance_left(till.book, read_clock(till.clocks, till.book.contact).now)
        _say({"allowance_left_micros": left, "statement": till.book.statement})
    return 0


@contextmanager
def _opened(options: argparse.Namespace, *, locked: bool = True) -> Iterator[Till]:
    folder = Folder(options.folder)
    enrolment = folder.enrolment()
    service = Service(enrolment.url, enrolment.api_key, enrolment.timeout_millis)
    book = Book(folder.book)
    till = Till(enrolment, folder.key(), book, service, Clocks(), not getattr(options, "offline", False))
    try:
        if not locked:
            yield till
            return
        with folder.alone():
            yield till
    finally:
        book.close()


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


_COMMANDS = {
    "enrol": _enrol, "sale": _sale, "refund": _refund, "drive": _drive, "status": _status, "sync": _sync,
    "allowance": _allowance,
}  # fmt: skip
