"""Searching events: a page of what a search finds, and what of it was captured since.

One page looks through so many rows at most, however rare what it wants is beside millions: then it holds
fewer events than were wished, maybe none, and the next page goes on behind the last row that was looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, islice
from operator import ge, lt
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select, tuple_

from ledger_service.kernel.clock import instant_of_micros, micros_of
from ledger_service.traceability.epcis.errors import QueryTooLarge
from ledger_service.traceability.epcis.models import epcis_event, epcis_event_epc
from ledger_service.traceability.epcis.queries import bodies_of, has_id
from ledger_service.traceability.epcis.searching import Match, Search
from ledger_service.traceability.epcis.things import key_of

_E, _THING = epcis_event.c, epcis_event_epc.c
_SIGNS = {">=": ge, "<": lt}
# How many rows one page looks through: few first, for what is asked for is mostly near.
_WINDOWS = (1_000, 20_000)
# Numbers stand in bodies alone: so many are read for one page, and so often where all are to be counted.
_READ, _LOOKS = 1_000, 20
# An event may have two MiB; no more than this is in memory for one page.
MOST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """Where an event stands in a search's order, and how many bytes it has."""

    event_seq: int
    order_time: datetime
    size: int

    @property
    def position(self) -> str:
        """For the page behind it."""
        return _position(self.order_time, self.event_seq)


@dataclass(frozen=True, slots=True)
class Page:
    """Events of a search in its order, and as they are stored; ``behind`` is where the next page begins, None
    where none is."""

    rows: Sequence[Row]
    bodies: Sequence[bytes]
    behind: str | None


def page_of(conn: Connection, search: Search, after: str | None, size: int) -> Page:
    """Up to ``size`` events of a search behind a position.

    Raises:
        QueryTooLarge: there are more than the caller would have.
    """
    if search.too_many is not None:
        _check_count(conn, search, search.too_many)
    rows, behind = _looked(conn, search, after, _READ if search.measures else size)
    few = rows[: _that_fit(rows)]
    if len(few) < len(rows):
        behind = few[-1].position
    bodies = bodies_of(conn, [row.event_seq for row in few])
    found = [row for row in few if _fits(search, bodies[row.event_seq])]
    if len(found) > size or (len(found) == size and found[-1] is not few[-1]):
        found, behind = found[:size], found[size - 1].position
    return Page(found, [bodies[row.event_seq] for row in found], behind)


def _that_fit(rows: Sequence[Row]) -> int:
    """How many of the first rows are read at once, at least one."""
    sums = accumulate(row.size for row in rows)
    return max(1, sum(1 for together in sums if together <= MOST_BYTES))


def _looked(conn: Connection, search: Search, after: str | None, size: int) -> tuple[list[Row], str | None]:
    """Up to ``size`` rows of a search, without a look at numbers, and behind what the next ones are."""
    for window in _WINDOWS if _is_windowed(search) else (None,):
        found = _select(conn, search, after, size + 1, window)
        if len(found) > size:
            return found[:size], found[size - 1].position
        behind = None if window is None else _end(conn, search, after, window)
        if behind is None:
            break
    return found, behind


def _fits(search: Search, body: bytes) -> bool:
    if not search.measures:
        return True
    event = orjson.loads(body)
    return all(measure.holds(event) for measure in search.measures)


def _check_count(conn: Connection, search: Search, most: int) -> None:
    if not search.measures:
        some = _found(search).with_only_columns(_E.event_seq).limit(most + 1).subquery()
        if conn.execute(select(func.count()).select_from(some)).scalar_one() > most:
            raise QueryTooLarge(most)
        return
    count, after, counted = 0, None, replace(search, too_many=None)
    for _ in range(_LOOKS):
        page = page_of(conn, counted, after, _READ)
        count, after = count + len(page.bodies), page.behind
        if after is None and count <= most:
            return
        if after is None or count > most:
            break
    raise QueryTooLarge(most)


def _select(
    conn: Connection, search: Search, after: str | None, most: int, window: int | None
) -> list[Row]:
    if window is None:
        time, number = _ordering(search)
        query = _behind(_found(search), search, after, (time, number))
    else:
        lead = _lead(search, after, window).subquery()
        time, number = lead.c.time, lead.c.number
        joined = lead.join(epcis_event, _E.event_seq == number)
        names = (_names(match) for match in search.matches[1:])
        query = select(epcis_event).select_from(joined).where(*_wanted(search), *names)
    by = (time, number) if search.ascending else (time.desc(), number.desc())
    columns = (number, time, func.length(_E.body))
    rows = conn.execute(query.with_only_columns(*columns).order_by(*by).limit(most))
    return [Row(int(seq), at, int(size)) for seq, at, size in rows]


def _lead(search: Search, after: str | None, window: int) -> Select[Any]:
    """The first rows behind a position in the search's order, by what its index knows alone."""
    time, number = _ordering(search)
    if _leads(search):
        query = select(time.label("time"), number.label("number")).where(*_names_first(search.matches[0]))
    else:
        query = select(time.label("time"), number.label("number"))
        if search.owner is not None:
            query = query.where(_E.merchant_id == search.owner)
    for column, sign, at in search.times:
        if column == search.order:
            query = query.where(_SIGNS[sign](time, at))
    query = _behind(query, search, after, (time, number))
    by = (time, number) if search.ascending else (time.desc(), number.desc())
    return query.order_by(*by).limit(window)


def _end(conn: Connection, search: Search, after: str | None, window: int) -> str | None:
    """The position of the last row that a window holds; None where it holds all that there are."""
    row = conn.execute(_lead(search, after, window).offset(window - 1).limit(1)).first()
    return None if row is None else _position(row.time, row.number)


def _behind(query: Select[Any], search: Search, after: str | None, order: tuple[Any, Any]) -> Select[Any]:
    if after is None:
        return query
    micros, seq = (int(part) for part in after.split(" "))
    row, place = tuple_(*order), (instant_of_micros(micros), seq)
    return query.where(row > place if search.ascending else row < place)


def _is_windowed(search: Search) -> bool:
    """Whether rows of an index lead that more is asked of than the index knows."""
    if search.event_ids is not None or (search.matches and not _leads(search)):
        return False
    known = search.owner is None or not _leads(search)
    others = any(column != search.order for column, _, _ in search.times)
    return bool(search.equal or len(search.matches) > 1 or search.declared is not None or others or not known)


def _position(at: datetime, number: int) -> str:
    return f"{micros_of(at)} {number}"


def sizes_between(
    conn: Connection, search: Search, numbers: tuple[int, int], most: int
) -> list[tuple[int, int]]:
    """Up to ``most`` events of a search in the order of their capture: their numbers, and how many bytes each
    has; ``bodies_of`` reads them.

    Args:
        conn: any.
        search: whose order and counts take no part.
        numbers: behind the first and up to the second; what lies between is looked through.
        most: how many at most.
    """
    after, last = numbers
    query = select(_E.event_seq, func.length(_E.body)).where(_E.event_seq > after, _E.event_seq <= last)
    query = query.where(*_wanted(search), *(_names_here(match) for match in search.matches))
    query = query.order_by(_E.event_seq)
    if not search.measures:
        return [(int(number), int(size)) for number, size in conn.execute(query.limit(most))]
    rows = [Row(int(seq), at, int(size)) for seq, size, at in conn.execute(query.add_columns(_E.event_time))]
    return list(islice(_sizes_that_fit(conn, search, rows), most))


def _sizes_that_fit(conn: Connection, search: Search, rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    while rows:
        few = rows[: _that_fit(rows)]
        bodies = bodies_of(conn, [row.event_seq for row in few])
        for row in few:
            if _fits(search, bodies[row.event_seq]):
                yield row.event_seq, row.size
        rows = rows[len(few) :]


def _found(search: Search) -> Select[Any]:
    if not _leads(search):
        names = (_names(match) for match in search.matches)
        return select(epcis_event).where(*_wanted(search), *names)
    first, *others = search.matches
    leading = epcis_event_epc.join(epcis_event, _E.event_seq == _THING.event_seq)
    return select(epcis_event).select_from(leading).where(
        *_wanted(search, _THING.event_time), *_names_first(first), *(_names(match) for match in others)
    )  # fmt: skip


def _wanted(search: Search, event_time: ColumnElement[Any] = _E.event_time) -> list[ColumnElement[bool]]:
    """What a search says of events beside the things that they name."""
    wanted: list[ColumnElement[bool]] = []
    if search.owner is not None:
        wanted.append(_E.merchant_id == search.owner)
    for column, sign, at in search.times:
        wanted.append(_SIGNS[sign](event_time if column == "event_time" else _E[column], at))
    wanted += [_E[column].in_(values) for column, values in search.equal]
    if search.event_ids is not None:
        wanted.append(has_id(search.event_ids))
    if search.declared is not None:
        wanted.append(_E.declares == search.declared)
    return wanted


def _leads(search: Search) -> bool:
    """Whether one name's rows, which lie in the order of time, can lead: rare or common, none is sorted."""
    return bool(search.matches) and len(search.matches[0].names) == 1 and search.order == "event_time"


def _ordering(search: Search) -> tuple[ColumnElement[Any], ColumnElement[int]]:
    if _leads(search):
        return _THING.event_time, _THING.event_seq
    return _E[search.order], _E.event_seq


def _names_first(match: Match) -> Iterator[ColumnElement[bool]]:
    """Each event once, in the lowest of its roles."""
    roles, lower = sorted(match.roles), epcis_event_epc.alias()
    yield _THING.epc_key == key_of(match.names[0])
    yield _THING.role.in_(roles)
    if len(roles) > 1:
        yield ~exists().where(
            lower.c.epc_key == _THING.epc_key, lower.c.event_time == _THING.event_time,
            lower.c.event_seq == _THING.event_seq, lower.c.role < _THING.role, lower.c.role.in_(roles),
        )  # fmt: skip


def _names(match: Match) -> ColumnElement[bool]:
    keys = [key_of(name) for name in match.names]
    of_keys = and_(_THING.epc_key.in_(keys), _THING.role.in_(sorted(match.roles)))
    return _E.event_seq.in_(select(_THING.event_seq).where(of_keys).correlate(None))


def _names_here(match: Match) -> ColumnElement[bool]:
    """As ``_names``, asked of each event by the whole key: of a class that a million events name no more is
    read than of the few events that are looked through."""
    return exists().where(
        _THING.epc_key.in_([key_of(name) for name in match.names]), _THING.event_time == _E.event_time,
        _THING.event_seq == _E.event_seq, _THING.role.in_(sorted(match.roles)),
    )  # fmt: skip
