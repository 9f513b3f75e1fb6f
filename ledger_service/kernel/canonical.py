"""Canonical JSON (RFC 8785) for what we hash: text, safe integers, booleans, null, lists and objects.

Floats are refused, so that the number rules of the RFC never come into play.
"""

from __future__ import annotations

import json
from hashlib import sha256

GREATEST_SAFE_INTEGER = 2**53 - 1

Canonical = str | int | bool | None | list["Canonical"] | dict[str, "Canonical"]


_SORTING = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_AS_GIVEN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def canonical_json(value: Canonical) -> bytes:
    """The one byte string of a value under RFC 8785.

    Raises:
        TypeError: a float or another type.
        ValueError: an integer beyond 2^53 - 1, a key that is not text, a lone surrogate.
    """
    _check(value)
    text = _SORTING.encode(value)
    # Keys can only be in another order where there is text beyond ASCII at all.
    if not text.isascii() and _has_wide_key(value):
        text = _AS_GIVEN.encode(_in_utf16_order(value))
    return text.encode()


def canonical_hash(value: Canonical) -> bytes:
    """SHA-256 of the canonical JSON: 32 bytes."""
    return sha256(canonical_json(value)).digest()


def _check(value: object) -> None:
    if value is None or isinstance(value, (str, bool)):
        return
    if isinstance(value, int):
        if abs(value) > GREATEST_SAFE_INTEGER:
            raise ValueError("integer beyond 2^53 - 1")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError("key is not text")
            if type(item) is not str:  # most of what is hashed is text
                _check(item)
    elif isinstance(value, list):
        for item in value:
            _check(item)
    else:
        raise TypeError(f"{type(value).__name__} has no canonical form here")


def _has_wide_key(value: object) -> bool:
    if isinstance(value, dict):
        return any(max(k, default="") > "\ud7ff" or _has_wide_key(v) for k, v in value.items())
    return isinstance(value, list) and any(_has_wide_key(v) for v in value)


def _in_utf16_order(value: Canonical) -> Canonical:
    # RFC 8785 sorts keys by UTF-16 code units, Python by code points; they differ above U+D7FF.
    if isinstance(value, dict):
        keys = sorted(value, key=lambda k: k.encode("utf-16-be"))
        return {k: _in_utf16_order(value[k]) for k in keys}
    if isinstance(value, list):
        return [_in_utf16_order(v) for v in value]
    return value
