"""What commands share that hold a chain against the statements of witnesses: options, verdict, words."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ledger_service.api.hexadecimal import parse_address
from ledger_service.chain.client import Node
from ledger_service.chain.errors import ChainUnavailable
from ledger_service.chain.witness.quorum import Told, Verdict, judge
from ledger_service.chain.witness.statements import read_statements
from ledger_service.kernel.errors import MalformedField

_MOST_WITNESSES = 1_000


def add_quorum(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """The command takes ``--quorum`` and ``--witnesses``; where not required, ``--witnessed`` as well."""
    if not required:
        parser.add_argument(
            "--witnessed",
            nargs="+",
            type=Path,
            metavar="FILE",
            help="statements that must vouch for the chain",
        )
    parser.add_argument(
        "--quorum", type=int, required=required, metavar="N", help="how many must have signed"
    )
    parser.add_argument(
        "--witnesses", type=Path, required=required, metavar="FILE", help='JSON object: {"0xaddress": "name"}'
    )


def require_whole(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """The three options come together or not at all; else the command ends with its usage."""
    given = [options.witnessed is not None, options.quorum is not None, options.witnesses is not None]
    if any(given) and not all(given):
        parser.error("--witnessed, --quorum and --witnesses belong together")


def chain_of(node: Node) -> Told:
    """The chain that a node serves.

    Raises:
        ChainUnavailable: the node does not answer, or has no first block.
    """

    def hash_of(number: int) -> bytes | None:
        block = node.blocks([number])[0]
        return None if block is None else block.hash

    zero = hash_of(0)
    if zero is None:
        raise ChainUnavailable("eth_getBlockByNumber", "no first block")
    return Told(node.chain_id, zero, hash_of)


def judged(options: argparse.Namespace, files: Sequence[Path], chain: Told) -> Verdict:
    """The statements of the files, held against the chain.

    Raises:
        MalformedField: a statement, the witnesses or the quorum. OSError: a file cannot be read.
    """
    witnesses = read_witnesses(options.witnesses)
    if not 1 <= options.quorum <= len(set(witnesses.values())):
        raise MalformedField("quorum", "must be from 1 to the number of witnesses")
    statements = [one for path in files for one in read_statements(path)]
    return judge(statements, witnesses, options.quorum, chain)


def read_witnesses(path: Path) -> dict[bytes, str]:
    """Names of witnesses by address, each of one name.

    Raises:
        MalformedField: not such a file. OSError: it cannot be read.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedField("witnesses", "must be JSON") from None
    if not isinstance(body, dict) or not 0 < len(body) <= _MOST_WITNESSES:
        raise MalformedField("witnesses", "must be an object of addresses and names")
    found = {}
    for address, name in body.items():
        if not isinstance(name, str) or not 0 < len(name) <= 64 or not name.isprintable():
            raise MalformedField("witnesses", "must name each address in 1 to 64 characters")
        found[parse_address(address, "witnesses")] = name
    if len(found) != len(body) or len(set(found.values())) != len(found):
        raise MalformedField("witnesses", "must have each address and each name once")
    return found


def document_of(verdict: Verdict) -> dict[str, Any]:
    """The verdict for JSON."""
    return {"reached": verdict.reached, **asdict(verdict), "heights": dict(verdict.heights)}


def text_of(verdict: Verdict) -> str:
    """The verdict in words."""
    lines = [
        f"{one.kind}: block {one.block:,} is {one.was} by {', '.join(one.witnesses)}, and {one.now}"
        for one in verdict.findings
    ]
    for name, height in sorted(verdict.heights.items()):
        how = "executed" if name in verdict.executed else "headers linked"
        lines.append(f"{name} vouches for block {height:,} ({how})")
    lines += [f"{name} has signed blocks that this node lacks" for name in verdict.ahead]
    lines += [f"{address} has signed and is no witness" for address in verdict.strangers]
    if verdict.block < 0:
        lines.append(f"fewer than {verdict.quorum} witnesses vouch for this chain")
    else:
        lines.append(f"{verdict.quorum} or more vouch for this chain up to block {verdict.block:,}")
        lines.append("what is above that block is the operator's word")
    return "\n".join(lines)
