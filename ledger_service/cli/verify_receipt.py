"""`alliance verify receipt`: what a receipt says happened, held against the chain by whoever holds it.

Needs a node, the ClearingHouse's address and the proofs of the receipt's operations as the page *Proof*
saves them (`GET /v1/operations/OPERATION/proof`); no database and no key. Each operation is put together
from its facts and hashed, and must lead to the root that the contract itself names. With --receipt also a
till's signed receipt is held against the proofs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ledger_service.api.hexadecimal import parse_address
from ledger_service.bootstrap.chain_parts import node_of
from ledger_service.bootstrap.receipt_verifying import House, Paper, ReceiptVerdict, verify_receipt
from ledger_service.chain.errors import NodeRefusal
from ledger_service.chain.proof_reading import MOST_BYTES, ProofUnreadable, ReadProof, read_proof
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError

ALTERED, CANNOT_TELL, MISSING = 1, 2, 3


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when all stands on the chain, 1 when something differs, 3 when it is in no block yet, 2
    when it cannot be told."""
    options = _parser().parse_args(argv[1:])
    settings = settings_from_environment()
    if options.rpc is not None:
        settings = replace(settings, chain_url=options.rpc)
    try:
        house = House(
            parse_address(options.clearing_house, "clearing-house"),
            None if options.registry is None else parse_address(options.registry, "registry"),
        )
        proofs = [read_proof(_json(path)) for path in options.proof]
        node = node_of(settings)
        with closing(node.transport):
            verdict = verify_receipt(node, house, proofs, _paper(options))
    except (ProofUnreadable, DomainError, NodeRefusal, OSError) as failure:
        unreadable = isinstance(failure, ProofUnreadable)
        why = f"the file is no proof: {failure}" if unreadable else why_it_ended(failure)
        print(f"alliance verify: {why}", file=sys.stderr)
        return CANNOT_TELL
    print(json.dumps(_document(verdict)) if options.json else _text(verdict))
    return ALTERED if verdict.findings else MISSING if verdict.waiting else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alliance verify receipt", description=__doc__)
    parser.add_argument(
        "proof", type=Path, nargs="+", metavar="PROOF", help="a file that the page of a proof saves"
    )
    parser.add_argument("--clearing-house", required=True, help="address of the one in force, or a later one")
    parser.add_argument("--registry", help="address of the AllianceRegistry whose house that must be")
    parser.add_argument("--rpc", metavar="URL", help="the chain (default: ALLIANCE_CHAIN_URL)")
    parser.add_argument("--receipt", type=Path, metavar="FILE", help="a till's signed receipt, JSON")
    parser.add_argument("--signer", help="address of the alliance's receipt_signer (GET /v1/alliance)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _json(path: Path) -> object:
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise ProofUnreadable(f"more than {MOST_BYTES} bytes")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as odd:
        raise ProofUnreadable(f"no JSON: {odd}") from None


def _paper(options: argparse.Namespace) -> Paper | None:
    if options.receipt is None:
        return None
    receipt = _json(options.receipt)
    if not isinstance(receipt, dict):
        raise ProofUnreadable("the receipt is no object")
    return Paper(receipt, None if options.signer is None else parse_address(options.signer, "signer"))


def _document(verdict: ReceiptVerdict) -> dict[str, object]:
    return {
        "proven": [_told(one) for one in verdict.proven],
        "waiting": [_told(one) for one in verdict.waiting],
        "findings": verdict.findings,
    }


def _told(one: ReadProof) -> dict[str, object]:
    return {"operation": one.operation.hex(), "kind": one.kind, "batch": one.batch}


def _text(verdict: ReceiptVerdict) -> str:
    lines = [f"{one.kind} {one.operation.hex()}: proven, in batch {one.batch}" for one in verdict.proven]
    lines += [
        f"{one.kind} {one.operation.hex()}: in no block yet; save its proof again later"
        for one in verdict.waiting
    ]
    word = f"{len(verdict.findings)} findings" if verdict.findings else "receipt = chain"
    return "\n".join(
        [*lines, *verdict.findings, word if not verdict.waiting or verdict.findings else "not yet"]
    )
