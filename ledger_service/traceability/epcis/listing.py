"""Lists of all things and places that events name, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import Connection, exists, literal, select, tuple_, union_all

from ledger_service.db.bulk import sql_of
from ledger_service.traceability.epcis.looking import Page, Row, page_of
from ledger_service.traceability.epcis.models import epcis_event, epcis_event_epc, epcis_place
from ledger_service.traceability.epcis.searching import Search
from ledger_service.traceability.epcis.things import THINGS, key_of, things_of

PLACES = MappingProxyType({"readPoint": "read_point", "bizLocation": "biz_location"})
_OPERATOR = 0
# Events that one page looks through, and names that are looked up at once.
_EVENTS, _NAMES = 300, 100
_E, _THING, _PLACE = epcis_event.c, epcis_event_epc.c, epcis_place.c


def note_places(conn: Connection, merchant_id: int | None, rows: Iterable[Mapping[str, Any]]) -> None:
    """The places of these rows of events are in the list."""
    whose = _OPERATOR if merchant_id is None else merchant_id
    found = {(kind, row[column]) for row in rows for kind, column in PLACES.items()}
    places = [{"kind": kind, "name": name, "merchant_id": whose} for kind, name in found if name is not None]
    if places:
        # Sorted, for captures may be at several such rows at a time.
        places.sort(key=lambda place: (place["kind"], place["name"]))
        sql_of(epcis_place, conn).insert(conn, places, or_ignore=True)


def places_after(
    conn: Connection, kind: str, owner: int | None, after: str | None, most: int
) -> list[str]:
    """Up to ``most`` places behind a name, in the order of their names.

    Args:
        conn: any.
        kind: one of ``PLACES``.
        owner: whose events name them; None for anybody's.
        after: the last name of the page before.
        most: how many at most.
    """
    wanted = select(_PLACE.name).where(_PLACE.kind == kind)
    wanted = wanted.distinct() if owner is None else wanted.where(_PLACE.merchant_id == owner)
    if after is not None:
        wanted = wanted.where(_PLACE.name > after)
    return list(conn.execute(wanted.order_by(_PLACE.name).limit(most)).scalars())


def things_after(
    conn: Connection, owner: int | None, after: str | None, size: int
) -> tuple[list[str], str | None]:
    """Up to ``size`` things behind a position, each where its first event stands, by the events' times.

    No more than a few hundred events are looked through for one page: where they name nothing new, it has
    fewer things, maybe none.

    Args:
        conn: any.
        owner: whose events name them; None for anybody's.
        after: where the page before ended.
        size: how many at most.

    Returns:
        Their names in the one form, and where the next page begins; None where none is.
    """
    place, _, skip = (after or " 0").rpartition(" ")
    page = page_of(conn, Search(owner=owner, ascending=True), place or None, _EVENTS)
    found = list(islice(_news(conn, owner, page, (place, int(skip))), size))
    names = [name for name, _ in found]
    if len(names) == size:
        return names, found[-1][1]
    return names, None if page.behind is None else f"{page.behind} 0"


def _news(
    conn: Connection, owner: int | None, page: Page, begun: tuple[str, int]
) -> Iterator[tuple[str, str]]:
    """Things that no event before names, and where the list goes on behind each: the event before its own,
    and how many names of its own stand before."""
    place, skip = begun
    for row, body in zip(page.rows, page.bodies, strict=True):
        names = list(enumerate(_names_of(body), 1))[skip:]
        for start in range(0, len(names), _NAMES):
            some = names[start : start + _NAMES]
            known = _named_before(conn, owner, row, [name for _, name in some])
            yield from ((name, f"{place} {number}") for number, name in some if key_of(name) not in known)
        place, skip = row.position, 0


def _names_of(body: bytes) -> list[str]:
    things = things_of(orjson.loads(body))
    return list(dict.fromkeys(thing.name for thing in things if thing.role in THINGS))


def _named_before(conn: Connection, owner: int | None, row: Row, names: Sequence[str]) -> set[bytes]:
    """The keys of those that an event before this one names; each is asked for its first such row alone."""
    earlier = tuple_(_THING.event_time, _THING.event_seq) < (row.order_time, row.event_seq)
    asked = []
    for key in map(key_of, names):
        named = select(_THING.event_seq).where(_THING.epc_key == key, _THING.role.in_(THINGS), earlier)
        if owner is not None:
            named = named.join(epcis_event, _E.event_seq == _THING.event_seq).where(_E.merchant_id == owner)
        asked.append(select(literal(key, epcis_event_epc.c.epc_key.type)).where(exists(named)))
    return {bytes(key) for key in conn.execute(union_all(*asked)).scalars()}
