"""Base45 (RFC 9285): bytes as the 45 characters of a QR code's alphanumeric mode, decoded strictly."""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {c: i for i, c in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """Three characters for two bytes, two for a last odd one, least significant first."""
    out = []
    for i in range(0, len(data) - 1, 2):
        high, rest = divmod(data[i] << 8 | data[i + 1], 45 * 45)
        middle, low = divmod(rest, 45)
        out.append(ALPHABET[low] + ALPHABET[middle] + ALPHABET[high])
    if len(data) % 2:
        high, low = divmod(data[-1], 45)
        out.append(ALPHABET[low] + ALPHABET[high])
    return "".join(out)


def decode(text: str) -> bytes:
    """The bytes whose one encoding is ``text``.

    Raises:
        ValueError: a character outside the alphabet, an impossible length, or a group whose value
            no bytes can have; so no two texts decode to the same bytes.
    """
    try:
        values = [_VALUE[c] for c in text]
    except KeyError:
        raise ValueError("character outside the alphabet") from None
    if len(values) % 3 == 1:
        raise ValueError("impossible length")
    out = bytearray()
    whole = len(values) - len(values) % 3
    for i in range(0, whole, 3):
        value = values[i] + 45 * values[i + 1] + 2025 * values[i + 2]
        if value > 0xFFFF:
            raise ValueError("group out of range")
        out += value.to_bytes(2, "big")
    if whole < len(values):
        value = values[whole] + 45 * values[whole + 1]
        if value > 0xFF:
            raise ValueError("group out of range")
        out.append(value)
    return bytes(out)
