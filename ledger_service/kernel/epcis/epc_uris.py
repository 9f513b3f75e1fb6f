"""EPC URIs and GS1 Digital Links as the one form that event hashes are made over (CBV 2.0, 8.9.2).

``https://id.gs1.org/`` and the finest key that is named: a serial without its lot, no variant, no attributes.
Check digits are not looked at: an event says what it says, and its hash must not depend on who judges it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import quote, unquote

from ledger_service.kernel.gs1 import with_check_digit

_STEM = "https://id.gs1.org"
_NAMES = MappingProxyType({
    "cpid": "8010", "cpsn": "8011", "cpv": "22", "gcn": "255", "gdti": "253", "giai": "8004", "ginc": "401",
    "gln": "414", "glnx": "254", "grai": "8003", "gsin": "402", "gsrn": "8018", "gsrnp": "8017", "gtin": "01",
    "itip": "8006", "lot": "10", "party": "417", "ser": "21", "sscc": "00",
})  # fmt: skip
# As the standard's table of characters that must be escaped has it.
_PLAIN = "-._~';="
_ANY = r"[!-~]"
_KEYS: MappingProxyType[str, re.Pattern[str]] = MappingProxyType({
    ai: re.compile(form) for ai, form in {
        "00": r"\d{18}", "01": r"\d{14}", "253": rf"\d{{13}}{_ANY}{{0,17}}", "255": r"\d{13,25}",
        "401": rf"\d{{4}}{_ANY}{{1,26}}", "402": r"\d{17}", "414": r"\d{13}", "417": r"\d{13}",
        "8003": rf"\d{{14}}{_ANY}{{0,16}}", "8004": rf"\d{{4}}{_ANY}{{1,26}}", "8006": r"\d{18}",
        "8010": r"\d{4}[#/0-9A-Z-]{1,26}", "8017": r"\d{18}", "8018": r"\d{18}",
    }.items()
})  # fmt: skip
# What makes a key finer, the finest first; what is not here is left out or makes the URI none of ours.
_FINER = MappingProxyType({
    "01": ("235", "21", "10"), "8006": ("21", "10"), "414": ("254",), "8010": ("8011",),
})  # fmt: skip
_DROPPED = MappingProxyType({"01": {"22"}, "8006": {"22"}})
_GTIN_LENGTHS = (8, 12, 13)
_BEGIN = ("http://", "https://", "urn:epc:")
_SHORT = 200
_LINK = re.compile(r"https?://[^/?#]+(?P<path>/[^?#]*)")
_URN = re.compile(r"urn:epc:(?P<kind>id|class|idpat):(?P<scheme>[a-z]+):(?P<rest>.+)")
_SERIAL = r"(?P<serial>(?:%[0-9A-Fa-f]{2}|[!'()*+,.0-9:;=A-Za-z_-]){1,28})"


def normalised_epc(uri: str) -> str | None:
    """The constrained Digital Link of the same thing; None where the URI names nothing by a GS1 key."""
    if not uri.startswith(_BEGIN):
        return None
    # Whoever checks, hashes and looks up an event asks for each of its names again.
    return _kept(uri) if len(uri) <= _SHORT else _normalised(uri)


def _normalised(uri: str) -> str | None:
    link = _LINK.fullmatch(uri.partition("#")[0].partition("?")[0])
    if link is not None:
        return _of_path(link["path"])
    urn = _URN.fullmatch(uri)
    if urn is None:
        return None
    form = _FORMS.get((urn["kind"], urn["scheme"]))
    return None if form is None else form(urn["rest"])


_kept = lru_cache(maxsize=16_384)(_normalised)


def _of_path(path: str) -> str | None:
    steps = path.strip("/").split("/")
    for place in range(len(steps) - 2, -1, -2):
        ai = _NAMES.get(steps[place], steps[place])
        if ai in _KEYS:
            return _of_steps(ai, steps[place + 1], steps[place + 2 :])
    return None


def _of_steps(key: str, raw: str, rest: list[str]) -> str | None:
    value = unquote(raw)
    if key == "01" and len(value) in _GTIN_LENGTHS:
        value = value.zfill(14)
    if not _KEYS[key].fullmatch(value):
        return None
    qualifiers = {_NAMES.get(ai, ai): unquote(v) for ai, v in zip(rest[::2], rest[1::2], strict=True)}
    finer = _FINER.get(key, ())
    if qualifiers.keys() - set(finer) - _DROPPED.get(key, set()):
        return None
    chosen = next(((ai, qualifiers[ai]) for ai in finer if ai in qualifiers), None)
    return _link(key, value) + ("" if chosen is None else _step(*chosen))


def _link(key: str, value: str) -> str:
    return _STEM + _step(key, value)


def _step(ai: str, value: str) -> str:
    return f"/{ai}/{quote(value, safe=_PLAIN)}"


def _form(pattern: str, make: Callable[[re.Match[str]], str]) -> Callable[[str], str | None]:
    compiled = re.compile(pattern)

    def form(rest: str) -> str | None:
        found = compiled.fullmatch(rest)
        return None if found is None else make(found)

    return form


def _company(digits: int) -> str:
    """Company prefix and reference, with so many digits in all."""
    return rf"(?=[\d.]{{{digits + 1}}}(?:\.|$))(?P<company>\d{{6,12}})\.(?P<reference>\d*)"


def _key(found: re.Match[str]) -> str:
    return with_check_digit(found["company"] + found["reference"])


def _item(found: re.Match[str]) -> str:
    """A GTIN or SSCC: the first digit of the reference goes to the front."""
    reference = found["reference"]
    return with_check_digit(reference[:1] + found["company"] + reference[1:])


def _serial(found: re.Match[str]) -> str:
    return unquote(found["serial"])


def _place(found: re.Match[str]) -> str:
    extension = _serial(found)
    return _link("414", _key(found)) + ("" if extension == "0" else _step("254", extension))


_GTIN, _GLN, _GSRN = _company(13), _company(12), _company(17)
_ITEM, _OF_GLN = rf"{_GTIN}\.{_SERIAL}", rf"{_GLN}\.{_SERIAL}"
_PIECES = r"\.(?P<pieces>\d\d)\.(?P<total>\d\d)"
_PART = r"(?P<company>\d{6,12})\.(?P<part>(?:%[0-9A-Fa-f]{2}|[0-9A-Z-]){1,24})"
_OWN = rf"(?P<company>\d{{6,12}})\.{_SERIAL}"


def _pieces(found: re.Match[str]) -> str:
    return _item(found) + found["pieces"] + found["total"]


def _part(found: re.Match[str]) -> str:
    return _link("8010", found["company"] + unquote(found["part"]))


_FORMS: MappingProxyType[tuple[str, str], Callable[[str], str | None]] = MappingProxyType({
    ("id", "sgtin"): _form(_ITEM, lambda m: _link("01", _item(m)) + _step("21", _serial(m))),
    ("id", "sscc"): _form(_GSRN, lambda m: _link("00", _item(m))),
    ("id", "sgln"): _form(_OF_GLN, _place),
    ("id", "grai"): _form(_OF_GLN, lambda m: _link("8003", "0" + _key(m) + _serial(m))),
    ("id", "giai"): _form(_OWN, lambda m: _link("8004", m["company"] + _serial(m))),
    ("id", "gsrn"): _form(_GSRN, lambda m: _link("8018", _key(m))),
    ("id", "gsrnp"): _form(_GSRN, lambda m: _link("8017", _key(m))),
    ("id", "gdti"): _form(_OF_GLN, lambda m: _link("253", _key(m) + _serial(m))),
    ("id", "sgcn"): _form(_OF_GLN, lambda m: _link("255", _key(m) + _serial(m))),
    ("id", "cpi"): _form(rf"{_PART}\.(?P<serial>\d{{1,12}})", lambda m: _part(m) + _step("8011", m[3])),
    ("id", "ginc"): _form(_OWN, lambda m: _link("401", m["company"] + _serial(m))),
    ("id", "gsin"): _form(_company(16), lambda m: _link("402", _key(m))),
    ("id", "itip"): _form(rf"{_GTIN}{_PIECES}\.{_SERIAL}",
                          lambda m: _link("8006", _pieces(m)) + _step("21", _serial(m))),
    ("id", "upui"): _form(_ITEM, lambda m: _link("01", _item(m)) + _step("235", _serial(m))),
    ("id", "pgln"): _form(_GLN, lambda m: _link("417", _key(m))),
    ("class", "lgtin"): _form(_ITEM, lambda m: _link("01", _item(m)) + _step("10", _serial(m))),
    ("idpat", "sgtin"): _form(rf"{_GTIN}\.\*", lambda m: _link("01", _item(m))),
    ("idpat", "grai"): _form(rf"{_GLN}\.\*", lambda m: _link("8003", "0" + _key(m))),
    ("idpat", "gdti"): _form(rf"{_GLN}\.\*", lambda m: _link("253", _key(m))),
    ("idpat", "sgcn"): _form(rf"{_GLN}\.\*", lambda m: _link("255", _key(m))),
    ("idpat", "cpi"): _form(rf"{_PART}\.\*", _part),
    ("idpat", "itip"): _form(rf"{_GTIN}{_PIECES}\.\*", lambda m: _link("8006", _pieces(m))),
    ("idpat", "upui"): _form(rf"{_GTIN}\.\*", lambda m: _link("01", _item(m))),
})  # fmt: skip
