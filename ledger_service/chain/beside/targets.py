"""A contract beside the ClearingHouse as the relay sees it: where it stands, how its operations are read,
what they cost, what its refusals are called; and the calldata and logs that all such contracts share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from ledger_service.chain.artifacts import Artifact, load, type_of
from ledger_service.kernel import campaign_operations, item_operations
from ledger_service.kernel.beside import BesideOperation, Codec
from ledger_service.kernel.campaign_operations import CampaignKind
from ledger_service.kernel.coupon_operations import CODEC, TARGET, CouponKind
from ledger_service.kernel.item_operations import ItemKind
from ledger_service.kernel.secp256k1 import keccak256

_APPLIED = "0x" + keccak256(b"SignedBatchApplied(uint64,uint32,uint32,bytes32)").hex()
_REFUSED = "0x" + keccak256(b"OperationRefused(uint64,uint32,bytes16,bytes4)").hex()
_SLICES = "(uint64,bytes,(bytes,bytes32[])[])[]"


@dataclass(frozen=True, slots=True)
class Target:
    """One contract that takes signed batches.

    Args:
        name: as intents name it.
        address: where it stands.
        contract: its artifact, which names its refusals.
        codec: how its operations stand in payloads.
        gas: upper bounds by kind, with every slot new and without the witness.
    """

    name: str
    address: bytes
    contract: str
    codec: Codec
    gas: Mapping[int, int]

    @property
    def artifact(self) -> Artifact:
        """The compiled contract."""
        return load(self.contract)

    def reason_text(self, reason: bytes) -> str:
        """A refusal's name, as ``intent.reason`` writes it; its selector where the artifact has none."""
        name = _errors(self.contract).get(reason)
        return f"{name}()" if name else "0x" + reason.hex()

    def gas_of(self, operation: BesideOperation, witness: Sequence[bytes]) -> int:
        """An upper bound of what the operation needs."""
        return self.gas[operation.kind] + 1_200 * len(witness)


@dataclass(frozen=True, slots=True)
class SentOperation:
    """What is signed of an operation, and what proves it."""

    words: bytes
    witness: tuple[bytes, ...]

    @property
    def op_id(self) -> bytes:
        """The id in its second word."""
        return self.words[32:48]

    @property
    def leaf(self) -> bytes:
        """Its Merkle leaf."""
        return keccak256(self.words)


@dataclass(frozen=True, slots=True)
class SentSlice:
    """One merchant's operations of a batch, under its signature."""

    merchant: int
    signature: bytes
    operations: tuple[SentOperation, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What a contract's logs say of one batch; refusals are reasons by position."""

    number: int
    count: int
    root: bytes
    refusals: Mapping[int, bytes]


def calldata_of(target: Target, number: int, slices: Sequence[SentSlice]) -> bytes:
    """The call that hands the batch over."""
    written = [(s.merchant, s.signature, [(o.words, list(o.witness)) for o in s.operations]) for s in slices]
    return target.artifact.selector("submitBatch") + encode(["uint64", _SLICES], [number, written])


def batch_of(target: Target, data: bytes) -> tuple[int, list[SentOperation]] | None:
    """Number and operations of a call that hands over a batch; None for any other call."""
    if data[:4] != target.artifact.selector("submitBatch"):
        return None
    try:
        number, slices = decode(["uint64", _SLICES], data[4:])
    except DecodingError:
        return None
    return number, [SentOperation(words, tuple(proof)) for _, _, parts in slices for words, proof in parts]


def told_by(target: Target, logs: Sequence[Mapping[str, Any]]) -> Told | None:
    """What the target's own logs of one transaction say of its batch; None where it applied none.

    Raises:
        KeyError, IndexError, TypeError, ValueError: logs that cannot be those of the events.
    """
    mine = [log for log in logs if str(log["address"]).lower() == "0x" + target.address.hex()]
    refusals: dict[int, bytes] = {}
    applied: Told | None = None
    for log in mine:
        topics, data = log["topics"], bytes.fromhex(log["data"][2:])
        if topics[0] == _REFUSED:
            refusals[int(topics[2], 16)] = data[32:36]
        elif topics[0] == _APPLIED:
            count, refused = (int.from_bytes(data[at : at + 32], "big") for at in (0, 32))
            if refused != len(refusals):
                raise ValueError("another number of refusals than the batch has")
            applied = Told(int(topics[1], 16), count, data[64:96], refusals)
    return applied


@lru_cache(maxsize=16)
def _errors(contract: str) -> dict[bytes, str]:
    known = {}
    for entry in load(contract).abi:
        if entry["type"] == "error":
            text = f"{entry['name']}({','.join(type_of(p) for p in entry['inputs'])})"
            known[keccak256(text.encode())[:4]] = str(entry["name"])
    return known


def coupons_at(address: bytes) -> Target:
    """The AllianceCoupons contract."""
    gas = {
        CouponKind.TYPE: 190_000, CouponKind.ROOT: 150_000, CouponKind.CONSUME: 75_000,
        CouponKind.REVERSE: 130_000, CouponKind.GIVE: 160_000,
    }  # fmt: skip
    return Target(TARGET, address, "AllianceCoupons", CODEC, {int(kind): most for kind, most in gas.items()})


def items_at(address: bytes) -> Target:
    """The ItemRegistry contract."""
    gas = {ItemKind.ROOT: 130_000, ItemKind.CLAIM: 60_000, ItemKind.VOID: 60_000}
    bounds = {int(kind): most for kind, most in gas.items()}
    return Target(item_operations.TARGET, address, "ItemRegistry", item_operations.CODEC, bounds)


def campaigns_at(address: bytes) -> Target:
    """The CampaignDesk contract."""
    gas = {CampaignKind.OPEN: 130_000, CampaignKind.PROMISE: 70_000, CampaignKind.RETURN: 45_000}
    bounds = {int(kind): most for kind, most in gas.items()}
    return Target(campaign_operations.TARGET, address, "CampaignDesk", campaign_operations.CODEC, bounds)
