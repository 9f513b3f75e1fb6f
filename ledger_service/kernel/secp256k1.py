"""keccak256, addresses and recoverable secp256k1 signatures (65 bytes r, s, v; low s only).

libsecp256k1 does the curve: about 40 µs to recover, against 5 ms in pure Python.
"""

from __future__ import annotations

import sha3
from coincurve import PrivateKey, PublicKey

ADDRESS_BYTES = 20
SIGNATURE_BYTES = 65
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def keccak256(data: bytes) -> bytes:
    """The 32-byte Keccak-256 digest (Ethereum's, not SHA3-256)."""
    return bytes(sha3.keccak_256(data).digest())


def address_of_key(private_key: bytes) -> bytes:
    """The 20-byte address of a 32-byte private key."""
    return _address(PrivateKey(private_key).public_key)


def sign_digest(private_key: bytes, digest: bytes) -> bytes:
    """A deterministic (RFC 6979) low-s signature of a 32-byte digest: r ‖ s ‖ v with v 27 or 28."""
    raw = PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    return raw[:64] + bytes([27 + raw[64]])


def recover_address(digest: bytes, signature: bytes) -> bytes | None:
    """The address that signed the digest, or None for anything that is not a proper signature.

    High-s twins and other values of v than 27 and 28 are not proper, as in the contract.
    """
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        return None
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        return None
    raw = signature[:64] + bytes([signature[64] - 27])
    try:
        return _address(PublicKey.from_signature_and_message(raw, digest, hasher=None))
    except (ValueError, TypeError):
        return None


def _address(public_key: PublicKey) -> bytes:
    return keccak256(public_key.format(compressed=False)[1:])[-ADDRESS_BYTES:]


def address_text(address: bytes) -> str:
    """``0x`` and 40 hex digits in the mixed-case checksum form (ERC-55)."""
    plain = address.hex()
    digest = keccak256(plain.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) >= 8 else c for c, d in zip(plain, digest, strict=False))


class SigningKey:
    """A private key that is kept ready: signing with it costs a third of ``sign_digest``."""

    def __init__(self, private_key: bytes) -> None:
        """Take the 32 bytes of the key."""
        self._key = PrivateKey(private_key)
        self.address = _address(self._key.public_key)

    def sign(self, digest: bytes) -> bytes:
        """A deterministic low-s signature of a 32-byte digest, as ``sign_digest`` makes it."""
        raw = self._key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([27 + raw[64]])
