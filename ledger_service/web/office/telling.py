"""A document of the API told in words: its fields by name, one row each, and as it is one click away."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ledger_service.web.office.blocks import Cell, Raw, Rows
from ledger_service.web.screen import Visit

HEADINGS = ("col.field", "col.value")
_HASH_CHARACTERS = 32
_MERCHANTS = frozenset({"merchant", "merchants", "party", "issuer"})
_SECONDS = frozenset({"accepted_at", "valid_until", "vests_at", "epoch_ended_at"})
_DAYS = frozenset({"occurred_at", "recorded_at", "starts_at", "ends_at"})


def table(
    visit: Visit, title: str, document: Mapping[str, Any], names: Mapping[str, str], skip: Iterable[str] = ()
) -> Rows:
    """Every field of the document but those skipped, in its order; what lies inside is named by its way.

    Args:
        visit: for language and formats.
        title: key of the heading.
        document: as the API told it.
        names: of merchants by GLN, and of programmes by number.
        skip: fields that stand elsewhere.
    """
    left = {name: value for name, value in document.items() if name not in frozenset(skip)}
    rows = [
        [Cell(" › ".join(_name(visit, one) for one in way)), _value(visit, way[-1], value, names)]
        for way, value in _leaves(left, ())
    ]
    return Rows(title, HEADINGS, rows)


def raw(document: object) -> Raw:
    """The document as the API told it."""
    return Raw(json.dumps(document, indent=1, ensure_ascii=False))


def summary(visit: Visit, document: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The same in one line, for a cell of a table."""
    return "; ".join(
        f"{' › '.join(_name(visit, one) for one in way)}: {_value(visit, way[-1], value, names).text}"
        for way, value in _leaves(document, ())
    )


def _leaves(value: Any, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*way, str(name)))
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for place, inner in enumerate(value, 1):
            yield from _leaves(inner, (*way, str(place)) if len(value) > 1 else way)
    elif value not in (None, "", [], {}):
        yield way, value


def _name(visit: Visit, name: str) -> str:
    said = visit.say(f"said.{name}")
    return name if said == f"said.{name}" else said


def _value(visit: Visit, name: str, value: Any, names: Mapping[str, str]) -> Cell:
    if isinstance(value, list):
        return Cell(", ".join(_value(visit, name, one, names).text for one in value))
    if isinstance(value, bool):
        return Cell(visit.say("word.yes" if value else "word.no"))
    text = str(value)
    if (name in _MERCHANTS or name == "programme_id") and text in names:
        return Cell(names[text])
    if isinstance(value, int):
        return Cell(_figure(visit, name, value))
    if name.endswith("_micros") and text.lstrip("-").isdecimal():
        return Cell(visit.formats.micros(text))
    if name in _DAYS:
        return Cell(visit.formats.instant(text))
    said = visit.say(f"word.{text}")
    if said != f"word.{text}":
        return Cell(said)
    return Cell(text, "code" if len(text) >= _HASH_CHARACTERS else "text")


def _figure(visit: Visit, name: str, value: int) -> str:
    if name in _SECONDS:
        return visit.formats.instant(datetime.fromtimestamp(value, UTC))
    if name == "minor" or name.endswith("_minor"):
        return visit.formats.money(value)
    if name.endswith("_micros"):
        return visit.formats.micros(value)
    if name == "bps" or name.endswith("_bps"):
        return f"{value / 100:g} %"
    return visit.formats.number(value)
