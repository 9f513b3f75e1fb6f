"""EIP-712 digests: the domain of the ClearingHouse and struct hashes of fixed-size members."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from ledger_service.kernel.secp256k1 import keccak256

_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
NAME = "Alliance Ledger"
RECOVERY_NAME = "Alliance Recovery"
VERSION = "1"


def word(value: int | bytes) -> bytes:
    """One ABI word: integers and addresses right-aligned, 32-byte hashes as they are.

    Bytes of other lengths than 20 and 32 are refused with ``ValueError``.
    """
    if isinstance(value, int):
        return value.to_bytes(32, "big")
    if len(value) == 20:
        return bytes(12) + value
    if len(value) != 32:
        raise ValueError("neither an address nor a 32-byte value")
    return value


@lru_cache(maxsize=64)
def type_hash(signature: str) -> bytes:
    """keccak256 of a struct type's signature."""
    return keccak256(signature.encode())


def struct_hash(signature: str, *members: int | bytes) -> bytes:
    """The hash of a struct whose members all are one word."""
    return keccak256(type_hash(signature) + b"".join([word(m) for m in members]))


@dataclass(frozen=True)
class Domain:
    """The contract of one alliance for which a signature counts: its house, or its recovery desk."""

    chain_id: int
    clearing_house: bytes
    name: str = NAME

    @cached_property
    def separator(self) -> bytes:
        """The EIP-712 domain separator (32 bytes)."""
        name, version = keccak256(self.name.encode()), keccak256(VERSION.encode())
        return struct_hash(_DOMAIN_TYPE, name, version, self.chain_id, self.clearing_house)

    @cached_property
    def tag(self) -> bytes:
        """Four bytes that tell alliances apart in a pay code."""
        return self.separator[:4]

    def digest(self, struct: bytes) -> bytes:
        """The 32 bytes that are signed for a struct hash."""
        return keccak256(b"\x19\x01" + self.separator + struct)
