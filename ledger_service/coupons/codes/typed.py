"""A code as a till got it, typed or scanned: what is hashed, and the GCN that a bar code names.

A bar code's element string may begin with its symbology (``]C1``, ``]d2``, ``]e0``, ``]Q3``) or have its
identifiers in brackets; FNC1 is the group separator. Read are AI 255 (a GCN, with the value that AI 8111,
390n or 394n prints beside it), 8112 (positive offer) and 8110, and 255 as a GS1 Digital Link. What a coupon
is worth its terms say: a printed value is read over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ledger_service.kernel.digital_link.coupons import is_coupon, is_positive_offer
from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.parsing import parse_digital_link
from ledger_service.kernel.gs1 import is_key

LONGEST_TYPED = 200
GCN_DIGITS = 13
_SYMBOLOGY = re.compile(r"\](?:C1|d2|e0|Q3)")
_BRACKETS = re.compile(r"\((\d{3,4})\)")
_SEPARATOR = "\x1d"
_GCN = re.compile(r"255(\d{13,25})(?:\x1d(?:8111\d{4}|390\d\d{1,15}|394[0-3]\d{4}))?\x1d?")
_OTHERS = re.compile(r"(8112|8110)(\d{1,70})\x1d?")
_GRAMMARS = {"8112": is_positive_offer, "8110": is_coupon}
_LINKS = ("http://", "https://", "HTTP://", "HTTPS://")


@dataclass(frozen=True, slots=True)
class Typed:
    """``text`` is the code that lists may hold; ``gcn`` is type and serial, where a bar code names both."""

    text: str
    gcn: tuple[int, str] | None = None


def read_typed(given: str) -> Typed:
    """What a till got; text that is no code at all is empty, and found in no list.

    Args:
        given: up to 200 characters.
    """
    if given.startswith(_LINKS):
        return _of_gcn(_linked(given))
    elements = _elements(given)
    if elements is None:
        return Typed(given)
    gcn = _GCN.fullmatch(elements)
    if gcn is not None:
        return _of_gcn(gcn[1])
    other = _OTHERS.fullmatch(elements)
    return Typed(other[2] if other is not None and _GRAMMARS[other[1]](other[2]) else "")


def _linked(uri: str) -> str:
    try:
        ai, value = parse_digital_link(uri).key
    except LinkMalformed:
        return ""
    return value if ai == "255" else ""


def _of_gcn(digits: str) -> Typed:
    kind, serial = digits[:GCN_DIGITS], digits[GCN_DIGITS:]
    if not is_key(kind, GCN_DIGITS):
        return Typed("")
    return Typed(digits, (int(kind), serial) if serial else None)


def _elements(given: str) -> str | None:
    """The element string of a bar code, separators between its elements; None for what is no bar code's."""
    found = _SYMBOLOGY.match(given)
    if found is not None:
        return given[found.end() :].removeprefix(_SEPARATOR)
    if _BRACKETS.match(given) is None:
        return None
    return _BRACKETS.sub(lambda ai: _SEPARATOR + ai[1], given)[1:]
