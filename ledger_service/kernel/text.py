"""Text at the door: Unicode is welcome, but NUL, lone surrogates and control characters are not."""

from __future__ import annotations

import unicodedata

from ledger_service.kernel.errors import MalformedField

_REFUSED = ("Cc", "Cs", "Co", "Cn")


def clean_text(value: object, field: str, longest: int, *, shortest: int = 1) -> str:
    """Return the text in NFC, trimmed of outer white space.

    Args:
        value: what came in; anything but ``str`` is refused.
        field: name to put into the error.
        longest: greatest length in code points after trimming.
        shortest: least length in code points after trimming.

    Raises:
        MalformedField: not text, control characters inside, or a length out of range.
    """
    if not isinstance(value, str):
        raise MalformedField(field, "must be text")
    plain = value.isascii()  # what most text is; then its form is normal, and printable says all
    text = value.strip() if plain else unicodedata.normalize("NFC", value).strip()
    if not shortest <= len(text) <= longest:
        raise MalformedField(field, f"must have {shortest} to {longest} characters")
    if not text.isprintable() if plain else any(unicodedata.category(c) in _REFUSED for c in text):
        raise MalformedField(field, "must not hold control, private or unassigned characters")
    return text


def clean_integer(value: object, field: str, least: int, most: int) -> int:
    """Return an integer in ``least..most``; booleans, floats and numerals in text are refused.

    Raises:
        MalformedField: anything else.
    """
    if type(value) is not int:
        raise MalformedField(field, "must be an integer")
    if not least <= value <= most:
        raise MalformedField(field, f"must be between {least} and {most}")
    return value
