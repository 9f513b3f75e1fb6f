"""`alliance conformance`: hold a token against docs/alliance-points-standard.md, rule by rule.

It needs a JSON-RPC node that serves `eth_simulateV1`, and no key. Nothing is sent to the chain: batches are
simulated as the ClearingHouse in force, so a token in use can be judged too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing

from ledger_service.api.hexadecimal import parse_address
from ledger_service.chain.client import Node
from ledger_service.chain.standard.judging import FAILED, Verdict, judge
from ledger_service.chain.standard.subject import Subject, Unreadable, subject_of
from ledger_service.chain.transport import Transport
from ledger_service.cli.wording import why_it_ended
from ledger_service.kernel.errors import DomainError


def main(argv: Sequence[str]) -> int:
    """Exit with 0 where no rule failed, 1 where one did, 2 where the token could not be judged."""
    options = _parser().parse_args(argv)
    try:
        with closing(Transport(options.rpc, timeout_seconds=120)) as transport:
            registry = None if options.registry is None else parse_address(options.registry, "registry")
            subject = subject_of(Node(transport), parse_address(options.token, "token"), registry)
            verdicts = judge(subject)
            document = _document(subject, verdicts)
    except (DomainError, Unreadable, ValueError) as failure:
        why = why_it_ended(failure) if isinstance(failure, DomainError) else failure
        print(f"alliance conformance: {why}", file=sys.stderr)
        return 2
    print(json.dumps(document, indent=1) if options.json else "\n".join(_text(verdicts)))
    return 1 if any(v.outcome == FAILED for v in verdicts) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alliance conformance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("token", help="its address")
    parser.add_argument("--rpc", required=True, metavar="URL", help="of a node of its chain")
    parser.add_argument("--registry", metavar="ADDRESS", help="of the alliance (default: the one it names)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _document(on: Subject, verdicts: Sequence[Verdict]) -> dict[str, object]:
    rules = [
        {"rule": v.rule.name, "title": v.rule.title, "outcome": v.outcome, "seen": v.seen} for v in verdicts
    ]
    return {
        "chain_id": on.node.chain_id, "token": "0x" + on.token.hex(), "registry": "0x" + on.registry.hex(),
        "programme": on.programme, "conforms": all(v.outcome != FAILED for v in verdicts), "rules": rules,
    }  # fmt: skip


def _text(verdicts: Sequence[Verdict]) -> list[str]:
    lines = []
    for v in verdicts:
        lines.append(f"{v.outcome:<15}{v.rule.name:<8}{v.rule.title}")
        lines += [f"{'':<15}{v.seen}"] if v.seen else []
    failed = sum(v.outcome == FAILED for v in verdicts)
    return [*lines, f"{failed} rules failed" if failed else "the token conforms"]
