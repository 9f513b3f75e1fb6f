"""The hash that identifies an EPCIS event, whoever computes it (CBV 2.0, section 8.9.2).

An event is written as one text, its pre-hash: names and values in the standard's order, elements of lists and
extensions sorted, times in UTC to the millisecond, names of things as constrained Digital Links, words of the
CBV as URIs. What says when and where the event was stored, and that it was withdrawn, is left out. Where the
reference implementation orders what the standard leaves open, this does as it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from ledger_service.kernel.epcis.epc_uris import normalised_epc
from ledger_service.kernel.epcis.properties import (
    ELEMENTS,
    IGNORED,
    IGNORED_EVERYWHERE,
    OLD_WORDS,
    ORDER,
    PAIRS,
    URNS,
    WORDS,
    Order,
)

VERSION = "CBV2.0"
Event = Mapping[str, Any]
# Longer numbers are names that happen to be digits.
_MOST_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Hasher:
    """Hashes the events of one document, whose context names namespaces.

    ``ignored`` are further names at the top of an event that take no part.
    """

    namespaces: Mapping[str, str]
    ignored: frozenset[str] = frozenset()

    @classmethod
    def of_context(cls, context: object, ignored: Iterable[str] = ()) -> Hasher:
        """A hasher for documents with that ``@context``."""
        parts = context if isinstance(context, list) else [context]
        named = [part for part in parts if isinstance(part, dict)]
        found = {k: v for part in named for k, v in part.items() if isinstance(v, str)}
        return cls(MappingProxyType(found), frozenset(ignored))

    def identify(self, event: Event) -> str:
        """The event's id as an RFC 6920 name."""
        digest = sha256(self.prehash(event).encode()).hexdigest()
        return f"ni:///sha-256;{digest}?ver={VERSION}"

    def prehash(self, event: Event) -> str:
        """The text that is hashed.

        Raises:
            ValueError: a time that is none.
        """
        out = IGNORED | self.ignored
        rest = {name: value for name, value in event.items() if name not in out}
        text = f"eventType={event.get('type', '')}"
        text += "".join(self._ordered(name, rest.pop(name), order) for name, order in ORDER if name in rest)
        return text + self._sorted(rest)

    def _ordered(self, name: str, value: object, order: Order | None) -> str:
        """An element whose parts have an order of their own; elements of a list are sorted."""
        if name in ELEMENTS:
            parts = self._each(ELEMENTS[name], value, order)
            return name + parts if parts else ""
        return self._each(name, value, order)

    def _each(self, name: str, value: object, order: Order | None) -> str:
        if not isinstance(value, list):
            return self._element(name, value, order)
        return "".join(sorted(self._element(name, element, order) for element in value))

    def _element(self, name: str, value: object, order: Order | None) -> str:
        if not isinstance(value, dict):
            text = self._value(name, value)
            return f"{name}={text}" if text else ""
        rest = dict(value)
        known = "".join(self._ordered(n, rest.pop(n), below) for n, below in order or () if n in rest)
        text = known + self._sorted(rest)
        return name + text if text else ""

    def _sorted(self, parts: Mapping[str, Any]) -> str:
        """Extensions, and all else that has no order of its own."""
        return "".join(sorted(self._unordered(parts)))

    def _unordered(self, parts: Mapping[str, Any]) -> Iterator[str]:
        for name, value in parts.items():
            if name in IGNORED_EVERYWHERE:
                continue
            if name in PAIRS:
                yield name + "".join(sorted(self._pair(PAIRS[name], one) for one in value))
                continue
            for element in value if isinstance(value, list) else [value]:
                yield self._extension(name, element)

    def _extension(self, name: str, value: object) -> str:
        full = self._name(name)
        if isinstance(value, list):
            # A list in a list: its elements have no name of their own.
            return full + "".join(sorted(self._extension("", one) for one in value))
        if not isinstance(value, dict):
            text = self._value(name, value)
            return f"{full}={text}" if text else full
        rest = dict(value)
        own = self._value(name, rest.pop("#text", ""))
        return full + (f"={own}" if own else "") + self._sorted(rest)

    def _pair(self, name: str, pair: Mapping[str, Any]) -> str:
        """A type, and the transaction or party that is of it."""
        words = WORDS.get(f"{name}.type", "")
        parts = [("type", self._word(str(pair["type"]), words))] if "type" in pair else []
        parts += [(n, self._value(n, pair[n])) for n in pair if n == name]
        text = "".join(f"{n}={value}" for n, value in parts)
        return text + self._sorted({n: v for n, v in pair.items() if n not in ("type", name)})

    def _name(self, name: str) -> str:
        prefix, colon, local = name.partition(":")
        return f"{{{self.namespaces[prefix]}}}{local}" if colon and prefix in self.namespaces else name

    def _value(self, name: str, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        text = self._word(str(value).strip(), WORDS.get(name, ""))
        if name in _TIMES:
            return _instant(text)
        return normalised_epc(text) or _number(text) or text

    def _word(self, text: str, words: str) -> str:
        """A word of the CBV, bare, as a CURIE or as the URN of before, as its URI."""
        if text.startswith(OLD_WORDS):
            for urn, uri in URNS:
                if text.startswith(urn):
                    return uri + text.removeprefix(urn)
        prefix, colon, local = text.partition(":")
        if colon and prefix in self.namespaces:
            return self.namespaces[prefix] + local
        return words + text if words and text.replace("_", "").isalnum() else text


_TIMES = frozenset({"eventTime", "time", "startTime", "endTime"})


def _instant(text: str) -> str:
    """In UTC to the millisecond, half to even."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    at = at.astimezone(UTC)
    millis, over = divmod(at.microsecond, 1000)
    millis += over > 500 or (over == 500 and millis % 2)
    rounded = at.replace(microsecond=0) + timedelta(milliseconds=millis)
    return rounded.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _number(text: str) -> str | None:
    """Without leading and trailing zeros, plus sign or exponent; None for what is no number."""
    # What begins with a letter is most of what is asked for, and no finite number.
    if text[:1].isalpha() or len(text) > _MOST_DIGITS or not text.isascii() or "_" in text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        return None
    plain = f"{number:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain
