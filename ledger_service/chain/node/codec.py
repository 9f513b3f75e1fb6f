"""Text forms of JSON-RPC values (quantities, data), Keccak-256, and the little RLP the hot path needs."""

from __future__ import annotations

import re

from sha3 import keccak_256

from ledger_service.chain.node.errors import InvalidParams


def keccak(value: bytes) -> bytes:
    """Keccak-256 of bytes."""
    digest: bytes = keccak_256(value).digest()
    return digest


EMPTY_ITEM = b"\x80"
BLANK_ROOT = keccak(EMPTY_ITEM)
EMPTY_CODE_HASH = keccak(b"")

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})\Z")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*\Z")


def quantity(value: int) -> str:
    """The 0x-hex form of an integer, without leading zeros."""
    return hex(value)


def data(value: bytes) -> str:
    """The 0x-hex form of bytes."""
    return "0x" + value.hex()


def parse_quantity(value: object, name: str) -> int:
    """The integer of a JSON-RPC quantity.

    Raises:
        InvalidParams: not a 0x-hex string of at most 256 bits without leading zeros.
    """
    if isinstance(value, str) and _QUANTITY.match(value):
        return int(value, 16)
    raise InvalidParams(f"{name}: expected a hex quantity such as 0x1f")


def parse_data(value: object, name: str, size: int | None = None) -> bytes:
    """The bytes of a JSON-RPC data value, `size` bytes long when a size is given.

    Raises:
        InvalidParams: not 0x-hex, or of another length.
    """
    if not isinstance(value, str) or not _DATA.match(value):
        raise InvalidParams(f"{name}: expected 0x-prefixed hex bytes")
    raw = bytes.fromhex(value[2:])
    if size is not None and len(raw) != size:
        raise InvalidParams(f"{name}: expected {size} bytes, got {len(raw)}")
    return raw


def rlp_string(value: bytes) -> bytes:
    """RLP of one byte string."""
    size = len(value)
    if size == 1 and value[0] < 0x80:
        return value
    if size < 56:
        return bytes((0x80 + size,)) + value
    return _long_header(0xB7, size) + value


def rlp_list(payload: bytes) -> bytes:
    """RLP of a list whose items are already encoded and joined."""
    size = len(payload)
    if size < 56:
        return bytes((0xC0 + size,)) + payload
    return _long_header(0xF7, size) + payload


def rlp_int(value: int) -> bytes:
    """RLP of a non-negative integer (big-endian, no leading zeros)."""
    return rlp_string(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _long_header(offset: int, size: int) -> bytes:
    width = (size.bit_length() + 7) // 8
    return bytes((offset + width,)) + size.to_bytes(width, "big")
