"""Items on a bare EVM: a batch of them, and operations on it that the registry accepts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from eth_abi.abi import encode

from ledger_service.kernel.item_operations import AnchorItems, ClaimItem, VoidItem
from ledger_service.kernel.merkle import proof_of, root_of
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.besides import Besides
from tests.contracts.parties import ITEMS

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
class Iteming(Besides):
    """One alliance's registry of items."""

    artifact = ITEMS

    def root(self, items: Items, **changes: Any) -> AnchorItems:
        head = (self.op_id(), self.owner.gln, self.now)
        return replace(AnchorItems(*head, items.root, items.size, GTIN, LOT), **changes)

    def claim(self, items: Items, index: int, **changes: Any) -> ClaimItem:
        head, account = (self.op_id(), self.owner.gln, self.now), keccak256(b"member %d" % index)[12:]
        return replace(ClaimItem(*head, items.root, index, account), **changes)

    def void(self, items: Items, index: int, **changes: Any) -> VoidItem:
        return replace(VoidItem(self.op_id(), self.owner.gln, self.now, items.root, index), **changes)
