"""Writing a GS1 Digital Link URI: one text for the same elements, the shortest that is right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.identifiers import Identifier, identifiers
from ledger_service.kernel.digital_link.parsing import DigitalLink, parse_digital_link

CANONICAL_STEM = "https://id.gs1.org"
Element = tuple[str, str]


def build_digital_link(elements: Iterable[Element], stem: str = CANONICAL_STEM) -> str:
    """The URI of these elements: key and qualifiers in the path, the rest as attributes.

    Attributes of a length that is known beforehand go first, which saves separators where the same elements
    stand in a bar code; else they are in the order given.

    Args:
        elements: (application identifier, value), of which the first primary key is the key; one that is
            given twice alike counts once.
        stem: scheme, domain and what else goes before the key.

    Raises:
        LinkMalformed: a value that is none, no primary key, or an element that may not stand in the URI.
    """
    given = list(dict.fromkeys(elements))
    key = next((ai for ai, _ in given if _known(ai).qualifiers is not None), None)
    if key is None:
        raise LinkMalformed("has no primary key")
    path = _path_of(_known(key), given)
    uri = _written(stem, path, [element for element in given if element not in path])
    parse_digital_link(uri)
    return uri


def canonical_uri(link: DigitalLink) -> str:
    """The same elements at GS1's own resolver, and nothing that GS1 does not know."""
    return _written(CANONICAL_STEM, link.path, link.attributes)


def _written(stem: str, path: Iterable[Element], attributes: Iterable[Element]) -> str:
    uri = stem.removesuffix("/") + "".join(f"/{ai}/{_escaped(value)}" for ai, value in path)
    query = sorted(attributes, key=lambda element: not _known(element[0]).fixed)
    if query:
        uri += "?" + "&".join(f"{ai}={_escaped(value)}" for ai, value in query)
    return uri


def _path_of(key: Identifier, given: Sequence[Element]) -> list[Element]:
    """The key, and of its sequences of qualifiers the one of which most are given."""
    known = dict(reversed(given))
    sequences = [tuple(ai for ai in whole if ai in known) for whole in key.qualifiers or ()]
    best = max(sequences, key=len, default=())
    return [(ai, known[ai]) for ai in (key.ai, *best)]


def _known(ai: str) -> Identifier:
    found = identifiers().get(ai)
    if found is None:
        raise LinkMalformed("is no application identifier", ai)
    return found


def _escaped(value: str) -> str:
    return quote(value, safe="")
