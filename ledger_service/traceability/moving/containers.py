"""What stands inside of what: items that move because a case or pallet around them does, and who may tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import orjson
from sqlalchemy import Connection, select

from ledger_service.db.among import among
from ledger_service.merchants.models import merchant, store
from ledger_service.traceability.epcis.contradictions import Contradiction, Fact, standing
from ledger_service.traceability.epcis.findings import facts_by_key
from ledger_service.traceability.epcis.models import epcis_event
from ledger_service.traceability.epcis.naming import normal_name
from ledger_service.traceability.epcis.prepared import Prepared
from ledger_service.traceability.epcis.queries import bodies_of
from ledger_service.traceability.epcis.things import Deed, Role, Thing, key_of, things_of
from ledger_service.traceability.moving.custody import Custody, Telling, custody
from ledger_service.traceability.moving.rules import MOVING
from ledger_service.traceability.prefixes.queries import merchants_of_prefixes
from ledger_service.traceability.prefixes.rules import prefixes_over_sscc

SSCC = "https://id.gs1.org/00/"
# Of a container that was packed more often than this only the last packings are followed.
_MOST_PACKINGS = 500
_DEEPEST = 4
_OF_CONTAINERS = MOVING | {Deed.PACK, Deed.UNPACK, Deed.UNPACK_ALL}
_GLN = re.compile(r"/41[47]/(\d{13})")
_FEW = 20
NOBODYS: Mapping[bytes, int] = MappingProxyType({})
_E = epcis_event.c


def affected(
    conn: Connection, captured: Mapping[int, Prepared], facts: Mapping[bytes, Sequence[Fact]]
) -> set[str]:
    """The names of everything inside the cases and pallets that captured events move or pack.

    Args:
        conn: any.
        captured: by number.
        facts: all that is told of things, by key, as far as it was read already.
    """
    level = {
        thing.name
        for event in captured.values() for thing in event.things
        if thing.name.startswith(SSCC) and thing.deed in _OF_CONTAINERS
    }  # fmt: skip
    seen: set[str] = set()
    inside: set[str] = set()
    for _ in range(_DEEPEST):
        level -= seen
        if not level:
            break
        seen |= level
        packed = _packed_in(conn, {key_of(name) for name in level}, captured, facts)
        level = {name for name in packed if name.startswith(SSCC)}
        inside |= packed - level
    return inside


def counting(
    conn: Connection, facts: Mapping[bytes, Sequence[Fact]], brands: Mapping[bytes, int]
) -> dict[bytes, Custody]:
    """What counts of things, of all that they were ever in, and of what that was in, by key: what is told by
    whoever has them.

    Args:
        conn: any.
        facts: the standing facts of the things, by key.
        brands: whose items those among them are that are coded here.
    """
    return custody_of(conn, {**facts, **_around(conn, facts)}, brands)


def custody_of(
    conn: Connection,
    facts: Mapping[bytes, Sequence[Fact]],
    brands: Mapping[bytes, int] = NOBODYS,
    *,
    all_named: bool = False,
) -> dict[bytes, Custody]:
    """Who has which things.

    Args:
        conn: any.
        facts: the standing facts of things and of all that they were in, by key.
        brands: of those that are items coded here.
        all_named: whether destinations are read also where one merchant alone has told of a container, and
            they decide nothing but who is a party.
    """
    tellings = _tellings(conn, facts, all_named=all_named)
    makers = {**_makers(conn, {key: some for key, some in tellings.items() if key not in brands}), **brands}
    found: dict[bytes, Custody] = {}

    def of(key: bytes, depth: int) -> Custody:
        if key not in found and depth <= _DEEPEST:
            told, maker = tellings.get(key, ()), makers.get(key)
            found[key] = custody(told, lambda parent: of(parent, depth + 1), maker, brands.get(key))
        return found.get(key, Custody())

    return {key: of(key, 0) for key in facts}


def parties_to(conn: Connection, name: str) -> set[int]:
    """The merchants that have to do with a container: who told of it, to whom it was shipped, and who have to
    do with what it was packed in."""
    key = key_of(name)
    own = {key: standing(facts_by_key(conn, [key])[key])}
    return custody_of(conn, {**own, **_around(conn, own)}, all_named=True)[key].parties


def strangers_word(
    conn: Connection, facts: Mapping[bytes, Sequence[Fact]], names: Mapping[bytes, str]
) -> list[tuple[str, Contradiction]]:
    """What was told of cases and pallets by somebody who had nothing to do with them, with their names."""
    own = {key: standing(facts[key]) for key, name in names.items() if name.startswith(SSCC) and key in facts}
    if not own:
        return []
    found = custody_of(conn, {**own, **_around(conn, own)})
    return [(names[key], one) for key in own for one in found[key].foreign]


def _tellings(
    conn: Connection, facts: Mapping[bytes, Sequence[Fact]], *, all_named: bool
) -> dict[bytes, list[Telling]]:
    whose = _tellers(conn, {fact.event_seq for some in facts.values() for fact in some})
    wanted = {
        fact.event_seq
        for some in facts.values()
        for fact in some
        if fact.deed == Deed.SHIP and (all_named or len({whose[one.event_seq] for one in some}) > 1)
    }
    named = _named(conn, sorted(wanted))
    return {
        key: [Telling(fact, whose[fact.event_seq], named.get(fact.event_seq, frozenset())) for fact in some]
        for key, some in facts.items()
    }


def _makers(conn: Connection, tellings: Mapping[bytes, Sequence[Telling]]) -> dict[bytes, int]:
    """The merchants under whose company prefixes containers are numbered, of those that several tell of."""
    several = {key: some[0].fact.event_seq for key, some in tellings.items()
               if len({one.teller for one in some}) > 1}  # fmt: skip
    over = {
        key: prefixes_over_sscc(thing.name.removeprefix(SSCC))
        for _, body in _bodies(conn, sorted(set(several.values()))) for thing in things_of(orjson.loads(body))
        if thing.name.startswith(SSCC) and (key := thing.key) in several
    }  # fmt: skip
    whose = merchants_of_prefixes(conn, (prefix for some in over.values() for prefix in some))
    return {key: whose[prefix] for key, some in over.items() for prefix in some if prefix in whose}


def _tellers(conn: Connection, numbers: set[int]) -> dict[int, int | None]:
    its = select(_E.event_seq, _E.merchant_id).where(among(conn, _E.event_seq, numbers))
    return {row.event_seq: row.merchant_id for row in conn.execute(its)}


def _bodies(conn: Connection, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Events with their numbers, a few at a time: one may be as large as a capture."""
    for start in range(0, len(numbers), _FEW):
        yield from bodies_of(conn, numbers[start : start + _FEW]).items()


def _named(conn: Connection, numbers: Sequence[int]) -> dict[int, frozenset[int]]:
    """The merchants of the alliance that events name as destination, themselves or by their stores."""
    told: dict[int, set[int]] = {}
    for number, body in _bodies(conn, numbers):
        places = (normal_name(one["destination"]) for one in orjson.loads(body).get("destinationList", ()))
        told[number] = {int(gln[1]) for place in places if (gln := _GLN.search(place)) is not None}
    glns = sorted(set().union(*told.values()))
    if not glns:
        return {}
    stores = conn.execute(select(store.c.gln, store.c.merchant_id).where(store.c.gln.in_(glns)))
    whose = {row.gln: row.merchant_id for row in stores}
    merchants = select(merchant.c.merchant_id).where(merchant.c.merchant_id.in_(glns))
    whose |= {one: one for one in conn.execute(merchants).scalars()}
    return {number: frozenset(whose[gln] for gln in some if gln in whose) for number, some in told.items()}


def _around(conn: Connection, facts: Mapping[bytes, Sequence[Fact]]) -> dict[bytes, list[Fact]]:
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


def _packed_in(
    conn: Connection,
    keys: set[bytes],
    captured: Mapping[int, Prepared],
    facts: Mapping[bytes, Sequence[Fact]],
) -> set[str]:
    unread = sorted(keys - facts.keys())
    told = {**facts, **(facts_by_key(conn, unread) if unread else {})}
    packings = {number for key in keys for number in _last_packings(told.get(key, ()))}
    found: set[str] = set()
    for things in _things_of_events(conn, packings, captured):
        found |= {t.name for t in things if t.role == Role.CHILD and t.deed == Deed.PACK}
    return found


def _last_packings(facts: Sequence[Fact]) -> list[int]:
    """The events that name a container as what others are in."""
    packings = [(fact.event_time, fact.event_seq) for fact in facts if fact.role == Role.PARENT]
    return [number for _, number in sorted(packings)[-_MOST_PACKINGS:]]


def _things_of_events(
    conn: Connection, numbers: set[int], captured: Mapping[int, Prepared]
) -> Iterator[Sequence[Thing]]:
    """What events are about; those of this capture were taken apart already."""
    yield from (captured[number].things for number in numbers & captured.keys())
    for _, body in _bodies(conn, sorted(numbers - captured.keys())):
        yield things_of(orjson.loads(body))
