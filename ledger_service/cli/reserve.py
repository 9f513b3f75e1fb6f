"""`alliance reserve`: what stands behind merchants' points, and what may be issued on it.

docs/reserves.md says how. Every command may be run again: what stands on chain already is not done twice.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.reserving import Reserves, Standing, reserves
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.reserve_words import Figure

_GREATEST_BPS = 2**16 - 1
_GREATEST_MICROS = 2**96
_GREATEST_SEQUENCE = 2**32 - 1


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when what was asked stands, also when it stood before, and with 1 when it was refused."""
    options = _parser().parse_args(argv)
    try:
        with reserves(settings_from_environment()) as room:
            standings = options.act(room, options)
    except (DomainError, NotFounded, OSError) as refusal:
        print(f"alliance reserve: {why_it_ended(refusal)}", file=sys.stderr)
        return 1
    told = [document_of(one) for one in standings]
    print(json.dumps(told) if options.json else "\n".join(map(_text, told)))
    return 0


def _status(room: Reserves, options: argparse.Namespace) -> list[Standing]:
    return room.standings() if options.merchant is None else [room.standing(options.merchant)]


def _figure(room: Reserves, o: argparse.Namespace) -> list[Standing]:
    return [room.bring(Figure(o.merchant, o.micros, o.as_of, o.sequence), o.signature)]


_ACTS: dict[str, tuple[str, Callable[[Reserves, argparse.Namespace], list[Standing]]]] = {
    "custodian": (
        "name who signs a merchant's figures, with the merchant's word",
        lambda room, o: [room.name_custodian(o.merchant, o.address, o.signature)],
    ),
    "require": (
        "how much of what is outstanding must be covered; 0 ends it",
        lambda room, o: [room.require(o.merchant, o.bps, o.since)],
    ),
    "figure": ("bring a figure that the custodian has signed", _figure),
    "refresh": ("count the last figure anew", lambda room, o: [room.refresh(o.merchant)]),
    "default": (
        "freeze what a merchant issues; what it issued is spent as ever",
        lambda room, o: [room.default(o.merchant, o.since, o.evidence)],
    ),
    "cure": ("end a default", lambda room, o: [room.cure(o.merchant, o.evidence)]),
    "status": ("what every merchant's points are covered by", _status),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alliance reserve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    by_name = {}
    for name, (about, act) in _ACTS.items():
        by_name[name] = command = commands.add_parser(name, help=about)
        command.set_defaults(act=act)
        command.add_argument(
            "--merchant", required=name != "status", type=_gln, metavar="GLN", help="whose points"
        )
        command.add_argument("--json", action="store_true", help="print one JSON document")
    _add_words(by_name)
    return parser


def _add_words(by_name: dict[str, argparse.ArgumentParser]) -> None:
    by_name["custodian"].add_argument(
        "--address", required=True, type=_hex(20), help="of the custodian's key"
    )
    by_name["custodian"].add_argument(
        "--signature", type=_hex(65), help="of the merchant's admin key (default: from custody)"
    )
    by_name["require"].add_argument(
        "--bps", required=True, type=_number(_GREATEST_BPS), help="hundredths of a percent"
    )
    for name in ("require", "default"):
        by_name[name].add_argument(
            "--from", dest="since", required=True, type=_seconds, metavar="INSTANT", help="counts from it"
        )
    figure = by_name["figure"]
    figure.add_argument("--micros", required=True, type=_number(_GREATEST_MICROS), help="held in reserve")
    figure.add_argument("--as-of", required=True, type=_seconds, metavar="INSTANT", help="its date")
    figure.add_argument(
        "--sequence", required=True, type=_number(_GREATEST_SEQUENCE), help="greater than the last one's"
    )
    figure.add_argument("--signature", required=True, type=_hex(65), help="of the custodian's key")
    for name in ("default", "cure"):
        by_name[name].add_argument(
            "--evidence", required=True, type=Path, metavar="FILE", help="its SHA-256 goes on chain"
        )


def _gln(text: str) -> int:
    try:
        return parse_gln(text, "merchant")
    except DomainError as refusal:
        raise argparse.ArgumentTypeError("takes a GLN of 13 digits") from refusal


def _seconds(text: str) -> int:
    try:
        return seconds_floor(parse_instant(text, "instant"))
    except DomainError as refusal:
        raise argparse.ArgumentTypeError("takes an instant, as 2026-03-10T12:00:00Z") from refusal


def _number(greatest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 32 and int(text) <= greatest):
            raise argparse.ArgumentTypeError(f"takes a whole number up to {greatest}")
        return int(text)

    return number


def _hex(width: int) -> Callable[[str], bytes]:
    def data(text: str) -> bytes:
        try:
            value = bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            value = b""
        if len(value) != width:
            raise argparse.ArgumentTypeError(f"takes {width} bytes as hex")
        return value

    return data


def document_of(standing: Standing) -> dict[str, Any]:
    """What stands behind a merchant's points, as JSON; an instant is None where there is none."""
    account, coverage = standing.account, standing.coverage
    return {
        "merchant": gln_text(standing.merchant),
        "custodian": "0x" + account.custodian.hex() if any(account.custodian) else None,
        "reserve_micros": account.reserve_micros,
        "counted_micros": coverage.reserve_micros,
        "as_of": _instant(account.as_of),
        "stale_from": _instant(standing.stale_from),
        "sequence": account.sequence,
        "outstanding_micros": coverage.outstanding_micros,
        "coverage_bps": coverage.bps,
        "required_bps": coverage.required_bps,
        "next_bps": account.next_bps,
        "next_from": _instant(account.next_from),
        "default_from": _instant(account.default_from),
    }


def _instant(seconds: int) -> str | None:
    return format_instant(instant_of_seconds(seconds)) if seconds else None


def _text(told: dict[str, Any]) -> str:
    bps = told["coverage_bps"]
    covered = "nothing outstanding" if bps is None else f"covered by {_percent(bps)}"
    words = [
        f"merchant {told['merchant']}: {covered}, {_percent(told['required_bps'])} required,"
        f" {told['counted_micros']:,} of {told['outstanding_micros']:,} micros"
    ]
    if told["stale_from"]:
        words.append(f"figure {told['sequence']} of {told['as_of']} counts until {told['stale_from']}")
    if told["default_from"]:
        words.append(f"in default from {told['default_from']}: nothing is issued, the reserve pays")
    return "; ".join(words)


def _percent(bps: int) -> str:
    return f"{bps // 100}.{bps % 100:02} %"
