"""`alliance rotate`: keys change hands, a merchant's or those that send; docs/key-rotation.md says when."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ledger_service.api.hexadecimal import parse_address
from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.rotating import NextKeys, move_roles, rotate_merchant
from ledger_service.chain.rotation import ROLES, Move, Stage
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import is_key
from ledger_service.kernel.secp256k1 import address_text

_PURPOSES = ("admin", "operations", "settlement")
MORE_TO_DO = 3


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when the rotation is done, 3 when something is left to do later, 1 when it was refused."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        return _merchant(options) if options.command == "merchant" else _sending_key(options)
    except (DomainError, NotFounded, ValueError) as refusal:
        print(f"alliance rotate: {why_it_ended(refusal)}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance rotate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    merchant = commands.add_parser("merchant", help="the registry gets a merchant's next keys, at once")
    merchant.add_argument("gln", help="whose keys")
    for purpose in _PURPOSES:
        merchant.add_argument(f"--{purpose}", metavar="ADDRESS", help=f"its next {purpose} key")
    merchant.add_argument(
        "--signature", metavar="HEX", help="of the admin key in force, where custody does not hold it"
    )
    sending = commands.add_parser("sending-key", help="the roles of a sending key move; run it again")
    sending.add_argument("key", choices=sorted(ROLES))
    sending.add_argument("--old", required=True, metavar="ADDRESS", help="who loses the roles")
    sending.add_argument("--new", required=True, metavar="ADDRESS", help="who gets them")
    return parser


def _merchant(options: argparse.Namespace) -> int:
    if not is_key(options.gln, 13):
        raise ValueError(f"{options.gln} is no GLN")
    given = {p: parse_address(value, p) for p in _PURPOSES if (value := getattr(options, p)) is not None}
    if not given:
        raise ValueError("name at least one key to change")
    signature = None if options.signature is None else bytes.fromhex(options.signature.removeprefix("0x"))
    wanted = NextKeys(**given, signature=signature)
    keys = rotate_merchant(settings_from_environment(), int(options.gln), wanted)
    for purpose in _PURPOSES:
        print(f"merchant:{options.gln}:{purpose} {address_text(getattr(keys, purpose))}")
    print("in force; start the signing process again if its keystore holds the new key")
    return 0


def _sending_key(options: argparse.Namespace) -> int:
    move = Move(options.key, parse_address(options.old, "old"), parse_address(options.new, "new"))
    stage = move_roles(settings_from_environment(), move)
    print(_said(move, stage))
    return 0 if stage.done else MORE_TO_DO


def _said(move: Move, stage: Stage) -> str:
    if stage.done:
        return f"done: {address_text(move.new)} has the roles, {address_text(move.old)} has none of them"
    if stage.in_flight:
        return (
            f"{stage.in_flight} transactions of {address_text(move.old)} are in no block yet; let the bridge"
            " work with that key until they are, then run this command again"
        )
    if stage.needs_new_key:
        return (
            f"{address_text(move.new)} has the roles; now start signing process and bridge again with that"
            " key, then run this command again"
        )
    due = format_instant(instant_of_seconds(stage.waits_until))
    return f"scheduled; run this command again from {due} on"
