"""Contracts beside the house on a bare EVM: batches as the relay sends them, written without the service's
encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar

from eth_abi.abi import encode

from ledger_service.chain.artifacts import Artifact
from ledger_service.kernel.beside import BesideOperation
from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.merkle import root_of
from ledger_service.kernel.secp256k1 import keccak256, sign_digest
from tests.contracts.alliance import Alliance
from tests.contracts.couponing import SLICE
from tests.contracts.evm import CHAIN_ID, Receipt
from tests.contracts.parties import RELAYER, Merchant
from tests.contracts.refusals import name_of


@dataclass
class Besides:
    """One alliance's contract beside the house, whose operations need no witness."""

    artifact: ClassVar[Artifact]
    alliance: Alliance
    number: int = 0
    _ids: Any = field(default_factory=lambda: count(1))

    @property
    def now(self) -> int:
        return self.alliance.evm.now

    @property
    def owner(self) -> Merchant:
        return self.alliance.merchants[0]

    def op_id(self) -> bytes:
        return keccak256(f"{self.artifact.contract} {next(self._ids)}".encode())[:16]

    def apply(self, *operations: BesideOperation, words: Sequence[bytes] = ()) -> list[str | None]:
        """Send the operations, or these ``words`` for theirs, as one batch; why each was refused."""
        self.number += 1
        signed = list(words) or [operation.words() for operation in operations]
        gln = operations[0].merchant
        self.receipt = self.send(self.number, gln, signed)
        refused = _refusals(self.receipt)
        leaves = [keccak256(one) for one in signed]
        outcomes = [
            keccak256(encode(["bytes32", "bytes4", "uint32"], [leaf, refused[at], at]))
            if at in refused else leaf
            for at, leaf in enumerate(leaves)
        ]  # fmt: skip
        assert self.ask("rootOf", self.number) == root_of(outcomes)
        return [name_of(refused[at]) if at in refused else None for at in range(len(signed))]

    def send(self, number: int, gln: int, signed: Sequence[bytes]) -> Receipt:
        place = self.alliance.address_of(self.artifact)
        domain = Domain(CHAIN_ID, place, "Alliance Batches")
        leaves = b"".join(keccak256(one) for one in signed)
        key = next(m.operations for m in self.alliance.merchants if m.gln == gln)
        signature = sign_digest(key, domain.digest(struct_hash(SLICE, number, gln, keccak256(leaves))))
        slices = [[gln, signature, [[one, []] for one in signed]]]
        return self.alliance.evm.send(RELAYER, place, self.artifact.call_data("submitBatch", number, slices))

    def applied(self, *operations: BesideOperation) -> None:
        """All of the operations take effect."""
        assert self.apply(*operations) == [None] * len(operations)

    def refused(self, reason: str, *operations: BesideOperation) -> None:
        """Each of the operations is refused for this reason."""
        assert self.apply(*operations) == [reason] * len(operations)

    def ask(self, function: str, *arguments: object) -> Any:
        return self.alliance.ask(self.artifact, function, *arguments)[0]


def _refusals(receipt: Receipt) -> dict[int, bytes]:
    topic = keccak256(b"OperationRefused(uint64,uint32,bytes16,bytes4)")
    logs = [log for log in receipt.logs if log.topics[0] == topic]
    return {int.from_bytes(log.topics[2], "big"): log.data[32:36] for log in logs}
