"""Reading a GS1 Digital Link URI: its stem, the primary key with its qualifiers, and its attributes."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.identifiers import Identifier, identifiers

LONGEST_URI = 2_048
_OF_URIS = frozenset(string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%")
_NEVER_OF_DOMAINS = frozenset("_~?#@!$&'()*+,;=%")
_START = re.compile(r"(?P<scheme>https?|HTTPS?)://(?P<domain>[^/]+)(?P<path>/[^?#]*)")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_SEPARATOR = "^"


@dataclass(frozen=True, slots=True)
class DigitalLink:
    """A URI that was read.

    ``stem`` goes before the primary key. ``path`` and ``attributes`` hold (application identifier, value),
    the primary key first; ``others`` are the parts of the query that GS1 does not know, as they came.
    """

    stem: str
    path: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, str], ...]
    others: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """The primary key."""
        return self.path[0]

    def find(self, ai: str) -> str | None:
        """The value of an application identifier, wherever it stands."""
        return dict(self.path + self.attributes).get(ai)

    def element_string(self) -> str:
        """All of it as a bar code holds it, ``^`` for the separator FNC1."""
        out, open_ended = "", True
        for ai, value in self.path + self.attributes:
            out += (_SEPARATOR if open_ended else "") + ai + value
            open_ended = not identifiers()[ai].fixed
        return out


def parse_digital_link(uri: str) -> DigitalLink:
    """Read a URI strictly.

    The primary key is looked for from the right, so that a stem may look like one. Percent signs that begin
    no escape stand for themselves, as in the reference implementation, and the value decides whether it may
    hold them.

    Raises:
        LinkMalformed: it is none, with the reason.
    """
    if len(uri) > LONGEST_URI:
        raise LinkMalformed(f"is longer than {LONGEST_URI} characters")
    if not _OF_URIS.issuperset(uri):
        raise LinkMalformed("has a character that no URI may have")
    start = _START.match(uri)
    if start is None:
        raise LinkMalformed("is not http or https, or has no domain or path")
    if not _NEVER_OF_DOMAINS.isdisjoint(start["domain"]):
        raise LinkMalformed("has a character that no domain may have")
    steps = start["path"].split("/")[1:]
    first = _find_key(steps)
    stem = "/".join([f"{start['scheme']}://{start['domain']}", *steps[:first]])
    path = tuple(_read_path(steps[first:]))
    query = uri[start.end() :].partition("#")[0].removeprefix("?")
    attributes, others = _read_query(query)
    _check_order(path)
    _check_attributes(path, attributes)
    for ai, value in path + attributes:
        identifiers()[ai].check(value)
    return DigitalLink(stem, path, attributes, others)


def _find_key(steps: list[str]) -> int:
    """Where the primary key stands: the last one, all pairs after it beginning with identifiers."""
    known = identifiers()
    for place in range(len(steps) - 2, -1, -2):
        found = known.get(steps[place])
        if found is None:
            break
        if found.qualifiers is not None:
            return place
    raise LinkMalformed("has no primary key in its path")


def _read_path(steps: list[str]) -> Iterator[tuple[str, str]]:
    for ai, raw in zip(steps[::2], steps[1::2], strict=True):
        yield ai, _value(ai, raw)


def _read_query(query: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    attributes, others = [], []
    for part in filter(None, query.split("&")):
        name, equals, raw = part.partition("=")
        if not equals or not (name == "" or set(name) <= set(string.digits)):
            others.append(part)
        elif name not in identifiers():
            raise LinkMalformed("is no application identifier", name)
        else:
            attributes.append((name, _value(name, raw.replace("+", " "))))
    return tuple(attributes), tuple(others)


def _value(ai: str, raw: str) -> str:
    """The value behind its escapes, a character for each byte: those beyond ASCII are in no set."""
    value = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), raw)
    if not value:
        raise LinkMalformed("is empty", ai)
    return value


def _check_order(path: tuple[tuple[str, str], ...]) -> None:
    key, *rest = (ai for ai, _ in path)
    if not identifiers()[key].accepts(tuple(rest)):
        raise LinkMalformed("its qualifiers are not its own, or not in their order", key)


def _check_attributes(path: tuple[tuple[str, str], ...], attributes: tuple[tuple[str, str], ...]) -> None:
    names = [ai for ai, _ in path + attributes]
    for ai in names:
        if names.count(ai) > 1:
            raise LinkMalformed("stands there twice", ai)
    key, *rest = (ai for ai, _ in path)
    for ai, _ in attributes:
        if not identifiers()[ai].attribute:
            raise LinkMalformed("may not be an attribute", ai)
        if _belongs_in_path(identifiers()[key], rest, ai):
            raise LinkMalformed("belongs into the path", ai)


def _belongs_in_path(key: Identifier, qualifiers: list[str], ai: str) -> bool:
    places = range(len(qualifiers) + 1)
    return any(key.accepts((*qualifiers[:i], ai, *qualifiers[i:])) for i in places)
