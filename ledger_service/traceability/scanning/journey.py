"""What a shopper is shown of an item's way: days and places, never who bought it or under which sale."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.kernel.gs1 import gln_text
from ledger_service.merchants.models import merchant, store
from ledger_service.traceability.epcis.naming import normal_name
from ledger_service.traceability.epcis.things import disposition_of, step_of
from ledger_service.traceability.epcis.walk import Step
from ledger_service.traceability.moving.way import way_of
from ledger_service.traceability.scanning import knowledge
from ledger_service.traceability.scanning.reading import Told

MOST_SHOWN = 100
_GLN = re.compile(r"/414/(\d{13})")
# A stop without its name.
_Bare = tuple[str, str | None, str | None, str, str | None]


@dataclass(frozen=True, slots=True)
class Stop:
    """What was done to an item, or to what it was in or made of, on a day (YYYY-MM-DD) at a place.

    ``name`` is that of a shop or merchant of the alliance; None for a GLN that is nobody's here.
    """

    day: str
    step: str | None
    disposition: str | None
    relation: str
    place: str | None
    name: str | None


def journey_of(conn: Connection, told: Told) -> tuple[list[Stop], bool]:
    """The stops of an item by time, and whether there are more than are shown; none for no item of ours."""
    if told.serial is None or not knowledge.is_made(conn, told):
        return [], False
    history = way_of(conn, [told.name])
    stops = _distinct(history.steps)
    names = _names(conn, [place for *_, place in stops if place is not None])
    shown = [Stop(*stop, names.get(stop[-1] or "")) for stop in stops[:MOST_SHOWN]]
    return shown, history.cut or len(stops) > MOST_SHOWN


def _distinct(steps: Sequence[Step]) -> list[_Bare]:
    """What is told of an item and again of its case is one stop."""
    found: dict[tuple[str, str | None, str | None], _Bare] = {}
    for step in steps:
        event = step.event
        place = _place(event)
        day = str(event["eventTime"])[:10]
        stop = (day, step_of(event), disposition_of(event), step.relation, place)
        found.setdefault((day, stop[1], place), stop)
    return list(found.values())


def _place(event: Mapping[str, Any]) -> str | None:
    where = event.get("bizLocation") or event.get("readPoint")
    found = None if where is None else _GLN.search(normal_name(where["id"]))
    return None if found is None else found[1]


def _names(conn: Connection, places: Sequence[str]) -> dict[str, str]:
    glns = sorted({int(place) for place in places})
    rows = [
        *conn.execute(
            select(merchant.c.merchant_id, merchant.c.name).where(merchant.c.merchant_id.in_(glns))
        ),
        *conn.execute(select(store.c.gln, store.c.name).where(store.c.gln.in_(glns))),
    ]
    return {gln_text(gln): name for gln, name in rows}
