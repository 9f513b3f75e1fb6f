"""What stands inside of what: items that move because a case or pallet around them does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import orjson
from sqlalchemy import Connection, select

from ledger_service.traceability.epcis.contradictions import Fact, standing
from ledger_service.traceability.epcis.findings import facts_by_key
from ledger_service.traceability.epcis.models import epcis_event_epc
from ledger_service.traceability.epcis.prepared import Prepared
from ledger_service.traceability.epcis.queries import bodies_of
from ledger_service.traceability.epcis.things import Deed, Role, key_of, things_of
from ledger_service.traceability.moving.rules import MOVING

_SSCC = "https://id.gs1.org/00/"
# Of a container that was packed more often than this only the last packings are followed.
_MOST_PACKINGS = 500
_DEEPEST = 4
_OF_CONTAINERS = MOVING | {Deed.PACK, Deed.UNPACK, Deed.UNPACK_ALL}
_T = epcis_event_epc.c


def affected(conn: Connection, captured: Mapping[int, Prepared]) -> set[str]:
    """The names of everything inside the cases and pallets that captured events move or pack."""
    level = {
        thing.name
        for event in captured.values() for thing in event.things
        if thing.name.startswith(_SSCC) and thing.deed in _OF_CONTAINERS
    }  # fmt: skip
    seen: set[str] = set()
    inside: set[str] = set()
    for _ in range(_DEEPEST):
        level -= seen
        if not level:
            break
        seen |= level
        packed = _packed_in(conn, sorted(level))
        level = {name for name in packed if name.startswith(_SSCC)}
        inside |= packed - level
    return inside


def with_parents(conn: Connection, facts: Mapping[bytes, Sequence[Fact]]) -> dict[bytes, list[Fact]]:
    """The standing facts of all that things were ever in, and of what that was in, by key."""
    found: dict[bytes, list[Fact]] = {}
    level = _parents(facts.values())
    for _ in range(_DEEPEST):
        level -= found.keys()
        if not level:
            break
        told = facts_by_key(conn, sorted(level))
        found |= {key: standing(told.get(key, ())) for key in level}
        level = _parents([found[key] for key in level])
    return found


def _parents(things: Iterable[Sequence[Fact]]) -> set[bytes]:
    return {
        fact.parent
        for facts in things
        for fact in facts
        if fact.deed == Deed.PACK and fact.parent is not None
    }


def _packed_in(conn: Connection, names: Sequence[str]) -> set[str]:
    keys = [key_of(name) for name in names]
    packings: list[int] = []
    for key in keys:
        rows = select(_T.event_seq).where((_T.epc_key == key) & (_T.role == Role.PARENT))
        last = rows.order_by(_T.event_time.desc(), _T.event_seq.desc()).limit(_MOST_PACKINGS)
        packings += conn.execute(last).scalars()
    found: set[str] = set()
    for body in bodies_of(conn, sorted(set(packings))).values():
        found |= {
            t.name for t in things_of(orjson.loads(body)) if t.role == Role.CHILD and t.deed == Deed.PACK
        }
    return found
