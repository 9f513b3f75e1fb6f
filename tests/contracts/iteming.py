"""Items on a bare EVM: batches as the relay sends them, written without the service's encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from eth_abi.abi import encode

from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.item_operations import AnchorItems, ClaimItem, ItemOperation, VoidItem
from ledger_service.kernel.merkle import proof_of, root_of
from ledger_service.kernel.secp256k1 import keccak256, sign_digest
from tests.contracts.alliance import Alliance
from tests.contracts.couponing import SLICE
from tests.contracts.evm import CHAIN_ID, Receipt
from tests.contracts.parties import ITEMS, RELAYER, Merchant
from tests.contracts.refusals import name_of

GTIN = 9506000134352
LOT = b"L-24".ljust(32, b"\0")


@dataclass
class Items:
    """A batch of items and the tree over them; leaves by the ABI encoder's own hand."""

    size: int
    name: str = "items"

    def __post_init__(self) -> None:
        self.serials = [f"{at:012d}".encode().ljust(32, b"\0") for at in range(self.size)]
        self.salts = [keccak256(f"{self.name}{at}".encode()) for at in range(self.size)]
        types = ["uint256", "uint64", "bytes32", "bytes32"]
        rows = zip(range(self.size), self.serials, self.salts, strict=True)
        self.leaves = [keccak256(encode(types, [at, GTIN, serial, salt])) for at, serial, salt in rows]
        self.root = root_of(self.leaves)

    def proof(self, at: int) -> list[bytes]:
        return proof_of(self.leaves, at)


@dataclass
class Iteming:
    """One alliance's registry of items."""

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
        return keccak256(f"item {next(self._ids)}".encode())[:16]

    def root(self, items: Items, **changes: Any) -> AnchorItems:
        head = (self.op_id(), self.owner.gln, self.now)
        return replace(AnchorItems(*head, items.root, items.size, GTIN, LOT), **changes)

    def claim(self, items: Items, index: int, **changes: Any) -> ClaimItem:
        head, account = (self.op_id(), self.owner.gln, self.now), keccak256(b"member %d" % index)[12:]
        return replace(ClaimItem(*head, items.root, index, account), **changes)

    def void(self, items: Items, index: int, **changes: Any) -> VoidItem:
        return replace(VoidItem(self.op_id(), self.owner.gln, self.now, items.root, index), **changes)

    def apply(self, *operations: ItemOperation, words: Sequence[bytes] = ()) -> list[str | None]:
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
        domain = Domain(CHAIN_ID, self.alliance.items, "Alliance Batches")
        leaves = b"".join(keccak256(one) for one in signed)
        key = next(m.operations for m in self.alliance.merchants if m.gln == gln)
        signature = sign_digest(key, domain.digest(struct_hash(SLICE, number, gln, keccak256(leaves))))
        slices = [[gln, signature, [[one, []] for one in signed]]]
        return self.alliance.evm.send(
            RELAYER, self.alliance.items, ITEMS.call_data("submitBatch", number, slices)
        )

    def applied(self, *operations: ItemOperation) -> None:
        """All of the operations take effect."""
        assert self.apply(*operations) == [None] * len(operations)

    def refused(self, reason: str, *operations: ItemOperation) -> None:
        """Each of the operations is refused for this reason."""
        assert self.apply(*operations) == [reason] * len(operations)

    def ask(self, function: str, *arguments: object) -> Any:
        return self.alliance.ask(ITEMS, function, *arguments)[0]


def _refusals(receipt: Receipt) -> dict[int, bytes]:
    topic = keccak256(b"OperationRefused(uint64,uint32,bytes16,bytes4)")
    logs = [log for log in receipt.logs if log.topics[0] == topic]
    return {int.from_bytes(log.topics[2], "big"): log.data[32:36] for log in logs}
