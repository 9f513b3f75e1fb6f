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
    for i in range(0, len(values), 3):
        group = values[i : i + 3]
        value = sum(v * 45**place for place, v in enumerate(group))
        size = len(group) - 1
        if value >> 8 * size:
            raise ValueError("group out of range")
        out += value.to_bytes(size, "big")
    return bytes(out)
