"""Where an item came from and where it went: its own events, and those of what it was inside of and made of.

Backwards through transformations to what went in, forwards to what came out, and along with every container
for as long as the item was in it. Bounded by events and steps; what was declared wrong is not followed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from ledger_service.kernel.clock import DOORS_END, EPOCH_ZERO
from ledger_service.traceability.epcis.models import epcis_event_epc
from ledger_service.traceability.epcis.naming import normal_name
from ledger_service.traceability.epcis.queries import bodies_of, sizes_of
from ledger_service.traceability.epcis.things import KIND, QUANTITY, Deed, Role, Thing, key_of, things_of

MOST_EVENTS = 2_000
MOST_STEPS = 32
# What all events of a history may have together; one may have two MiB.
MOST_BYTES = 16 * 1024 * 1024
_T = epcis_event_epc.c
_ITSELF, _INSIDE, _MADE_OF, _BECAME = "itself", "inside", "made-of", "became"


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a history.

    ``subject`` is the thing that it is told of, ``relation`` what that is to the item that was asked for:
    itself, what it was inside, made-of what, became what. ``depth`` counts the relations in between.
    """

    event_seq: int
    event: Mapping[str, Any]
    subject: str
    relation: str
    depth: int


@dataclass(frozen=True, slots=True)
class History:
    """The steps by time; ``cut`` tells that there is more than is shown."""

    steps: Sequence[Step]
    cut: bool


@dataclass(frozen=True, slots=True)
class _Visit:
    """A thing that is looked at, in the time in which it has to do with the item."""

    name: str
    relation: str = _ITSELF
    depth: int = 0
    since: datetime = EPOCH_ZERO
    until: datetime = DOORS_END
    container: bool = False

    def shows(self, row: Any) -> bool:
        """Whether an event has to do with the item: what else goes into a container has not."""
        others = self.container and row.role == Role.PARENT and row.deed != Deed.UNPACK_ALL
        return bool(self.since <= row.event_time <= self.until) and not others


@dataclass(slots=True)
class _Walk:
    conn: Connection
    without: Set[int] = frozenset()
    steps: dict[int, Step] = field(default_factory=dict)
    seen: dict[bytes, list[_Visit]] = field(default_factory=lambda: defaultdict(list))
    bodies: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    room: int = field(default_factory=lambda: MOST_BYTES)
    cut: bool = False


def history_of(conn: Connection, names: Sequence[str], without: Set[int] = frozenset()) -> History:
    """All that is known of an item, by time.

    Args:
        conn: any; a snapshot where the answer must hold together.
        names: of the item, in any form: its own, and that of its lot where events name that alone.
        without: the numbers of events that are left out, and that nothing is reached through.
    """
    walk = _Walk(conn, without)
    visits = [_Visit(normal_name(name)) for name in names]
    for _ in range(MOST_STEPS):
        visits = [visit for visit in visits if _is_new(walk, visit)]
        if not visits or walk.cut:
            break
        visits = list(_look(walk, visits))
    walk.cut = walk.cut or bool(visits)
    return History(_by_time(walk.steps.values()), walk.cut)


def _by_time(steps: Iterable[Step]) -> list[Step]:
    at = {s.event_seq: datetime.fromisoformat(s.event["eventTime"]) for s in steps}
    return sorted(steps, key=lambda s: (at[s.event_seq], s.event_seq))


def _is_new(walk: _Walk, visit: _Visit) -> bool:
    """Whether some of the visit's time was not looked at yet."""
    before = walk.seen[key_of(visit.name)]
    if any(other.since <= visit.since and visit.until <= other.until for other in before):
        return False
    before.append(visit)
    return True


def _look(walk: _Walk, visits: Sequence[_Visit]) -> Iterator[_Visit]:
    rows = _rows(walk, visits)
    _read(walk, {row.event_seq for some in rows.values() for row in some} - walk.bodies.keys())
    for visit in visits:
        read = (row for row in rows[key_of(visit.name)] if row.event_seq in walk.bodies)
        yield from _follow(walk, visit, [row for row in read if visit.shows(row)])


def _read(walk: _Walk, events: Set[int]) -> None:
    """The events are there to follow, as far as they have room."""
    fitting = []
    for number, size in sizes_of(walk.conn, sorted(events)):
        if size <= walk.room:
            walk.room -= size
            fitting.append(number)
    walk.cut = walk.cut or len(fitting) < len(events)
    walk.bodies |= {seq: orjson.loads(body) for seq, body in bodies_of(walk.conn, fitting).items()}


def _rows(walk: _Walk, visits: Sequence[_Visit]) -> dict[bytes, list[Any]]:
    """The standing rows of the visited things, by time."""
    keys = list({key_of(visit.name) for visit in visits})
    left = MOST_EVENTS - len(walk.steps)
    found = walk.conn.execute(
        select(_T.epc_key, _T.event_time, _T.event_seq, _T.role, _T.deed, _T.parent, _T.voids)
        .where(_T.epc_key.in_(keys), _T.role < KIND)
        .order_by(_T.event_time, _T.event_seq)
        .limit(left + 1 + len(walk.without))
    ).all()
    found = [row for row in found if row.event_seq not in walk.without]
    walk.cut = walk.cut or len(found) > left
    voided = {row.voids for row in found}
    rows: dict[bytes, list[Any]] = defaultdict(list)
    for row in found[:left]:
        if row.voids is None and row.event_seq not in voided:
            rows[bytes(row.epc_key)].append(row)
    return rows


def _follow(walk: _Walk, visit: _Visit, rows: Sequence[Any]) -> Iterator[_Visit]:
    """Note the thing's events, as far as it was still what the item was in, and go on from them."""
    emptied = next((row for row in rows if row.deed == Deed.UNPACK_ALL and visit.container), None)
    for index, row in enumerate(rows):
        if emptied is not None and row.event_time > emptied.event_time:
            break
        event = walk.bodies[row.event_seq]
        step = Step(row.event_seq, event, visit.name, visit.relation, visit.depth)
        known = walk.steps.get(row.event_seq)
        if known is None or known.depth > step.depth:
            walk.steps[row.event_seq] = step
        if row.deed == Deed.PACK and "parentID" in event:
            yield _container(visit, event, row, rows[index + 1 :])
        elif event["type"] == "TransformationEvent":
            yield from _transformed(visit, things_of(event), row)


def _container(visit: _Visit, event: Mapping[str, Any], row: Any, later: Sequence[Any]) -> _Visit:
    out = next(
        (o.event_time for o in later if o.deed in (Deed.UNPACK, Deed.PACK) and _leaves(o, row)), visit.until
    )
    parent = normal_name(event["parentID"])
    relation = _INSIDE if visit.relation == _ITSELF else visit.relation
    return _Visit(parent, relation, visit.depth + 1, row.event_time, min(out, visit.until), container=True)


def _leaves(later: Any, packed: Any) -> bool:
    """Whether the later row takes the thing out of where the earlier one put it."""
    return bool((later.deed == Deed.UNPACK) == (later.parent == packed.parent))


def _transformed(visit: _Visit, things: Sequence[Thing], row: Any) -> Iterator[_Visit]:
    role, depth = row.role % QUANTITY, visit.depth + 1
    linked = [thing for thing in things if thing.role == Role.TRANSFORMATION]
    backwards = role in (Role.OUTPUT, Role.TRANSFORMATION) and visit.relation in (_ITSELF, _MADE_OF)
    forwards = role in (Role.INPUT, Role.TRANSFORMATION) and visit.relation in (_ITSELF, _BECAME)
    if role != Role.TRANSFORMATION:
        relation = _MADE_OF if backwards else _BECAME
        yield from (_Visit(t.name, relation, depth) for t in linked if backwards or forwards)
    for thing in things:
        other = thing.role % QUANTITY if thing.role < KIND else 0
        if backwards and other == Role.INPUT:
            yield _Visit(thing.name, _MADE_OF, depth, until=row.event_time)
        elif forwards and other == Role.OUTPUT:
            yield _Visit(thing.name, _BECAME, depth, since=row.event_time)
