"""Reading events: by id, by what a search says, page by page; the bytes are those that were stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import ge, lt
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select, tuple_

from ledger_service.kernel.clock import instant_of_micros, micros_of
from ledger_service.traceability.epcis.errors import EventUnknown, QueryTooLarge
from ledger_service.traceability.epcis.models import epcis_event, epcis_event_epc
from ledger_service.traceability.epcis.prepared import hash_id, hash_of_id
from ledger_service.traceability.epcis.searching import Match, Search
from ledger_service.traceability.epcis.things import key_of

_E, _THING = epcis_event.c, epcis_event_epc.c
_SIGNS = {">=": ge, "<": lt}


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored; ``order_time`` is by what the search orders."""

    event_seq: int
    order_time: datetime
    body: bytes

    @property
    def position(self) -> str:
        """Where it stands in the list, for the page behind it."""
        return f"{micros_of(self.order_time)} {self.event_seq}"


def find_event(conn: Connection, event_id: str, owner: int | None) -> bytes:
    """The event under an id, or what declares it wrong, which says the same and that.

    Args:
        conn: any.
        event_id: a hash by the CBV, or an eventID that was given.
        owner: whose events alone may be seen; None for everybody's.

    Raises:
        EventUnknown: there is none.
    """
    found = select(_E.body, _E.merchant_id).where(_has_id((event_id,))).order_by(_E.declares.desc())
    row = conn.execute(found).first()
    if row is None or (owner is not None and row.merchant_id != owner):
        raise EventUnknown
    return bytes(row.body)


def search_events(conn: Connection, search: Search, after: str | None, most: int) -> list[StoredEvent]:
    """Up to ``most`` events of a search behind a position, in its order.

    Raises:
        QueryTooLarge: there are more than the caller would have.
    """
    if search.too_many is not None:
        some = _found(search).with_only_columns(_E.event_seq).limit(search.too_many + 1).subquery()
        if conn.execute(select(func.count()).select_from(some)).scalar_one() > search.too_many:
            raise QueryTooLarge(search.too_many)
    query, (time, number) = _found(search), _ordering(search)
    if after is not None:
        micros, seq = (int(part) for part in after.split(" "))
        row, place = tuple_(time, number), (instant_of_micros(micros), seq)
        query = query.where(row > place if search.ascending else row < place)
    by = (time, number) if search.ascending else (time.desc(), number.desc())
    rows = conn.execute(query.with_only_columns(number, time, _E.body).order_by(*by).limit(most))
    return [StoredEvent(seq, at, bytes(body)) for seq, at, body in rows]


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
    rows = conn.execute(query.order_by(_E.event_seq).limit(most))
    return [(int(number), int(size)) for number, size in rows]


def last_number(conn: Connection) -> int:
    """The number of the newest event; -1 where there is none."""
    return int(conn.execute(select(func.coalesce(func.max(_E.event_seq), -1))).scalar_one())


def first_recorded(conn: Connection, since: datetime) -> int | None:
    """The lowest number among the events that were recorded at an instant or later; None where none was."""
    first: int | None = conn.execute(select(func.min(_E.event_seq)).where(_E.record_time >= since)).scalar()
    return first


def bodies_of(conn: Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    """The stored bytes of events by their numbers; those of the log's leaves."""
    found: dict[int, bytes] = {}
    for start in range(0, len(numbers), _STEP):
        part = numbers[start : start + _STEP]
        rows = conn.execute(select(_E.event_seq, _E.body).where(_E.event_seq.in_(part)))
        found |= {row.event_seq: bytes(row.body) for row in rows}
    return found


def ids_of(conn: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """The eventIDs of events by their numbers."""
    rows = conn.execute(select(_E.event_seq, _E.given_id, _E.hash).where(_E.event_seq.in_(numbers)))
    return {row.event_seq: row.given_id or hash_id(row.hash) for row in rows}


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
    wanted += [_E[column].in_(values) for column, values in search.equal.items()]
    if search.event_ids is not None:
        wanted.append(_has_id(search.event_ids))
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


def _has_id(event_ids: Sequence[str]) -> ColumnElement[bool]:
    hashes = [digest for one in event_ids if (digest := hash_of_id(one)) is not None]
    return or_(_E.given_id.in_(event_ids), _E.hash.in_(hashes)) if hashes else _E.given_id.in_(event_ids)


_STEP = 500
