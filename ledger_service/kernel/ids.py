"""Identifiers: 16-byte operation, sale and hold ids, derived or random, written as 32 hex digits."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Protocol

from ledger_service.kernel.errors import MalformedField

ID_BYTES = 16
_HEX_ID = re.compile(r"[0-9a-f]{32}")


class IdSource(Protocol):
    """Where fresh random bytes come from; a port, so that a simulation can replay a seed."""

    def random_bytes(self, count: int) -> bytes:
        """``count`` bytes from a cryptographic source."""


def derive_id(*parts: str | bytes | int) -> bytes:
    """The 16-byte id that these parts always give.

    A write derives its ids from its caller and idempotency key, so the UNIQUE constraint on the
    id still refuses a double when every other guard was lost (INV-7).
    """
    digest = sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return digest.digest()[:ID_BYTES]


def id_text(raw: bytes) -> str:
    """The 32 lower-case hex digits of an id."""
    return raw.hex()


def parse_id(value: object, field: str) -> bytes:
    """Return the 16 bytes of a hex id.

    Raises:
        MalformedField: anything but 32 lower-case hex digits.
    """
    if not isinstance(value, str) or not _HEX_ID.fullmatch(value):
        raise MalformedField(field, "must be 32 lower-case hex digits")
    return bytes.fromhex(value)
