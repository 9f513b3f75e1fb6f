"""Events move the items that they tell of, in the db transaction that captures them; the caller commits.

Each item is gone along from its first event again, so neither the order of capture nor an error that was
declared later leaves it in a wrong state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.db.among import among
from ledger_service.db.bulk import sql_of
from ledger_service.traceability.cases.service import open_contradictions
from ledger_service.traceability.claiming.models import trace_claim, trace_return
from ledger_service.traceability.epcis import findings
from ledger_service.traceability.epcis.contradictions import SOLD_TWICE, Contradiction, Fact, standing
from ledger_service.traceability.epcis.models import epcis_event
from ledger_service.traceability.epcis.naming import normal_name
from ledger_service.traceability.epcis.prepared import Prepared
from ledger_service.traceability.epcis.things import Deed, key_of
from ledger_service.traceability.goods.models import trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.moving import rules
from ledger_service.traceability.moving.containers import SSCC, affected, counting, strangers_word
from ledger_service.traceability.moving.custody import Custody
from ledger_service.traceability.moving.rules import Around, Course

_ITEM = re.compile(r"https://id\.gs1\.org/01/(\d{14})/21/([^/?]+)")
_GLN = re.compile(r"/414/(\d{13})")
_COLUMNS = ("state", "state_before", "state_place", "state_at", "contradicts")
_STEP = 500
_ELSEWHERE = rules.MOVING - {Deed.COMMISSION}
_E = epcis_event.c
_Named = tuple[str, Mapping[str, Any]]
_Apart = tuple[State, datetime | None]


@dataclass(frozen=True, slots=True)
class _Told:
    """An item of ours, its brand, what its events come to, and what of them cannot be true.

    ``apart`` is what the item is apart from events, and since when; ``strange`` what was told of it by
    somebody who had nothing to do with it.
    """

    name: str
    row: Mapping[str, Any]
    brand: int
    course: Course
    wrong: Sequence[Contradiction]
    apart: _Apart
    strange: Sequence[Contradiction] = ()


def follow_events(conn: Connection, captured: Mapping[int, Prepared], at: datetime) -> None:
    """Contradictions of the captured events stand noted, items of ours are where their events took them.

    Locks: the items' rows, then their open cases', in the order of their numbers.
    """
    seen = findings.judged(conn, captured, at)
    inside = affected(conn, captured, seen.facts)
    items = _locked(conn, _items_of_ours(conn, {*seen.names.values(), *inside}))
    told = _courses(conn, items, seen) if items else []
    strange = strangers_word(conn, seen.facts, seen.names)
    ours = {one.name for one in told}
    others = [(name, one) for name, some in seen.found.items() if name not in ours for one in some]
    of_ours = ((one.name, wrong) for one in told for wrong in (*one.wrong, *one.strange))
    found = [*others, *seen.of_events, *strange, *of_ours]
    fresh = findings.note(conn, found, at)
    _write(conn, told)
    _open_cases(conn, told, fresh, at)


def wrong_of(conn: Connection, epc: str) -> list[Contradiction]:
    """Everything about a thing that cannot be true, also what may not follow what came before it."""
    name = normal_name(epc)
    key = key_of(name)
    facts = {key: standing(findings.facts_by_key(conn, [key])[key])}
    ours = _items_of_ours(conn, {name})
    batch = _batch_of(conn, ours[0]) if ours else {}
    held = counting(conn, facts, {key: batch["merchant_id"]} if ours else {})
    own = held.pop(key)
    way = rules.along(own.counted, {parent: one.counted for parent, one in held.items()})
    claimed = bool(ours and _claimed(conn, [ours[0][1]["item_id"]] if _relabels(way) else []))
    around = Around(_places(conn, way), batch.get("recalled_at"), batch.get("expiry"), claimed)
    course = rules.follow(way, around)
    known = _of_itself(conn, own, facts[key]) if ours else findings.findings_of(conn, name)
    strange = own.foreign if ours or name.startswith(SSCC) else ()
    return [*known, *strange, *rules.contradictions_beside(known, course.wrong)]


def brands_of(conn: Connection, names: Iterable[str]) -> dict[bytes, int]:
    """Whose items those among some things are that are coded here, by key."""
    ours = _items_of_ours(conn, names)
    batches = _batches(conn, {row["item_id"] >> INDEX_BITS for _, row in ours})
    return {key_of(name): batches[row["item_id"] >> INDEX_BITS]["merchant_id"] for name, row in ours}


def _of_itself(conn: Connection, own: Custody, facts: Sequence[Fact]) -> list[Contradiction]:
    """What of an item of ours contradicts itself: its own events, without those of strangers; but where one
    of them sold it once more, a copy of it was sold, or else it was not theirs to sell."""
    if not own.foreign:
        return findings.contradictions_among(conn, facts)
    sales = [one for one in findings.contradictions_among(conn, facts) if one.code == SOLD_TWICE]
    known = findings.contradictions_among(conn, own.counted)
    return [*known, *(one for one in sales if one not in known)]


def _items_of_ours(conn: Connection, names: Iterable[str]) -> list[_Named]:
    """The rows of items by number, with the name that events have for each."""
    codes = {(m[2], m[1]): name for name in names if (m := _ITEM.fullmatch(name))}
    if not codes:
        return []
    rows = sql_of(trace_item, conn).select(conn, ("serial", "gtin"), list(codes))
    return [(codes[row["serial"], row["gtin"]], row) for row in sorted(rows, key=lambda r: r["item_id"])]


def _locked(conn: Connection, items: Sequence[_Named]) -> list[_Named]:
    """The same as they stand once nobody else may change them."""
    if not items:
        return []
    rows = sql_of(trace_item, conn).lock(conn, {("item_id",): [(row["item_id"],) for _, row in items]})
    fresh = {row["item_id"]: row for row in rows}
    return [(name, fresh[row["item_id"]]) for name, row in items]


def _courses(conn: Connection, items: Sequence[_Named], seen: findings.Judged) -> list[_Told]:
    missing = [key_of(name) for name, _ in items if key_of(name) not in seen.facts]
    raw = {**seen.facts, **(findings.facts_by_key(conn, missing) if missing else {})}
    own = {key_of(name): standing(raw.get(key_of(name), ())) for name, _ in items}
    batches = _batches(conn, {row["item_id"] >> INDEX_BITS for _, row in items})
    brands = {key_of(name): batches[row["item_id"] >> INDEX_BITS]["merchant_id"] for name, row in items}
    held = counting(conn, own, brands)
    parents = {key: one.counted for key, one in held.items() if key not in own}
    ways = {key: rules.along(held[key].counted, parents) for key in own}
    places = _places(conn, [fact for way in ways.values() for fact in way])
    apart = _apart_of(conn, [row for _, row in items])
    claimed = _claimed(conn, [row["item_id"] for name, row in items if _relabels(ways[key_of(name)])])
    told = []
    for name, row in items:
        batch = batches[row["item_id"] >> INDEX_BITS]
        around = Around(places, batch["recalled_at"], batch["expiry"], row["item_id"] in claimed)
        key = key_of(name)
        course, mine = rules.follow(ways[key], around), held[key]
        known = _of_itself(conn, mine, own[key]) if mine.foreign else seen.found.get(name, ())
        wrong = [*known, *rules.contradictions_beside(known, course.wrong)]
        told.append(_Told(name, row, brands[key], course, wrong, apart[row["item_id"]], mine.foreign))
    return told


def _apart_of(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[int, _Apart]:
    """What items are apart from events, and since when: claimed, come back, or as they were made."""
    moved = {str(state) for state in rules.MOVES.values()}
    found = {
        row["item_id"]: (State.GENERATED, None) if row["state"] in moved else
        (State(row["state"]), row["state_at"]) for row in rows
    }  # fmt: skip
    over = [(row["item_id"],) for row in rows if row["state"] in rules.OVER_A_CLAIM]
    if not over:
        return found
    claims = sql_of(trace_claim, conn).select(conn, ("item_id",), over)
    found |= {row["item_id"]: (State.ACTIVATED, row["claimed_at"]) for row in claims}
    returns = sql_of(trace_return, conn).select(conn, ("item_id",), over)
    return found | {row["item_id"]: (State.VOID, row["returned_at"]) for row in returns}


def _relabels(way: Sequence[Fact]) -> bool:
    return any(fact.deed == Deed.REPLACE for fact in way)


def _claimed(conn: Connection, items: Sequence[int]) -> set[int]:
    """Those of the items that a member has claimed and not given back."""
    if not items:
        return set()
    rows = sql_of(trace_claim, conn).select(conn, ("item_id",), [(item,) for item in items])
    return {row["item_id"] for row in rows if row["voided_at"] is None}


def _batch_of(conn: Connection, item: _Named) -> Mapping[str, Any]:
    number = item[1]["item_id"] >> INDEX_BITS
    return _batches(conn, {number})[number]


def _write(conn: Connection, told: Sequence[_Told]) -> None:
    rows = []
    for one in told:
        codes = ",".join(sorted({wrong.code for wrong in one.wrong})) or None
        row = {**one.row, "contradicts": codes, **_moved(one)}
        if any(row[name] != one.row[name] for name in _COLUMNS):
            rows.append(row)
    if rows:
        sql_of(trace_item, conn).update(conn, _COLUMNS, rows)


def _moved(one: _Told) -> dict[str, Any]:
    last, (apart, since) = one.course.last, one.apart
    state = rules.settled(apart, None if last is None else last.state)
    if state == State(one.row["state"]):
        return {}
    if last is None or state != last.state:
        return {"state": str(state), "state_before": None, "state_place": None, "state_at": since}
    return {"state": str(last.state), "state_before": str(last.before), "state_place": last.place,
            "state_at": last.at}  # fmt: skip


def _open_cases(
    conn: Connection, told: Sequence[_Told], fresh: Sequence[tuple[str, Contradiction]], at: datetime
) -> None:
    ours = {one.name: (one.row["item_id"], one.row["gtin"], one.brand) for one in told}
    open_contradictions(conn, [(ours[name], _text(one)) for name, one in fresh if name in ours], at)


def _text(one: Contradiction) -> str:
    against = "" if one.other_seq is None else f", against event {one.other_seq}"
    return f"{one.code}: event {one.event_seq}{against}"


def _places(conn: Connection, facts: Sequence[Fact]) -> dict[int, int]:
    """Where the moving events among some happened, by their numbers, as far as they tell a GLN."""
    wanted = {fact.event_seq for fact in facts if fact.deed in _ELSEWHERE}
    its = select(_E.event_seq, _E.biz_location, _E.read_point).where(among(conn, _E.event_seq, wanted))
    found = ((seq, _GLN.search(location or point or "")) for seq, location, point in conn.execute(its))
    return {seq: int(gln[1]) for seq, gln in found if gln is not None}


def _batches(conn: Connection, numbers: set[int]) -> dict[int, Mapping[str, Any]]:
    b, p = trace_batch.c, trace_product.c
    joined = trace_batch.join(trace_product, p.gtin == b.gtin)
    columns = select(b.batch_no, b.recalled_at, b.expiry, p.merchant_id).select_from(joined)
    found: dict[int, Mapping[str, Any]] = {}
    for start in range(0, len(numbers), _STEP):
        part = sorted(numbers)[start : start + _STEP]
        rows = conn.execute(columns.where(b.batch_no.in_(part))).mappings()
        found |= {row["batch_no"]: row for row in rows}
    return found
