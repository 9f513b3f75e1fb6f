"""What checks of events are made of: words, lists, objects with extensions; each names its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.epcis.naming import check_uri
from ledger_service.traceability.epcis.vocabulary import CBV, VOC

Check = Callable[[Any, str], object]
# Words of GS1's own vocabularies stand bare, so that there is one way to write each.
_OLD_WORDS = ("urn:epcglobal:cbv", "https://ns.gs1.org/cbv/", "http://ns.gs1.org/cbv/")


def check_extension(name: str, where: str) -> None:
    """The name of a property that is none of the standard's: a CURIE or URI.

    Raises:
        MalformedField: it is neither.
    """
    try:
        check_uri(name, where)
    except MalformedField:
        raise MalformedField(where, "is no property here; your own are named by CURIE or URI") from None


def check_word(own: frozenset[str]) -> Check:
    """The check of a word of a CBV vocabulary, bare, or of somebody else's, as a URI."""

    def check(value: object, where: str) -> None:
        if isinstance(value, str) and value in own:
            return
        text = check_uri(value, where)
        ours = text.startswith((CBV, VOC))
        if text.startswith(_OLD_WORDS) or (ours and _bare(text) not in own):
            raise MalformedField(where, "must be a bare word of the CBV, or a URI of another vocabulary")

    return check


def _bare(text: str) -> str:
    """The word at the end of the URI of a word of GS1's."""
    return text.removeprefix(VOC) if text.startswith(VOC) else text.removeprefix(CBV).partition("-")[2]


def every(check: Check, least: int = 0, *, unique: bool = False) -> Check:
    """The check of a list by that of its elements."""

    def check_all(value: object, where: str) -> None:
        if not isinstance(value, list) or len(value) < least:
            raise MalformedField(where, f"must be a list of at least {least}" if least else "must be a list")
        for index, element in enumerate(value):
            check(element, f"{where}[{index}]")
        if unique and len(set(value)) != len(value):
            raise MalformedField(where, "must not name anything twice")

    return check_all


def record(required: Mapping[str, Check], optional: Mapping[str, Check], *, extended: bool = False) -> Check:
    """The check of an object by those of its properties."""
    known = {**required, **optional}

    def check(value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise MalformedField(where, "must be an object")
        for name in required:
            if name not in value:
                raise MalformedField(f"{where}.{name}", "is required")
        for name, part in value.items():
            if name in known:
                known[name](part, f"{where}.{name}")
            elif extended:
                check_extension(name, f"{where}.{name}")
            else:
                raise MalformedField(f"{where}.{name}", "is no property here")

    return check


def text(pattern: re.Pattern[str], about: str) -> Check:
    """The check of a text by a pattern."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise MalformedField(where, about)

    return check


def number(value: object, where: str) -> None:
    """A number.

    Raises:
        MalformedField: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MalformedField(where, "must be a number")
