"""An operation's proof as a file tells it, held against what a contract says; pure.

The file is what ``GET /v1/operations/OPERATION/proof`` answers. Nothing in it is believed: the operation is
put together from its facts and hashed, and the path is climbed to the root that the ClearingHouse names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ledger_service.kernel import operations
from ledger_service.kernel.merkle import verify
from ledger_service.kernel.points import Leg

_KINDS = {
    one.kind.name.lower(): one
    for one in (
        operations.Issue, operations.Redeem, operations.Restore, operations.Clawback, operations.Expire,
        operations.Gift, operations.SignerChange, operations.AccountMove, operations.Extend,
        operations.Convert,
    )
}  # fmt: skip
# A leaf binds neither: the contract judged them before it took the operation.
_UNBOUND = ("signature", "authorisation")
_LEG = ("programme_id", "terms_version", "epoch", "amount")
MOST_BYTES = 1 << 20
_HASH_BYTES = 32


class ProofUnreadable(ValueError):
    """The file is no proof of an operation."""


@dataclass(frozen=True, slots=True)
class ReadProof:
    """What a file says: the leaf that its facts come to, the one that it names, and the place on the chain.

    ``batch`` is None where the operation was in no block when the file was written.
    """

    operation: bytes
    kind: str
    leaf: bytes
    named_leaf: bytes
    chain_id: int
    batch: int | None
    path: tuple[bytes, ...]
    named_root: bytes

    def findings(self, chain_id: int, root: bytes | None) -> list[str]:
        """Whatever speaks against the proof, in words; empty where the operation stands on the chain.

        Args:
            chain_id: of the node that was asked.
            root: of the batch, as the contract names it; None where it knows no such batch.
        """
        found = []
        if self.leaf != self.named_leaf:
            found.append("facts-altered: the facts do not come to the leaf that stands beside them")
        if self.chain_id != chain_id:
            found.append(f"other-chain: the file is about chain {self.chain_id}, the node serves {chain_id}")
        if self.batch is not None and root is None:
            found.append(f"batch-unknown: the contract knows no batch {self.batch}")
        if root is not None and root != self.named_root:
            found.append(f"root-differs: the contract has another root for batch {self.batch}")
        if root is not None and not verify(self.leaf, self.path, root):
            found.append("path-wrong: the path does not lead from the facts to the contract's root")
        return found


def read_proof(document: object) -> ReadProof:
    """What the document says.

    Raises:
        ProofUnreadable: a part is missing, or is not what it should be.
    """
    try:
        if not isinstance(document, Mapping):
            raise ProofUnreadable("no object")
        return _read(document)
    except (KeyError, TypeError, ValueError, OverflowError) as odd:
        raise ProofUnreadable(f"{type(odd).__name__}: {odd}") from None


def _read(document: Mapping[str, Any]) -> ReadProof:
    kind, proof, facts = _KINDS[document["kind"]], document["proof"], document["facts"]
    op_id = bytes.fromhex(document["operation"])
    given: dict[str, Any] = {f.name: b"" for f in fields(kind) if f.name in _UNBOUND} | {"op_id": op_id}
    given |= {f.name: _value(f.name, str(f.type), facts) for f in fields(kind) if f.name not in given}
    leaf = kind(**given).leaf()
    return ReadProof(
        op_id, document["kind"], leaf, _hash(document["leaf"]), int(document["chain_id"]),
        None if proof is None else int(proof["batch"]),
        () if proof is None else tuple(map(_hash, proof["path"])),
        b"" if proof is None else _hash(proof["root"]),
    )  # fmt: skip


def _value(name: str, kind: str, facts: Mapping[str, Any]) -> Any:
    value = facts[name]
    if kind == "int":
        return int(value)
    if kind == "bytes":
        return bytes.fromhex(value.removeprefix("0x"))
    return _leg(value) if kind == "Leg" else tuple(map(_leg, value))


def _leg(value: Mapping[str, int]) -> Leg:
    return Leg(*(int(value[name]) for name in _LEG))


def _hash(text: str) -> bytes:
    raw = bytes.fromhex(text.removeprefix("0x"))
    if len(raw) != _HASH_BYTES:
        raise ProofUnreadable("a hash has 32 bytes")
    return raw
