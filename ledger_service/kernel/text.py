"""Text at the door: Unicode is welcome, but NUL, lone surrogates and control characters are not."""

from __future__ import annotations

import unicodedata

from ledger_service.kernel.errors import MalformedField


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
    text = unicodedata.normalize("NFC", value).strip()
    if not shortest <= len(text) <= longest:
        raise MalformedField(field, f"must have {shortest} to {longest} characters")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") for c in text):
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
