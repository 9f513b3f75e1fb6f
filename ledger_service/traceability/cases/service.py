"""Opening cases from findings, assigning and closing them; each in the caller's unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.kernel.clock import micros_of
from ledger_service.kernel.ids import derive_id
from ledger_service.traceability.cases.errors import ItemCaseClosed, ItemCaseUnknown
from ledger_service.traceability.cases.models import trace_case, trace_case_event
from ledger_service.traceability.cases.rules import CONTRADICTION, MOST_EVENTS, kinds_of
from ledger_service.traceability.scanning.rules import Judgement

SCANS, EVENTS = "scans", "events"
# What people say of a case must still fit behind its scans.
_MOST_SEEN = MOST_EVENTS - 50


@dataclass(frozen=True, slots=True)
class Said:
    """Who does something to a case, what they say about it, and when."""

    by: str
    text: str
    at: datetime


def open_cases(
    conn: Connection, judgement: Judgement, about: tuple[int, str, int | None], said: Said
) -> list[bytes]:
    """A case is open for everything that the scan found; one that was open has this as evidence.

    Args:
        conn: of the caller, which commits.
        judgement: of the scan.
        about: the item's number (0 for none), its GTIN, and the brand.
        said: by the scans: what they saw, and when.

    Locks: the open case's row.
    """
    item_id, gtin, merchant_id = about
    found = []
    for kind in kinds_of(judgement):
        subject = str(item_id) if item_id else gtin
        found.append(_open(conn, (kind, subject), (gtin, merchant_id), said))
    return found


def open_contradictions(
    conn: Connection, found: Sequence[tuple[tuple[int, str, int], str]], at: datetime
) -> None:
    """A case of the brand is open for every item whose events contradict themselves.

    Args:
        conn: of the caller, which commits.
        found: about whom, as ``open_cases`` has it, and what contradicts what.
        at: when.

    Locks: the open cases' rows, in the order of their items.
    """
    for (item_id, gtin, merchant_id), text in sorted(found):
        _open(conn, (CONTRADICTION, str(item_id)), (gtin, merchant_id), Said(EVENTS, text, at))


def assign(conn: Connection, case_id: bytes, merchant_id: int | None, to: str, said: Said) -> None:
    """Somebody looks into the case.

    Raises:
        ItemCaseUnknown, ItemCaseClosed: there is none that is open.
    """
    _locked(conn, case_id, merchant_id)
    _change(conn, case_id, state="assigned", assigned_to=to)
    _note(conn, case_id, "assigned", said)


def note(conn: Connection, case_id: bytes, merchant_id: int | None, said: Said) -> None:
    """Evidence stands in the case; raises as ``assign``."""
    _locked(conn, case_id, merchant_id)
    _note(conn, case_id, "noted", said)


def close(conn: Connection, case_id: bytes, merchant_id: int | None, closure: str, said: Said) -> None:
    """The case ended as ``closure`` says, one of ``rules.CLOSURES``; raises as ``assign``."""
    _locked(conn, case_id, merchant_id)
    _change(conn, case_id, state="closed", closure=closure)
    _note(conn, case_id, "closed", said)


def cases_of(
    conn: Connection, merchant_id: int | None, state: str | None, after: bytes | None, most: int
) -> list[RowMapping]:
    """Cases of a brand, or of all (None), by id; ids say nothing of time, so a page stays one."""
    c = trace_case.c
    query = select(trace_case)
    if merchant_id is not None:
        query = query.where(c.merchant_id == merchant_id)
    if state is not None:
        query = query.where(c.state == state)
    if after is not None:
        query = query.where(c.case_id > after)
    return list(conn.execute(query.order_by(c.case_id).limit(most)).mappings())


def find_case(
    conn: Connection, case_id: bytes, merchant_id: int | None
) -> tuple[RowMapping, list[RowMapping]]:
    """The case, and what happened to it in order.

    Raises:
        ItemCaseUnknown: there is none.
    """
    row = _found(conn, case_id, merchant_id)
    e = trace_case_event.c
    events = select(trace_case_event).where(e.case_id == case_id).order_by(e.position).limit(MOST_EVENTS)
    return row, list(conn.execute(events).mappings())


def _open(conn: Connection, cause: tuple[str, str], about: tuple[str, int | None], said: Said) -> bytes:
    (kind, subject), c = cause, trace_case.c
    case_id = derive_id("item-case", kind, subject, micros_of(said.at))
    known = {"gtin": about[0], "merchant_id": about[1], "opened_at": said.at, "last_at": said.at, "seen": 1}
    made = {"case_id": case_id, "kind": kind, "subject": subject, "state": "open", **known}
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    fresh = make(trace_case).values(made).on_conflict_do_nothing().returning(c.case_id)
    if conn.execute(fresh).one_or_none() is not None:
        _note(conn, case_id, "opened", said)
        return case_id
    mine = (c.kind == kind) & (c.subject == subject) & (c.state != "closed")
    row = conn.execute(select(c.case_id, c.seen).where(mine).with_for_update()).one_or_none()
    if row is None:
        return case_id  # closed in this instant: the next finding opens another
    _change(conn, row.case_id, seen=row.seen + 1, last_at=said.at)
    if row.seen < _MOST_SEEN:
        _note(conn, row.case_id, "seen", said)
    return bytes(row.case_id)


def _found(conn: Connection, case_id: bytes, merchant_id: int | None, lock: bool = False) -> RowMapping:
    query = select(trace_case).where(trace_case.c.case_id == case_id)
    row = conn.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None or (merchant_id is not None and row["merchant_id"] != merchant_id):
        raise ItemCaseUnknown
    return row


def _locked(conn: Connection, case_id: bytes, merchant_id: int | None) -> RowMapping:
    row = _found(conn, case_id, merchant_id, lock=True)
    if row["state"] == "closed":
        raise ItemCaseClosed(row["closure"])
    return row


def _change(conn: Connection, case_id: bytes, **values: Any) -> None:
    conn.execute(update(trace_case).where(trace_case.c.case_id == case_id).values(**values))


def _note(conn: Connection, case_id: bytes, kind: str, said: Said) -> None:
    mine = trace_case_event.c.case_id == case_id
    position = conn.execute(select(func.count()).select_from(trace_case_event).where(mine)).scalar_one()
    row = {"case_id": case_id, "position": position, "kind": kind, "by_whom": said.by, "said": said.text,
           "at": said.at}  # fmt: skip
    conn.execute(insert(trace_case_event).values(row))
