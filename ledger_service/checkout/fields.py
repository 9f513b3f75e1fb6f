"""Strict reading of JSON objects: known fields only, exact types, bounded sizes."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.points import GREATEST_AMOUNT
from ledger_service.kernel.secp256k1 import SIGNATURE_BYTES
from ledger_service.kernel.text import clean_integer, clean_text

_HEX_SIGNATURE = re.compile(rf"0x[0-9a-fA-F]{{{2 * SIGNATURE_BYTES}}}")


class Fields:
    """The members of one JSON object, of which only the ``known`` ones may be there."""

    __slots__ = ("_values", "_where")

    def __init__(self, value: object, known: Set[str], where: str = "") -> None:
        """Take the object.

        Raises:
            MalformedField: not an object, or a member that nobody knows.
        """
        if type(value) is not dict or not known >= value.keys():
            raise self.refusal(value, known, where)
        self._values: dict[str, Any] = value
        self._where = where

    def get(self, name: str) -> Any:
        """The member, or None when it is absent or null."""
        return self._values.get(name)

    def has_any(self, names: Set[str]) -> bool:
        """Whether one of the members is there, null or not."""
        return not names.isdisjoint(self._values)

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean member.

        Raises:
            MalformedField: anything but true or false.
        """
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise MalformedField(f"{self._where}.{name}".lstrip("."), "must be true or false")
        return value

    @staticmethod
    def refusal(value: object, known: Set[str], where: str = "") -> MalformedField:
        """The error for a value that is not an object of known members."""
        if not isinstance(value, dict):
            return MalformedField(where, "must be an object")
        unknown = min((str(name) for name in value if name not in known), default="")
        shown = "".join(c if c.isprintable() else "?" for c in unknown[:64])
        return MalformedField(f"{where}.{shown}".lstrip("."), "is not a known field")


def quick_text(value: object, field: str, longest: int) -> str:
    """As ``clean_text``, with a short way for the plain ASCII that tills send.

    Raises:
        MalformedField: not text, too long, empty, or with characters that we refuse.
    """
    if (
        type(value) is str
        and 1 <= len(value) <= longest
        and value.isascii()
        and value.isprintable()
        and (value[0] != " " != value[-1])
    ):
        return value
    return clean_text(value, field, longest)


def clean_points(value: object, field: str) -> int:
    """Return a number of points from 1 to 2^53 - 1.

    Raises:
        MalformedField: anything else.
    """
    return clean_integer(value, field, 1, GREATEST_AMOUNT)


def sequence_of(value: object, field: str, most: int) -> list[Any]:
    """Return a JSON array of at most ``most`` items.

    Raises:
        MalformedField: not an array, or longer.
    """
    if type(value) is not list:
        raise MalformedField(field, "must be a list")
    if len(value) > most:
        raise MalformedField(field, f"must have at most {most} items")
    return value


def parse_acceptance_signature(value: object, field: str) -> bytes:
    """Return the 65 bytes of ``0x`` and 130 hex digits.

    Raises:
        MalformedField: anything else.
    """
    if not isinstance(value, str) or not _HEX_SIGNATURE.fullmatch(value):
        raise MalformedField(field, "must be 0x and 130 hex digits")
    return bytes.fromhex(value[2:])
