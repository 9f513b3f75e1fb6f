"""Names for banks: as they are, or in the Latin set that SEPA banks take; pure."""

from __future__ import annotations

import unicodedata

# EPC217-08: the characters that every SEPA bank takes.
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
_LETTERS = str.maketrans({
    "ß": "ss", "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l",
    "Đ": "D", "đ": "d", "Þ": "TH", "þ": "th", "Ð": "D", "ð": "d", "ı": "i", "&": "+", "_": "-",
})  # fmt: skip
_MOST_UNICODE, _MOST_LATIN = 140, 70


def unicode_name(name: str) -> str:
    """The name in NFC, without what XML or a bank's screen cannot show, at most 140 characters."""
    kept = (c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c)[0] != "C")
    return "".join(kept)[:_MOST_UNICODE].strip()


def latin_name(name: str) -> str | None:
    """The name in the Latin set, at most 70 characters; None where a letter or number has no form in it.

    Accents go, a few letters become two; signs that are no letters become a full stop.
    """
    letters = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    text = "".join(c for c in letters if not unicodedata.combining(c))
    if any(c not in _LATIN and unicodedata.category(c)[0] in "LN" for c in text):
        return None
    plain = " ".join("".join(c if c in _LATIN else "." for c in text).split())
    # A text may neither begin nor end with a slash, nor hold two of them.
    return plain.replace("//", "/").strip("/ ")[:_MOST_LATIN].strip("/ ") or None
