"""Chain transactions of type 2 (EIP-1559): their bytes, read and written, their hash, and the address a
creation gets."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.secp256k1 import keccak256

Item = bytes | int | list["Item"]


def rlp(item: Item) -> bytes:
    """The RLP form of bytes, a non-negative integer or a list of these."""
    if isinstance(item, list):
        body = b"".join(rlp(part) for part in item)
        return _prefix(len(body), 0xC0) + body
    raw = item if isinstance(item, bytes) else item.to_bytes((item.bit_length() + 7) // 8, "big")
    return raw if len(raw) == 1 and raw[0] < 0x80 else _prefix(len(raw), 0x80) + raw


def _prefix(length: int, base: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size


@dataclass(frozen=True, slots=True)
class Fee:
    """What a transaction bids per gas, in wei."""

    max_fee: int
    priority_fee: int

    def bumped(self, percent: int) -> Fee:
        """A bid that is higher by ``percent``, rounded up, so that a pool takes it as a replacement."""
        factor = 100 + percent
        return Fee(-(-self.max_fee * factor // 100), -(-max(self.priority_fee, 1) * factor // 100))


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A chain tx before its signature; ``to`` is None for a contract creation."""

    chain_id: int
    nonce: int
    fee: Fee
    gas: int
    to: bytes | None
    data: bytes

    def _body(self) -> list[Item]:
        return [
            self.chain_id, self.nonce, self.fee.priority_fee, self.fee.max_fee, self.gas, self.to or b"", 0,
            self.data, [],
        ]  # fmt: skip

    def encoded(self) -> bytes:
        """The bytes whose hash the sender signs."""
        return b"\x02" + rlp(self._body())

    def digest(self) -> bytes:
        """The 32 bytes that the sender signs."""
        return keccak256(self.encoded())

    def signed(self, signature: bytes) -> bytes:
        """The raw transaction with a 65-byte signature r, s, v (v 27 or 28)."""
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return b"\x02" + rlp([*self._body(), signature[64] - 27, r, s])


def hash_of(raw: bytes) -> bytes:
    """The transaction hash of raw bytes."""
    return keccak256(raw)


def created_address(sender: bytes, nonce: int) -> bytes:
    """The address of the contract that ``sender`` creates with ``nonce``."""
    return keccak256(rlp([sender, nonce]))[12:]


def call_of(raw: bytes) -> tuple[bytes | None, bytes]:
    """Recipient (None for a creation) and calldata of a raw transaction that ``Unsigned.signed`` wrote.

    Raises:
        ValueError: another type of transaction.
    """
    if raw[:1] != b"\x02":
        raise ValueError("not a transaction of type 2")
    fields, _ = _read(raw, 1)
    if not isinstance(fields, list) or not isinstance(fields[5], bytes) or not isinstance(fields[7], bytes):
        raise ValueError("malformed transaction")
    return fields[5] or None, fields[7]


def unsigned_of(raw: bytes) -> Unsigned:
    """The chain tx that ``Unsigned.encoded`` wrote like this, byte for byte.

    Raises:
        ValueError: another type, a value or an access list, or not the canonical form.
    """
    try:
        fields, _ = _read(raw, 1)
    except (IndexError, RecursionError):
        raise ValueError("cut off, or too deep") from None
    if not isinstance(fields, list) or len(fields) != 9:
        raise ValueError("not the fields of a transaction")
    plain = [field for field in fields[:8] if isinstance(field, bytes)]
    if len(plain) != 8 or len(plain[5]) not in (0, 20):
        raise ValueError("not the fields of a transaction")
    chain_id, nonce, priority_fee, max_fee, gas = (int.from_bytes(field, "big") for field in plain[:5])
    found = Unsigned(chain_id, nonce, Fee(max_fee, priority_fee), gas, plain[5] or None, plain[7])
    # Written anew it has no value, no access list and no other form: what differs says something else.
    if found.encoded() != raw:
        raise ValueError("not a transaction that we write")
    return found


def _read(raw: bytes, at: int) -> tuple[bytes | list[Item], int]:
    first = raw[at]
    if first < 0x80:
        return raw[at : at + 1], at + 1
    base = 0xC0 if first >= 0xC0 else 0x80
    length, start = first - base, at + 1
    if length > 55:
        start += length - 55
        length = int.from_bytes(raw[at + 1 : start], "big")
    if base == 0x80:
        return raw[start : start + length], start + length
    items: list[Item] = []
    end, at = start + length, start
    while at < end:
        item, at = _read(raw, at)
        items.append(item)
    return items, end
