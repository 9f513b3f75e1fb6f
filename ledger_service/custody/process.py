"""``alliance signer``: make and serve a keystore, show, import or make keys, release an alliance."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from ledger_service.custody.errors import KeystoreUnusable, SigningRefused
from ledger_service.custody.journal import Journal
from ledger_service.custody.keystore import create_keystore, exchange_key, import_key, load_keystore
from ledger_service.custody.requests import SENDING_KEYS, AddressOfKey
from ledger_service.custody.server import SignerServer
from ledger_service.custody.vault import CustodialLimits, Vault
from ledger_service.kernel.secp256k1 import address_text


@dataclass(frozen=True)
class SignerSettings:
    """Where the signing process finds its things; who calls it has read them from the environment."""

    keystore: Path
    socket: Path
    replay: bool = False
    limits: CustodialLimits = field(default_factory=CustodialLimits)

    @property
    def journal(self) -> Path:
        """The durable memory beside the keystore."""
        return self.keystore.with_name(self.keystore.name + ".journal")


def main(arguments: Sequence[str], settings: SignerSettings) -> int:
    """Run one command of ``alliance signer``; 0 when it did what it says."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        return int(_COMMANDS[chosen.command](chosen, settings))
    except KeystoreUnusable as refusal:
        print(f"alliance signer: {refusal}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance signer", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    parser.set_defaults(command="serve")
    commands.add_parser("serve", help="sign for clients on the unix socket (the default)")
    init = commands.add_parser("init", help="make a keystore with a new random seed")
    init.add_argument("--if-missing", action="store_true", help="do nothing where there is one already")
    show = commands.add_parser("addresses", help="print the addresses of named keys")
    show.add_argument("names", nargs="*", default=sorted(SENDING_KEYS), help="e.g. merchant:<GLN>:operations")
    bring = commands.add_parser(
        "import-key", help="read 64 hex digits from standard input as the key of a name"
    )
    bring.add_argument("name")
    for command, about in (
        ("new-key", "make a random key for a name and print its address; counts from the next start on"),
        ("former-key", "let a name mean the key that it meant before; counts from the next start on"),
    ):
        commands.add_parser(command, help=about).add_argument("name")
    allow = commands.add_parser("allow", help="let the operator's key call a contract made elsewhere")
    allow.add_argument("address", help="0x and 40 hex digits")
    house = commands.add_parser(
        "allow-house", help="let one new ClearingHouse be created, and custody be bound to it"
    )
    house.add_argument("creation", help="0x and 64 hex digits, as `alliance house migrate` tells them")
    commands.add_parser("release", help="forget the alliance that the keystore is bound to")
    return parser


def _serve(_: argparse.Namespace, settings: SignerSettings) -> int:
    keystore = load_keystore(settings.keystore)
    journal = Journal(settings.journal)
    now = None if settings.replay else lambda: time.time_ns() // 1_000_000_000
    server = SignerServer(settings.socket, Vault(keystore, journal, settings.limits, now))
    server.bind()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.close()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"signing on {settings.socket}", flush=True)
    server.serve()
    journal.close()
    return 0


def _init(chosen: argparse.Namespace, settings: SignerSettings) -> int:
    if chosen.if_missing and settings.keystore.exists():
        load_keystore(settings.keystore)
        return 0
    create_keystore(settings.keystore)
    print(f"keystore made: {settings.keystore}")
    return 0


def _addresses(chosen: argparse.Namespace, settings: SignerSettings) -> int:
    journal = Journal(settings.journal)
    vault = Vault(load_keystore(settings.keystore), journal, settings.limits, None)
    for name in chosen.names:
        answer = vault.answer([AddressOfKey(name)])[0]
        if isinstance(answer, SigningRefused):
            raise KeystoreUnusable(f"no key has the name {name}")
        print(f"{name} {address_text(answer) if isinstance(answer, bytes) else answer}")
    journal.close()
    return 0


def _import_key(chosen: argparse.Namespace, settings: SignerSettings) -> int:
    text = sys.stdin.readline().strip().removeprefix("0x")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise KeystoreUnusable("not 64 hex digits") from None
    print(f"{chosen.name} {address_text(import_key(settings.keystore, chosen.name, key))}")
    return 0


def _exchange(chosen: argparse.Namespace, settings: SignerSettings) -> int:
    key = secrets.token_bytes(32) if chosen.command == "new-key" else None
    journal = Journal(settings.journal)
    known = Vault(load_keystore(settings.keystore), journal, settings.limits, None)
    refused = isinstance(known.answer([AddressOfKey(chosen.name)])[0], SigningRefused)
    journal.close()
    if refused:
        raise KeystoreUnusable(f"no key has the name {chosen.name}")
    print(f"{chosen.name} {address_text(exchange_key(settings.keystore, chosen.name, key))}")
    return 0


def _release(_: argparse.Namespace, settings: SignerSettings) -> int:
    journal = Journal(settings.journal)
    journal.unbind()
    journal.close()
    return 0


def _allow(chosen: argparse.Namespace, settings: SignerSettings) -> int:
    try:
        address = bytes.fromhex(chosen.address.removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != 20:
        raise KeystoreUnusable("not an address of 40 hex digits")
    journal = Journal(settings.journal)
    journal.remember_contract(address, None)
    journal.close()
    return 0


def _allow_house(chosen: argparse.Namespace, settings: SignerSettings) -> int:
    try:
        code_hash = bytes.fromhex(chosen.creation.removeprefix("0x"))
    except ValueError:
        code_hash = b""
    if len(code_hash) != 32:
        raise KeystoreUnusable("not 64 hex digits")
    journal = Journal(settings.journal)
    journal.allow_house(code_hash)
    journal.close()
    return 0


_COMMANDS = {
    "allow-house": _allow_house,
    "allow": _allow,
    "serve": _serve,
    "init": _init,
    "addresses": _addresses,
    "import-key": _import_key,
    "new-key": _exchange,
    "former-key": _exchange,
    "release": _release,
}
