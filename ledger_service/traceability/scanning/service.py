"""Scans: judged by what is known, and recorded without personal data; in the caller's unit of work.

A scan is judged before it counts. One device's scans of an item within a minute are one, so that a page that
is loaded again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.kernel.ids import IdSource
from ledger_service.traceability.cases.rules import kinds_of
from ledger_service.traceability.cases.service import SCANS, Said, open_cases
from ledger_service.traceability.scanning import knowledge
from ledger_service.traceability.scanning.distance import Place
from ledger_service.traceability.scanning.knowledge import Item
from ledger_service.traceability.scanning.marks import NO_SALT, mark_of, salt_of
from ledger_service.traceability.scanning.models import (
    trace_scan,
    trace_scan_device,
    trace_scan_sum,
    trace_scan_unknown,
)
from ledger_service.traceability.scanning.reading import Told, is_right_tag, read_code
from ledger_service.traceability.scanning.recording import ONE_SCAN, Record, first_sum, moving
from ledger_service.traceability.scanning.rules import Judgement, Seen, Verdict, judge


@dataclass(frozen=True, slots=True)
class Visit:
    """Who scans, as far as it is told: what tells the device apart (never kept), and a coarse place."""

    device: str = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class Scanned:
    """A judgement with what it is about; ``told`` is None for a malformed code, whose fault is ``why``."""

    judgement: Judgement
    told: Told | None = None
    item: Item | None = None
    seen: Seen | None = None
    why: str = ""


@dataclass(frozen=True)
class Scans:
    """Judging and recording scans; ``master`` is the service's secret behind tags."""

    master: bytes = field(repr=False)
    ids: IdSource

    def look(self, conn: Connection, code: str, visit: Visit, at: datetime) -> Scanned:
        """The verdict over a code, with nothing recorded, not even a salt drawn.

        Idempotency: a read. Work: the same for an item that nobody made, a wrong tag and a right one.
        """
        return self._judged(conn, code, visit, at)[0]

    def scan(self, conn: Connection, code: str, visit: Visit, at: datetime) -> Scanned:
        """The verdict over a code; the scan is recorded and counts from now on, and may open a case.

        Idempotency: one device's scans of an item within a minute are one.
        """
        salt_of(conn, self.ids, at)
        scanned, mark, last = self._judged(conn, code, visit, at)
        item = scanned.item
        if item is None or (last is not None and at - last < ONE_SCAN):
            return scanned
        self._record(conn, item, _row_of(item, scanned.judgement, (mark, visit.place), at))
        about = item.item_id, item.gtin, _owner(item)
        open_cases(conn, scanned.judgement, about, Said(SCANS, evidence(scanned, visit.place), at))
        return scanned

    def plain(
        self, conn: Connection, code: str, visit: Visit, at: datetime
    ) -> tuple[Scanned, Record | None] | None:
        """The verdict over a code as ``look`` gives it, and what is to record of it (``RecordScanCommand``).

        Returns:
            No record where the scan says nothing new. None where ``scan`` must judge and record it in one: an
            item that nobody made, a finding that opens a case, a period without a salt.
        """
        scanned, mark, last = self._judged(conn, code, visit, at)
        item = scanned.item
        if item is None or (last is not None and at - last < ONE_SCAN):
            return scanned, None
        if item.facts is None or item.salt == NO_SALT or kinds_of(scanned.judgement):
            return None
        row = _row_of(item, scanned.judgement, (mark, visit.place), at)
        return scanned, Record(row, 0 if item.scans is None else item.scans["times"])

    def read(self, code: str) -> Told | None:
        """What a code says; None for a malformed one or a wrong tag."""
        told = read_code(code)
        return None if isinstance(told, str) or not is_right_tag(self.master, told) else told

    def _judged(
        self, conn: Connection, code: str, visit: Visit, at: datetime
    ) -> tuple[Scanned, bytes, datetime | None]:
        told = read_code(code)
        if isinstance(told, str):
            return Scanned(Judgement(Verdict.MALFORMED, ("malformed",)), why=told), b"", None
        if not is_right_tag(self.master, told):
            told = replace(told, serial="")  # looked up like any other, and found by nobody
        item = knowledge.find_item(conn, told, at)
        mark = mark_of(item.salt, item.item_id, visit.device)
        known, before = knowledge.known_of(conn, told, item, mark, at)
        seen, last = knowledge.seen_of(conn, item, (mark, visit.place), at, before)
        judgement = judge(known, (told.lot, told.expiry), seen)
        return Scanned(judgement, told, item, seen), mark, last

    def _record(self, conn: Connection, item: Item, row: dict[str, Any]) -> None:
        conn.execute(_SCAN, row)
        seen = {"item_id": item.item_id, "device": row["device"], "seen_at": row["at"]}
        conn.execute(_upsert(conn.dialect.name, trace_scan_device, ("seen_at",)), seen)
        if item.facts is None:
            count = {"gtin": item.gtin, "hour": knowledge.hour_of(row["at"]), "times": 1}
            conn.execute(_upsert(conn.dialect.name, trace_scan_unknown, ("times",)), count)
            return
        change = ("times", *moving(row, item.scans))
        conn.execute(_upsert(conn.dialect.name, trace_scan_sum, change), first_sum(row))


def evidence(scanned: Scanned, place: Place) -> str:
    """What a case keeps of a scan: the verdict, where it was as coarsely as scans are kept, and how far that
    is from the scan before."""
    said, seen = scanned.judgement, scanned.seen
    told = [f"{said.verdict}: {', '.join(said.reasons + said.hints)}"]
    where = [place.country or "", *map(_degrees, place.point or ())]
    if any(where):
        told.append(f"at {' '.join(filter(None, where))}")
    if seen is not None and seen.metres and seen.times:
        told.append(f"at least {seen.metres // 1_000} km from the scan {seen.seconds // 60} minutes before")
    return "; ".join(told)


def _degrees(tenths: int) -> str:
    return f"{'-' if tenths < 0 else ''}{abs(tenths) // 10}.{abs(tenths) % 10}"


def _row_of(item: Item, judgement: Judgement, visit: tuple[bytes, Place], at: datetime) -> dict[str, Any]:
    mark, place = visit
    return {
        "item_id": item.item_id or None, "gtin": None if item.product is None else item.gtin,
        "at": at, "device": mark, "country": place.country, "latitude_tenths": place.latitude_tenths,
        "longitude_tenths": place.longitude_tenths, "verdict": str(judgement.verdict),
        "reasons": ",".join(judgement.reasons + judgement.hints),
    }  # fmt: skip


def _owner(item: Item) -> int | None:
    return None if item.product is None else int(item.product["merchant_id"])


@cache
def _upsert(dialect: str, table: Table, change: tuple[str, ...]) -> Insert:
    """Inserts a row; of one that is there ``times`` goes up by one, and other columns are as in the new."""
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    keys = [column.name for column in table.primary_key.columns]
    row = make(table)
    new = {name: table.c.times + 1 if name == "times" else row.excluded[name] for name in change}
    return row.on_conflict_do_update(index_elements=keys, set_=new)


_SCAN = insert(trace_scan)
