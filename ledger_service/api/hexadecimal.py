"""Addresses and signatures as JSON text: ``0x`` and lower- or upper-case hex digits."""

from __future__ import annotations

import re

from ledger_service.kernel.errors import MalformedField

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")


def parse_address(value: object, field: str) -> bytes:
    """Return the 20 bytes of an address.

    Raises:
        MalformedField: anything else.
    """
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise MalformedField(field, "must be 0x and 40 hex digits")
    return bytes.fromhex(value[2:])


def parse_signature(value: object, field: str) -> bytes:
    """Return the 65 bytes of a signature.

    Raises:
        MalformedField: anything else.
    """
    if not isinstance(value, str) or not _SIGNATURE.fullmatch(value):
        raise MalformedField(field, "must be 0x and 130 hex digits")
    return bytes.fromhex(value[2:])


def hex_text(raw: bytes) -> str:
    """``0x`` and the lower-case hex digits."""
    return "0x" + raw.hex()
