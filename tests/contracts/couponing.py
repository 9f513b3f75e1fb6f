"""Coupons on a bare EVM: batches as the relay sends them, written without the service's encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from eth_abi.abi import encode

from ledger_service.kernel.coupon_operations import (
    NO_ROOT,
    NOBODY,
    AnchorRoot,
    Consume,
    CouponOperation,
    Give,
    RegisterType,
    Reverse,
    TransferRule,
    coupon_id,
    serial_word,
)
from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.merkle import proof_of, root_of
from ledger_service.kernel.secp256k1 import keccak256, sign_digest
from tests.contracts.alliance import Alliance
from tests.contracts.evm import CHAIN_ID, Receipt
from tests.contracts.parties import COUPONS, DAY, RELAYER, Merchant
from tests.contracts.refusals import name_of

GCN = 9506000123455
OTHER_GCN = 9506000987651
SLICE = "Slice(uint64 batch,uint64 merchant,bytes32 operationsHash)"


@dataclass
class Codes:
    """A code list: openings, ids and the tree over them."""

    count: int
    name: str = "codes"
    gcn: int = GCN
    first: int = 0
    digits: int = 6

    def __post_init__(self) -> None:
        serials = [str(self.first + at).zfill(self.digits) for at in range(self.count)]
        self.ids = [coupon_id(self.gcn, serial) for serial in serials]
        self.openings = [keccak256(f"{self.name}{at}".encode()) for at in range(self.count)]
        pairs = zip(self.ids, self.openings, strict=True)
        self.leaves = [keccak256(encode(["uint256", "bytes32"], [i, keccak256(o)])) for i, o in pairs]
        self.root = root_of(self.leaves)


@dataclass
class Couponing:
    """One alliance's coupon contract. ``outcomes`` are those of each batch, by its number."""

    alliance: Alliance
    number: int = 0
    outcomes: dict[int, list[bytes]] = field(default_factory=dict)
    placed: dict[bytes, tuple[int, int, CouponOperation]] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: count(1))

    def op_id(self) -> bytes:
        return keccak256(f"coupon {next(self._ids)}".encode())[:16]

    @property
    def now(self) -> int:
        return self.alliance.evm.now

    @property
    def owner(self) -> Merchant:
        return self.alliance.merchants[0]

    @property
    def rival(self) -> Merchant:
        return self.alliance.merchants[1]

    def type(self, by: Merchant | None = None, **changes: Any) -> RegisterType:
        window, gln = (self.now - DAY, self.now + 60 * DAY), (by or self.owner).gln
        made = RegisterType(
            self.op_id(), gln, self.now, GCN, 1, 1_000, *window, TransferRule.ONCE, 0, keccak256(b"terms")
        )
        return replace(made, **changes)

    def root(self, codes: Codes, by: Merchant | None = None) -> AnchorRoot:
        first = serial_word(str(codes.first).zfill(codes.digits))
        gln = (by or self.owner).gln
        return AnchorRoot(self.op_id(), gln, self.now, codes.gcn, codes.root, first, codes.count)

    def consume(self, codes: Codes, at: int, by: Merchant | None = None) -> Consume:
        proof = tuple(proof_of(codes.leaves, at))
        where = (codes.ids[at], NOBODY, codes.root, codes.openings[at], proof)
        return Consume(self.op_id(), (by or self.rival).gln, self.now, *where)

    def consume_open(self, serial: str, by: Merchant | None = None) -> Consume:
        where = (coupon_id(GCN, serial), NOBODY, NO_ROOT, bytes(32), ())
        return Consume(self.op_id(), (by or self.rival).gln, self.now, *where)

    def reverse(self, used: Consume) -> Reverse:
        leaf = keccak256(used.words())
        return Reverse(self.op_id(), used.merchant, self.now, used.coupon, used.op_id, leaf)

    def give(self, coupon: int, account: bytes, recipient: bytes) -> Give:
        return Give(self.op_id(), self.owner.gln, self.now, coupon, account, recipient)

    # Batches

    def slices(self, number: int, operations: Sequence[CouponOperation]) -> list[list[Any]]:
        """Merchant, signature and operations, as the contract takes them."""
        made = []
        for gln in sorted({operation.merchant for operation in operations}):
            mine = [operation for operation in operations if operation.merchant == gln]
            signature = self.signature(number, gln, [keccak256(o.words()) for o in mine])
            made.append([gln, signature, [[o.words(), list(self.witness(o))] for o in mine]])
        return made

    def signature(self, number: int, gln: int, leaves: Sequence[bytes]) -> bytes:
        domain = Domain(CHAIN_ID, self.alliance.coupons, "Alliance Batches")
        digest = domain.digest(struct_hash(SLICE, number, gln, keccak256(b"".join(leaves))))
        key = next((m.operations for m in self.alliance.merchants if m.gln == gln), b"\x01".rjust(32, b"\0"))
        return sign_digest(key, digest)

    def witness(self, operation: CouponOperation) -> tuple[bytes, ...]:
        if not isinstance(operation, Reverse) or operation.original_leaf not in self.placed:
            return operation.witness(None)
        number, place, used = self.placed[operation.original_leaf]
        assert isinstance(used, Consume)
        words = [number, int.from_bytes(used.op_id + bytes(16), "big"), used.accepted_at]
        head = [value.to_bytes(32, "big") for value in (*words, int.from_bytes(used.account, "big"))]
        return (*head, used.root, used.opening, *proof_of(self.outcomes[number], place))

    def send(self, number: int, slices: list[list[Any]]) -> Receipt:
        data = COUPONS.call_data("submitBatch", number, slices)
        return self.alliance.evm.send(RELAYER, self.alliance.coupons, data)

    def apply(
        self, *operations: CouponOperation, falsify: Callable[[list[list[Any]]], None] | None = None
    ) -> list[str | None]:
        """Send the operations as one batch; why each was refused, in the order in which they were given.

        The batch's root must be the one over its outcomes, and its counts those of the events.
        """
        self.number += 1
        slices = self.slices(self.number, operations)
        if falsify:
            falsify(slices)
        self.receipt = self.send(self.number, slices)
        ordered = sorted(operations, key=lambda o: o.merchant)
        refused = self._refusals(self.receipt)
        leaves = [keccak256(operation.words()) for operation in ordered]
        outcomes = [
            keccak256(encode(["bytes32", "bytes4", "uint32"], [leaf, refused[at][1], at]))
            if at in refused else leaf
            for at, leaf in enumerate(leaves)
        ]  # fmt: skip
        told = self.alliance.ask(COUPONS, "rootOf", self.number)[0]
        assert told == root_of(outcomes)
        self.outcomes[self.number] = outcomes
        for at, (operation, leaf) in enumerate(zip(ordered, leaves, strict=True)):
            self.placed.setdefault(leaf, (self.number, at, operation))
        why = {op_id: name_of(reason) for op_id, reason in refused.values()}
        return [why.get(operation.op_id) for operation in operations]

    def refused(self, reason: str, *operations: CouponOperation) -> None:
        """Each of the operations is refused for this reason, and the batch goes on."""
        assert self.apply(*operations) == [reason] * len(operations)

    def applied(self, *operations: CouponOperation) -> None:
        """All of the operations take effect."""
        assert self.apply(*operations) == [None] * len(operations)

    def _refusals(self, receipt: Receipt) -> dict[int, tuple[bytes, bytes]]:
        topic = keccak256(b"OperationRefused(uint64,uint32,bytes16,bytes4)")
        logs = [log for log in receipt.logs if log.topics[0] == topic]
        return {int.from_bytes(log.topics[2], "big"): (log.data[:16], log.data[32:36]) for log in logs}

    def is_consumed(self, coupon: int) -> bool:
        return bool(self.alliance.ask(COUPONS, "isConsumed", coupon)[0])

    def balance(self, account: bytes, coupon: int) -> int:
        return int(self.alliance.ask(COUPONS, "balanceOf", account, coupon)[0])
