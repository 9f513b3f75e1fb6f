"""One receipt against a chain, for whoever has a node and nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal
from ledger_service.chain.proof_reading import ReadProof
from ledger_service.checkout.receipts import receipt_digest
from ledger_service.kernel.secp256k1 import recover_address

_NOBODY, _NO_ROOT = bytes(20), bytes(32)


@dataclass(frozen=True, slots=True)
class House:
    """The ClearingHouse that the asker trusts; ``registry`` where it also says whose house that must be."""

    address: bytes
    registry: bytes | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A till's signed receipt, and the key that the alliance publishes for receipts, if it is named."""

    receipt: Mapping[str, Any]
    signer: bytes | None = None


@dataclass(slots=True)
class ReceiptVerdict:
    """What came of it: what stands on the chain, what is on no block yet, and whatever speaks against it."""

    proven: list[ReadProof] = field(default_factory=list)
    waiting: list[ReadProof] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


def verify_receipt(
    node: Node, house: House, proofs: Sequence[ReadProof], paper: Paper | None
) -> ReceiptVerdict:
    """Hold each proof against the contract's own roots, and a till's receipt against the proofs.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    verdict = ReceiptVerdict()
    asked = _House(node, house.address)
    if house.registry is not None and asked.registry() != house.registry:
        verdict.findings.append("house-foreign: the ClearingHouse is not of the registry that you named")
    for proof in proofs:
        root = None if proof.batch is None else asked.root_of(proof.batch)
        found = proof.findings(node.chain_id, root)
        verdict.findings += [f"operation {proof.operation.hex()}: {one}" for one in found]
        if not found:
            (verdict.waiting if proof.batch is None else verdict.proven).append(proof)
    if paper is not None:
        verdict.findings += _of_paper(paper, proofs)
    return verdict


def _of_paper(paper: Paper, proofs: Sequence[ReadProof]) -> list[str]:
    body = {name: value for name, value in paper.receipt.items() if name != "signature"}
    found = []
    try:
        signature = bytes.fromhex(str(paper.receipt.get("signature", "")).removeprefix("0x"))
        signer = recover_address(receipt_digest(body), signature)
    except (TypeError, ValueError):
        signer = None
    if signer is None or paper.signer not in (None, signer):
        found.append("signature-wrong: the receipt is not signed by that key")
    if paper.signer is None:
        told = "nobody" if signer is None else f"0x{signer.hex()}"
        found.append(f"signer-unnamed: signed by {told}; name the alliance's receipt_signer")
    had = {proof.leaf.hex() for proof in proofs}
    promised = body.get("operations")
    leaves = promised if isinstance(promised, list) else []
    found += [f"leaf-unproven: no proof was given of {leaf}" for leaf in leaves if leaf not in had]
    return found


@dataclass(frozen=True, slots=True)
class _House:
    node: Node
    address: bytes

    def root_of(self, batch: int) -> bytes | None:
        """The contract's root; of a predecessor's batches it asks that one."""
        root = bytes(self._ask("rootOf", batch))
        return None if root == _NO_ROOT else root

    def registry(self) -> bytes:
        return bytes.fromhex(str(self._ask("registry"))[2:])

    def _ask(self, function: str, *arguments: object) -> Any:
        artifact = load("ClearingHouse")
        data = artifact.call_data(function, *arguments)
        answer = self.node.call(CallAt(_NOBODY, self.address, data, at="latest"))
        if isinstance(answer, NodeRefusal) or not answer:
            raise ChainUnavailable("eth_call", f"ClearingHouse.{function} does not answer")
        return artifact.answer_of(function, answer)[0]
