"""What a request for events wants that cannot be had: another media type, version or form of names, or
more in its address than is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.api.errors import AddressTooLong, NotAcceptable
from ledger_service.kernel.errors import DomainError

OFFERS = ("application/json", "application/ld+json", "application/problem+json")
VERSION = "2.0.0"
# Names are shown as they were told.
FORM_OF_NAMES = "Never_Translates"
_REFUSED = frozenset(("q=0", "q=0.0", "q=0.00", "q=0.000"))
_FORMS = ("No_Preference", FORM_OF_NAMES)
MOST_ADDRESS_BYTES = 16 * 1024


def unmet(environ: Mapping[str, Any]) -> DomainError | None:
    """How a request is refused that asks for what EPCIS may offer and this service does not."""
    if len(environ.get("PATH_INFO", "")) + len(environ.get("QUERY_STRING", "")) > MOST_ADDRESS_BYTES:
        return AddressTooLong(MOST_ADDRESS_BYTES)
    header = unmet_header(environ)
    return NotAcceptable(header) if header else None


def unmet_header(environ: Mapping[str, Any]) -> str:
    """The header that asks for what is not offered; empty where all can be met. What is no such header's
    value is no wish."""
    if not _is_offered(environ.get("HTTP_ACCEPT", "")):
        return "Accept"
    if environ.get("HTTP_GS1_EPC_FORMAT", _FORMS[0]) not in _FORMS:
        return "GS1-EPC-Format"
    for standard in ("EPCIS", "CBV"):
        if _version(environ.get(f"HTTP_GS1_{standard}_VERSION", VERSION)) != _version(VERSION):
            return f"GS1-{standard}-Version"
        least = _version(environ.get(f"HTTP_GS1_{standard}_MIN", VERSION))
        most = _version(environ.get(f"HTTP_GS1_{standard}_MAX", VERSION))
        if least > _version(VERSION):
            return f"GS1-{standard}-Min"
        if most < _version(VERSION):
            return f"GS1-{standard}-Max"
    return ""


def _is_offered(accept: str) -> bool:
    """Whether one of the media ranges holds something of ours (RFC 9110, 12.5.1)."""
    ranges = [part.replace(" ", "").lower().split(";") for part in accept.split(",") if part.strip()]
    if not ranges:
        return True
    wanted = {name for name, *how in ranges if _REFUSED.isdisjoint(how)}
    mine = {kind for offer in OFFERS for kind in (offer, f"{offer.partition('/')[0]}/*", "*/*")}
    return not wanted.isdisjoint(mine)


def _version(text: str) -> tuple[int, ...]:
    """A version to compare, two numbers or three; ours where it is none."""
    numbers = text.strip().split(".")
    if not all(n.isascii() and n.isdigit() and len(n) < 4 for n in numbers):
        return _version(VERSION)
    return tuple(int(n) for n in (*numbers, "0", "0")[:3])
