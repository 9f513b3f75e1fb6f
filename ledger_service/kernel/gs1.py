"""GS1 keys: check digits, GLN, GSRN and GTIN (GS1 General Specifications, section 7.9)."""

from __future__ import annotations

from ledger_service.kernel.errors import MalformedField

_DIGITS = frozenset("0123456789")


def check_digit(body: str) -> int:
    """The modulo-10 digit of ``body``: weights 3, 1, 3, … from the right."""
    total = 3 * sum(map(int, body[::-2])) + sum(map(int, body[-2::-2]))
    return (10 - total % 10) % 10


def is_key(value: str, length: int) -> bool:
    """Whether ``value`` is ``length`` ASCII digits that end in their own check digit."""
    return len(value) == length and set(value) <= _DIGITS and int(value[-1]) == check_digit(value[:-1])


def with_check_digit(body: str) -> str:
    """``body`` followed by its check digit."""
    return f"{body}{check_digit(body)}"


def parse_gln(value: object, field: str) -> int:
    """Return a GLN as the integer that the registry uses as a merchant's id.

    Raises:
        MalformedField: not 13 digits, or a wrong check digit.
    """
    return int(_parse_key(value, field, 13))


def gln_text(gln: int) -> str:
    """The 13 digits of a GLN, leading zeros restored."""
    return f"{gln:013d}"


def parse_gsrn(value: object, field: str) -> str:
    """Return a member number (GSRN, AI 8018) as its 18 digits.

    Raises:
        MalformedField: not 18 digits, or a wrong check digit.
    """
    return _parse_key(value, field, 18)


def parse_gtin(value: object, field: str) -> str:
    """Return a GTIN (8, 12, 13 or 14 digits) as 14 digits.

    Raises:
        MalformedField: another length, other characters, or a wrong check digit.
    """
    if not isinstance(value, str) or len(value) not in (8, 12, 13, 14) or not is_key(value, len(value)):
        raise MalformedField(field, "must be a GTIN of 8, 12, 13 or 14 digits with a right check digit")
    return value.zfill(14)


def _parse_key(value: object, field: str, length: int) -> str:
    if not isinstance(value, str) or not is_key(value, length):
        raise MalformedField(field, f"must be {length} digits with a right check digit")
    return value
