"""The parameters of a query for events, in the words of EPCIS 2.0; what is not known is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.epcis import vocabulary as words
from ledger_service.traceability.epcis.details import (
    DETAIL,
    HOW_MUCH,
    INSTANTS,
    NUMBERS,
    SENSORS,
    SIGNS,
    WORDS,
    Measure,
    word_name,
)
from ledger_service.traceability.epcis.naming import LONGEST, check_uri, is_class, normal_name
from ledger_service.traceability.epcis.papers import PARAMETERS, paper_name
from ledger_service.traceability.epcis.things import KIND, QUANTITY, THINGS, Role, bare_word

MOST_VALUES = 50
_EPC, _CHILD, _INPUT, _OUTPUT = Role.EPC, Role.CHILD, Role.INPUT, Role.OUTPUT
# Where each parameter looks for its names.
MATCHES: MappingProxyType[str, frozenset[int]] = MappingProxyType({
    "MATCH_epc": frozenset({_EPC, _CHILD}), "MATCH_parentID": frozenset({Role.PARENT}),
    "MATCH_inputEPC": frozenset({_INPUT}), "MATCH_outputEPC": frozenset({_OUTPUT}),
    "MATCH_anyEPC": frozenset(THINGS),
    "MATCH_epcClass": frozenset({QUANTITY + _EPC, QUANTITY + _CHILD}),
    "MATCH_inputEPCClass": frozenset({QUANTITY + _INPUT}),
    "MATCH_outputEPCClass": frozenset({QUANTITY + _OUTPUT}),
    "MATCH_anyEPCClass": frozenset(QUANTITY + r for r in (_EPC, _CHILD, _INPUT, _OUTPUT)),
    "EQ_transformationID": frozenset({Role.TRANSFORMATION}),
})  # fmt: skip
TIMES = MappingProxyType({
    "GE_eventTime": ("event_time", ">="), "LT_eventTime": ("event_time", "<"),
    "GE_recordTime": ("record_time", ">="), "LT_recordTime": ("record_time", "<"),
})  # fmt: skip
_COLUMNS: MappingProxyType[str, tuple[str, Callable[[str], Any]]] = MappingProxyType({
    "eventType": ("kind", str), "EQ_action": ("action", str),
    "EQ_bizStep": ("biz_step", lambda v: bare_word(v, f"{words.CBV}BizStep-")),
    "EQ_disposition": ("disposition", lambda v: bare_word(v, f"{words.CBV}Disp-")),
    "EQ_readPoint": ("read_point", normal_name), "EQ_bizLocation": ("biz_location", normal_name),
    # Which places lie within others is told by master data, of which there are none here.
    "WD_readPoint": ("read_point", normal_name), "WD_bizLocation": ("biz_location", normal_name),
})  # fmt: skip
_WORDS = MappingProxyType({f"EQ_{name}": name for name in WORDS})
_WHEN = MappingProxyType({f"{sign}_{name}": (sign, name) for name in INSTANTS for sign in ("GE", "LT")})
_PER_CENT = NUMBERS[-1]
_HOW_MANY = MappingProxyType({
    f"{sign}_{name}": (sign, name) for name in (HOW_MUCH, _PER_CENT) for sign in SIGNS
})  # fmt: skip
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?")
# Parameters whose names end with a unit of measure.
IN_UNITS = f"({'|'.join(SIGNS)})_({'|'.join((HOW_MUCH, *NUMBERS[:-1]))})_([A-Z0-9]{{2,3}})"
_IN_UNITS = re.compile(IN_UNITS)
_ANY_SENSORS = f"EXISTS_{SENSORS}"
ORDERS = MappingProxyType({"eventTime": "event_time", "recordTime": "record_time"})
NAMES = (
    *TIMES, *_COLUMNS, *MATCHES, *PARAMETERS, *_WORDS, *_WHEN, *_HOW_MANY, "EQ_eventID",
    _ANY_SENSORS, "EXISTS_errorDeclaration", "orderBy", "orderDirection", "eventCountLimit", "maxEventCount",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """Events that name one of these in one of these roles."""

    names: tuple[str, ...]
    roles: frozenset[int]


@dataclass(frozen=True, slots=True)
class Search:
    """Which events are asked for, in which order.

    ``owner`` is whose events alone may be seen; None for everybody's. ``equal`` are columns and the values
    of which one stands there. ``most`` is what the caller wants at most in all, ``too_many`` from which
    number on it would rather be refused.
    """

    owner: int | None = None
    times: tuple[tuple[str, str, datetime], ...] = ()
    equal: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    measures: tuple[Measure, ...] = ()
    matches: tuple[Match, ...] = ()
    event_ids: tuple[str, ...] | None = None
    declared: bool | None = None
    order: str = "event_time"
    ascending: bool = False
    most: int | None = None
    too_many: int | None = None

    def recorded_since(self, at: datetime) -> Search:
        """The same of what was recorded at an instant or later."""
        return replace(self, times=(*self.times, ("record_time", ">=", at)))


def parse_search(query: Mapping[str, str]) -> Search:
    """The search that the parameters of a request say.

    Raises:
        MalformedField: a value that is none, or two parameters that exclude each other.
    """
    if "eventCountLimit" in query and "maxEventCount" in query:
        raise MalformedField("query.maxEventCount", "may not stand beside eventCountLimit")
    direction = _one_of(query, "orderDirection", ("DESC", "ASC"))
    measures = tuple(_measures(query))
    return Search(
        times=tuple(
            (column, sign, parse_instant(query[name], f"query.{name}"))
            for name, (column, sign) in TIMES.items()
            if name in query
        ),
        equal=tuple(
            (column, tuple(plain(v) for v in _values(query, name)))
            for name, (column, plain) in _COLUMNS.items()
            if name in query
        ),
        measures=measures,
        matches=(*_matches(query), *(_detail([measure.lookup]) for measure in measures)),
        event_ids=tuple(_values(query, "EQ_eventID")) if "EQ_eventID" in query else None,
        declared=True if _is_asked(query, "EXISTS_errorDeclaration") else None,
        order=ORDERS[_one_of(query, "orderBy", tuple(ORDERS))],
        ascending=direction == "ASC",
        most=_count(query, "eventCountLimit"),
        too_many=_count(query, "maxEventCount"),
    )


def is_parameter(name: str) -> bool:
    """Whether a search may have a parameter of this name."""
    return name in NAMES or _IN_UNITS.fullmatch(name) is not None


def check_limit(query: Mapping[str, str]) -> None:
    """The first so many are those of an order that is told.

    Raises:
        MalformedField: it is not told.
    """
    if "eventCountLimit" in query and "orderBy" not in query:
        raise MalformedField("query.eventCountLimit", "may only be used where orderBy is told")


def is_number(name: str) -> bool:
    """Whether the values of a parameter are numbers."""
    return name in _HOW_MANY or _IN_UNITS.fullmatch(name) is not None


def _matches(query: Mapping[str, str]) -> Iterator[Match]:
    yield from (_match(query, name) for name in MATCHES if name in query)
    yield from (_of_paper(query, name) for name in PARAMETERS if name in query)
    for name, kind in _WORDS.items():
        if name in query:
            yield _detail(word_name(kind, value) for value in _values(query, name))
    if _is_asked(query, _ANY_SENSORS):
        yield _detail([SENSORS])


def _detail(names: Iterable[str]) -> Match:
    return Match(tuple(names), frozenset({DETAIL}))


def _measures(query: Mapping[str, str]) -> Iterator[Measure]:
    for parameter in query:
        if parameter in _WHEN:
            sign, name = _WHEN[parameter]
            yield Measure(name, None, sign, (parse_instant(query[parameter], f"query.{parameter}"),))
        elif parameter in _HOW_MANY:
            sign, name = _HOW_MANY[parameter]
            yield Measure(name, None, sign, _numbers(query, parameter))
        elif found := _IN_UNITS.fullmatch(parameter):
            yield Measure(found[2], found[3], found[1], _numbers(query, parameter))


def _numbers(query: Mapping[str, str], name: str) -> tuple[float, ...]:
    texts = _values(query, name)
    if not all(_NUMBER.fullmatch(text) for text in texts) or (len(texts) > 1 and not name.startswith("EQ_")):
        raise MalformedField(f"query.{name}", "must be a number; several with | between them with EQ_ alone")
    return tuple(float(text) for text in texts)


def _is_asked(query: Mapping[str, str], name: str) -> bool:
    """Whether what is asked for by its being there is: true, or no word at all."""
    return _one_of({name: query.get(name) or "true"}, name, ("true", "false")) == "true" and name in query


def matching(name: str, roles: frozenset[int]) -> Match:
    """The match of one name: of a class also the events of every thing of that class."""
    return Match((name,), roles | _kinds(name, roles))


def _match(query: Mapping[str, str], parameter: str) -> Match:
    where, roles = f"query.{parameter}", MATCHES[parameter]
    names = tuple(_name(value, where) for value in _values(query, parameter))
    return Match(names, roles.union(*(_kinds(name, roles) for name in names)))


def _of_paper(query: Mapping[str, str], parameter: str) -> Match:
    role, kind = PARAMETERS[parameter]
    where = f"query.{parameter}"
    names = tuple(paper_name(kind, check_uri(value, where)) for value in _values(query, parameter))
    return Match(names, frozenset({role}))


def _kinds(name: str, roles: frozenset[int]) -> frozenset[int]:
    return frozenset(KIND + role % QUANTITY for role in roles) if is_class(name) else frozenset()


def _name(value: str, where: str) -> str:
    name = normal_name(value)
    # A pattern's asterisk stands in no URI; those of one class have become its name above.
    if name.startswith("urn:epc:"):
        raise MalformedField(where, "is no EPC, class or pattern of one class")
    return check_uri(name, where)


def _values(query: Mapping[str, str], name: str) -> list[str]:
    values = query[name].split("|")
    if len(values) > MOST_VALUES or not all(0 < len(value) <= LONGEST for value in values):
        raise MalformedField(f"query.{name}", f"must be 1 to {MOST_VALUES} values with | between them")
    return values


def _one_of(query: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    value = query.get(name, known[0])
    if value not in known:
        raise MalformedField(f"query.{name}", f"must be one of {', '.join(known)}")
    return value


def _count(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text)):
        raise MalformedField(f"query.{name}", "must be a number from 1 on")
    return int(text)
