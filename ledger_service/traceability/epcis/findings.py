"""Contradictions of items: noted when an event is captured, and read again for verdicts and cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.db.bulk import sql_of
from ledger_service.traceability.epcis import contradictions
from ledger_service.traceability.epcis.contradictions import Contradiction, Fact, judge, standing
from ledger_service.traceability.epcis.models import epcis_event_epc, epcis_finding
from ledger_service.traceability.epcis.naming import is_class, normal_name
from ledger_service.traceability.epcis.prepared import Prepared
from ledger_service.traceability.epcis.things import THINGS, Deed, key_of

# Goods and what they are packed in; assets that go round are packed, lent and emptied for ever.
_JUDGED = ("https://id.gs1.org/01/", "https://id.gs1.org/8006/", "https://id.gs1.org/00/")


@dataclass(frozen=True, slots=True)
class Finding:
    """A contradiction that was noted."""

    epc: str
    code: str
    event_seq: int
    other_seq: int | None
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """Of a capture: names by key, all facts of each thing, its contradictions, those of events alone."""

    names: Mapping[bytes, str]
    facts: Mapping[bytes, Sequence[Fact]]
    found: Mapping[str, Sequence[Contradiction]]
    of_events: Sequence[tuple[str, Contradiction]]


def findings_of(conn: Connection, epc: str) -> list[Contradiction]:
    """What about an item contradicts itself now, whatever was noted before."""
    key = key_of(normal_name(epc))
    return contradictions_among(conn, facts_by_key(conn, [key])[key])


def contradictions_among(conn: Connection, facts: Sequence[Fact]) -> list[Contradiction]:
    """What of these facts of one thing contradicts another of them."""
    return judge(facts, _emptied(conn, [facts]))


def facts_of(conn: Connection, epc: str) -> list[Fact]:
    """What stands of an item, by time: declared errors are left out."""
    key = key_of(normal_name(epc))
    return standing(facts_by_key(conn, [key])[key])


def noted_after(conn: Connection, since: datetime, most: int) -> list[Finding]:
    """What was noted from an instant on, the oldest first, for alerts."""
    t = epcis_finding.c
    rows = conn.execute(
        select(t.epc, t.code, t.event_seq, t.other_seq, t.noted_at)
        .where(t.noted_at >= since).order_by(t.noted_at, t.event_seq, t.code).limit(most)
    )  # fmt: skip
    return [Finding(*row) for row in rows]


def judged(conn: Connection, captured: Mapping[int, Prepared], at: datetime) -> Judged:
    """What the captured events, by number, contradict or are contradicted by."""
    names = {
        thing.key: thing.name
        for event in captured.values() for thing in event.things
        if thing.role in THINGS and thing.name.startswith(_JUDGED) and not is_class(thing.name)
    }  # fmt: skip
    facts = facts_by_key(conn, list(names)) if names else {}
    emptied = _emptied(conn, facts.values())
    found = {names[key]: judge(some, emptied) for key, some in facts.items()}
    of_events = [
        (thing.name, Contradiction(code, seq))
        for seq, event in captured.items() for code in _of_itself(event, at)
        for thing in event.things[:1]
    ]  # fmt: skip
    return Judged(names, facts, found, of_events)


def note(
    conn: Connection, found: Sequence[tuple[str, Contradiction]], at: datetime
) -> list[tuple[str, Contradiction]]:
    """The contradictions are noted, each of a thing once; returns those that are new."""
    rows = {(one.event_seq, key_of(name), one.code): (name, one) for name, one in found}
    if not rows:
        return []
    sql = sql_of(epcis_finding, conn)
    keys = list({(seq, key) for seq, key, _ in rows})
    for row in sql.select(conn, ("event_seq", "epc_key"), keys):
        rows.pop((row["event_seq"], bytes(row["epc_key"]), row["code"]), None)
    made = [
        {"event_seq": seq, "epc_key": key, "code": code, "epc": name, "other_seq": one.other_seq,
         "noted_at": at}
        for (seq, key, code), (name, one) in rows.items()
    ]  # fmt: skip
    if made:
        sql.insert(conn, made, or_ignore=True)
    return list(rows.values())


def _of_itself(event: Prepared, at: datetime) -> Iterable[str]:
    if event.event_time > at + contradictions.SKEW:
        yield contradictions.IN_FUTURE
    if event.stale:
        yield contradictions.ID_NOT_ITS_HASH


def facts_by_key(conn: Connection, keys: Sequence[bytes]) -> dict[bytes, list[Fact]]:
    """All that is told of things, by their keys, in no order, what was declared wrong and all."""
    found: dict[bytes, list[Fact]] = defaultdict(list)
    for row in sql_of(epcis_event_epc, conn).select(conn, ("epc_key",), [(key,) for key in keys]):
        if row["role"] in THINGS:
            fact = Fact(row["event_seq"], row["event_time"], row["role"], Deed(row["deed"]), row["parent"],
                        row["voids"])  # fmt: skip
            found[bytes(row["epc_key"])].append(fact)
    return found


def _emptied(conn: Connection, items: Iterable[Sequence[Fact]]) -> dict[bytes, list[datetime]]:
    """When the parents of items that were packed more than once were unpacked as a whole."""
    parents = set()
    for facts in items:
        packed = {fact.parent for fact in facts if fact.deed == Deed.PACK and fact.parent is not None}
        parents |= packed if len(packed) > 1 else set()
    if not parents:
        return {}
    return {
        key: [fact.event_time for fact in standing(facts) if fact.deed == Deed.UNPACK_ALL]
        for key, facts in facts_by_key(conn, sorted(parents)).items()
    }
