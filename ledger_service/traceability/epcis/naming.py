"""Which URIs an event may name things by: GS1 keys must be right to the check digit, others be URIs."""

from __future__ import annotations

import re
from functools import lru_cache

from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.parsing import parse_digital_link
from ledger_service.kernel.epcis.epc_uris import normalised_epc
from ledger_service.kernel.errors import MalformedField

LONGEST = 1_024
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_HTTP = ("https://", "http://")
_OWN_RESOLVER = re.compile(r"https?://id\.gs1\.org(?:[/?#]|$)")
# Keys that always name one thing; of the others the length of the value or a qualifier decides.
_ALWAYS_ONE = frozenset({"00", "8004", "8017", "8018", "401", "402", "414", "417"})
_CLASS_LENGTH = {"253": 13, "255": 13, "8003": 14}
_SERIALS = ("/21/", "/235/", "/8011/")


def check_uri(value: object, where: str) -> str:
    """The text, a URI or CURIE.

    Raises:
        MalformedField: it is none.
    """
    if not isinstance(value, str) or len(value) > LONGEST or not _URI.fullmatch(value):
        raise MalformedField(where, f"must be a URI of at most {LONGEST} characters")
    return value


def check_name(value: object, where: str) -> str:
    """The one form of the URI of a thing, place or party; what GS1 does not know stays as it is.

    Raises:
        MalformedField: no URI, or a GS1 key that is none.
    """
    text = check_uri(value, where)
    found = _named(text)
    if isinstance(found, Unfit):
        raise MalformedField(where, found.reason)
    return found


def check_class(value: object, where: str) -> str:
    """As ``check_name``, of a kind of thing and not of one.

    Raises:
        MalformedField: also where it names one thing.
    """
    name = check_name(value, where)
    if name.startswith("https://id.gs1.org/") and not is_class(name):
        raise MalformedField(where, "names one thing: it belongs into a list of EPCs")
    return name


def is_class(name: str) -> bool:
    """Whether a name in its one form is that of a GS1 class: a GTIN or lot, an asset type without serial."""
    ai, value = _key(name)
    if ai in _ALWAYS_ONE or not ai:
        return False
    if ai in _CLASS_LENGTH:
        return len(value) <= _CLASS_LENGTH[ai]
    return not any(mark in name for mark in _SERIALS)


def class_of(name: str) -> str | None:
    """The class (GTIN, asset type) that one thing or lot is of; None where it has none, or is one itself."""
    ai, value = _key(name)
    if ai in _ALWAYS_ONE or not ai:
        return None
    found = f"https://id.gs1.org/{ai}/{value[: _CLASS_LENGTH.get(ai, len(value))]}"
    return None if found == name else found


def normal_name(text: str) -> str:
    """The one form of any URI, for looking it up."""
    return normalised_epc(text) or text


class Unfit:
    """Why a text names nothing."""

    def __init__(self, reason: str) -> None:
        """Note the reason."""
        self.reason = reason


@lru_cache(maxsize=8_192)
def _named(text: str) -> str | Unfit:
    name = normalised_epc(text)
    if text.startswith("urn:epc:"):
        return name if name is not None else Unfit("is an EPC URI of no known scheme, or not of its form")
    if not text.startswith(_HTTP):
        return text
    if name is None and not _OWN_RESOLVER.match(text):
        return text
    # Links of the years when keys had names (/gtin/ for /01/) are read in their present form.
    named = name is not None and f"/{_key(name)[0]}/" not in text
    try:
        parse_digital_link(name if name is not None and named else text)
    except LinkMalformed as error:
        return Unfit(f"is no GS1 Digital Link: {error}")
    return name if name is not None else text


def _key(name: str) -> tuple[str, str]:
    if not name.startswith("https://id.gs1.org/"):
        return "", ""
    ai, _, rest = name.removeprefix("https://id.gs1.org/").partition("/")
    return ai, rest.partition("/")[0]
