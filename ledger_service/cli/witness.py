"""`alliance witness`: follow the chain on a machine of one's own, sign the heads that were checked, and hold
the statements of several witnesses against a chain.

`sign` needs a node's URL and a key; no database and no word of the operator's. `check` says up to which block
enough witnesses have signed this very chain, and names forks and rewrites.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ledger_service.api.hexadecimal import parse_address
from ledger_service.chain.client import Node
from ledger_service.chain.node.errors import StoreError
from ledger_service.chain.transport import Transport
from ledger_service.chain.witness.executing import Executor
from ledger_service.chain.witness.following import Following
from ledger_service.chain.witness.statements import Head, Statement, read_statements, signed
from ledger_service.cli.ticker import Ticker
from ledger_service.cli.witnessed import add_quorum, chain_of, document_of, judged, text_of
from ledger_service.cli.wording import why_it_ended
from ledger_service.kernel.errors import DomainError, MalformedField
from ledger_service.kernel.secp256k1 import SigningKey, address_of_key, address_text

_KEY_DIGITS = 64


def main(argv: Sequence[str]) -> int:
    """Exit with 0 where a head was signed, none is new, or the quorum holds; 1 where chain or statements
    contradict, or too few signed; 2 where it cannot be told."""
    options = _parser().parse_args(argv)
    try:
        return _sign(options) if options.what == "sign" else _check(options)
    except (DomainError, StoreError, OSError, ValueError) as failure:
        print(f"alliance witness: {why_it_ended(failure)}", file=sys.stderr)
        contradicted = isinstance(failure, DomainError) and failure.category.name == "CONFLICT"
        return 1 if contradicted else 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance witness", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    sign = what.add_parser("sign", help="check what is new and sign its head")
    sign.add_argument("--rpc", required=True, metavar="URL", help="a node of the chain")
    sign.add_argument(
        "--key", required=True, metavar="FILE", help="64 hex digits, mode 0600; - reads standard input"
    )
    sign.add_argument(
        "--out", required=True, type=Path, metavar="FILE", help="statements; each is added at its end"
    )
    sign.add_argument("--clearing-house", metavar="ADDRESS", help="sign its last batch and that root, too")
    sign.add_argument(
        "--depth", type=int, default=0, help="blocks below the node's head (default: %(default)s)"
    )
    sign.add_argument("--work", type=Path, metavar="DIR", help="execute every block anew here, and keep it")
    sign.add_argument(
        "--funded", action="append", default=[], metavar="ADDRESS",
        help="with --work: an address that block zero funds; its hash proves that none is missing",
    )  # fmt: skip
    check = what.add_parser("check", help="hold statements against a chain and each other")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help="statements of witnesses")
    check.add_argument("--rpc", required=True, metavar="URL", help="a node of the chain")
    add_quorum(check, required=True)
    for command in (sign, check):
        command.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _sign(options: argparse.Namespace) -> int:
    if options.depth < 0:
        raise MalformedField("depth", "must not be below 0")
    key = _key_of(options.key)
    witness = address_of_key(key)
    # One process at a time: two could sign twice, and each would be right.
    with options.out.open("a+b") as out:
        fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        past = read_statements(options.out)
        if any(one.witness != witness for one in past):
            raise MalformedField("out", "holds statements of another key")
        head = _next_head(options, [one.head for one in past])
        if head is None:
            _say(options, past[-1], "nothing new")
            return 0
        made = signed(head, SigningKey(key), witness, int(time.time()))
        out.write(made.line())
        out.flush()
        os.fsync(out.fileno())
    _say(options, made, "signed")
    return 0


def _next_head(options: argparse.Namespace, past: Sequence[Head]) -> Head | None:
    house = options.clearing_house and parse_address(options.clearing_house, "clearing-house")
    with closing(Transport(options.rpc)) as transport:
        following = Following(Node(transport), options.depth, house)
        if options.work is None:
            return following.next_head(past)
        funded = [parse_address(one, "funded") for one in options.funded]
        options.work.mkdir(parents=True, exist_ok=True)
        zero, node = following.block(0), following.node
        with closing(Executor(options.work / "chain.db", zero, node.chain_id, funded)) as executor:
            return Following(node, options.depth, house, executor).next_head(past, Ticker("blocks"))


def _key_of(place: str) -> bytes:
    """The private key, from standard input or from a file that nobody else can read.

    Raises:
        MalformedField: no key there, or others may read it; what stands there is never told.
    """
    if place == "-":
        text = sys.stdin.readline()
    else:
        mode = os.stat(place).st_mode
        if mode & 0o077:
            raise MalformedField("key", "must be readable by its owner alone (mode 0600)")
        text = Path(place).read_text(encoding="ascii", errors="replace")
    digits = text.strip().removeprefix("0x")
    try:
        raw = bytes.fromhex(digits) if len(digits) == _KEY_DIGITS else b""
        address_of_key(raw)
    except ValueError:
        raise MalformedField("key", "must be the 64 hex digits of a secp256k1 key") from None
    return raw


def _say(options: argparse.Namespace, one: Statement, word: str) -> None:
    head = one.head
    if options.json:
        print(json.dumps({"signed": word == "signed", **json.loads(one.line())}))
        return
    how = "executed from block 0" if head.checks == "executed" else "headers linked, not executed"
    block = f"block {head.block_number:,} 0x{head.block_hash.hex()}"
    print(f"{word}: {block} ({how}) by {address_text(one.witness)}")


def _check(options: argparse.Namespace) -> int:
    with closing(Transport(options.rpc)) as transport:
        verdict = judged(options, options.files, chain_of(Node(transport)))
    print(json.dumps(document_of(verdict)) if options.json else text_of(verdict))
    return 0 if verdict.reached else 1
