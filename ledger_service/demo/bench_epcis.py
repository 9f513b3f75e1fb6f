"""Events of cases that are commissioned, packed, shipped, unpacked and sold: captured in documents, then the
whole history of single items, over HTTP, among so many other events.

Those others are rows put straight into the tables, each of one thing and its class, with a body of the usual
length; the database is thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.bench_stage import BenchOptions, Stage
from ledger_service.demo.bench_tiers import connected, numbers_sql
from ledger_service.demo.http_client import Request
from ledger_service.kernel.clock import micros_of
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.traceability.epcis.things import KIND, Role, key_of

EVENTS_IN_DOCUMENT = 1_000
_IN_CASE = 6
_HISTORIES = 200
_AT_ONCE = 100_000
_GTIN = "https://id.gs1.org/01/09506000134352/21/"
_CLASS = "https://id.gs1.org/01/09506000134352"
_PLACE = {"id": "https://id.gs1.org/414/9506000134352"}
_CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
_BEGINS = datetime(2016, 1, 1, tzinfo=UTC)


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Documents one after another, as a supplier sends them, then histories over four connections."""
    figures = Figures(stage.name)
    events = _events()
    documents = -(-options.requests // EVENTS_IN_DOCUMENT)
    wires = [_document(stage, list(islice(events, EVENTS_IN_DOCUMENT))) for _ in range(documents)]
    captured = await stage.fired(wires, 1)
    figures.add_load("document", captured)
    span = max(captured.ended_ns - captured.begun_ns, 1)
    figures.rows["events captured/s"] = f"{captured.good * EVENTS_IN_DOCUMENT * 1_000_000_000 // span:,}"
    with closing(connected(_url(stage))) as connection:
        figures.rows["events at the walks"] = f"{_fill(connection, options.entries):,}"
    cases = documents * EVENTS_IN_DOCUMENT // (_IN_CASE + 4)
    asked = [_history(stage, number * cases // _HISTORIES) for number in range(_HISTORIES)]
    await stage.fired(asked, 4)  # every key and plan has been seen once
    figures.add_load("walk", await stage.fired(asked, 4))
    return figures


def _events() -> Iterator[dict[str, Any]]:
    for number in count():
        at = _BEGINS + timedelta(seconds=number)
        case = f"https://id.gs1.org/00/{with_check_digit(f'{number:017d}')}"
        items = [_item(number, place) for place in range(_IN_CASE)]
        inside = {"type": "AggregationEvent", "parentID": case, "childEPCs": items}
        told: list[dict[str, Any]] = [
            *({"action": "ADD", "epcList": [item], "bizStep": "commissioning"} for item in items),
            {"action": "ADD", "bizStep": "packing", **inside},
            {"action": "OBSERVE", "epcList": [case], "bizStep": "shipping"},
            {"action": "DELETE", "bizStep": "unpacking", **inside},
            {"action": "OBSERVE", "epcList": items[:1], "bizStep": "retail_selling"},
        ]
        for hour, event in enumerate(told):
            time = (at + timedelta(hours=hour)).isoformat()
            whole = {"type": "ObjectEvent", "eventTime": time, "eventTimeZoneOffset": "+00:00"}
            yield whole | {"readPoint": _PLACE} | event


def _item(case: int, place: int) -> str:
    return f"{_GTIN}C{case}I{place}"


def _document(stage: Stage, events: list[dict[str, Any]]) -> bytes:
    document = {"@context": _CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0",
                "creationDate": "2017-01-01T00:00:00Z", "epcisBody": {"eventList": events}}  # fmt: skip
    return Request("POST", "/epcis/capture", orjson.dumps(document), _key(stage)).wire(stage.bench.host)


def _history(stage: Stage, case: int) -> bytes:
    path = f"/epcis/epcs/{quote(_item(case, 0), safe='')}/history"
    return Request("GET", path, b"", _key(stage)).wire(stage.bench.host)


def _key(stage: Stage) -> dict[str, str]:
    return {"Authorization": f"Bearer {stage.stack.operator_key}"}


def _fill(connection: Any, wanted: int) -> int:
    """So many events in all; returns how many there are."""
    execute, postgres = connection.execute, not hasattr(connection, "iterdump")
    there = int(execute("SELECT COUNT(*) FROM epcis_event").fetchone()[0])
    number = "decode(md5({0}), 'hex')" if postgres else "randomblob(16)"
    digest = f"{number.format('random()::text')} || {number.format('n::text')}"
    digest = digest if postgres else "randomblob(32)"
    class_key = f"'\\x{key_of(_CLASS).hex()}'::bytea" if postgres else f"x'{key_of(_CLASS).hex()}'"
    body = f"'{orjson.dumps(next(_events())).decode()}'"
    body = f"convert_to({body}, 'UTF8')" if postgres else f"CAST({body} AS BLOB)"
    at = f"{micros_of(_BEGINS)} + n * 1000000"
    for first in range(there, wanted, _AT_ONCE):
        rows = numbers_sql(first, min(first + _AT_ONCE, wanted) - 1, postgres)
        execute("INSERT INTO epcis_event (event_seq, hash, hash_version, declares, kind, action, event_time,"
                " record_time, biz_step, body)"
                f" SELECT n, {digest}, 'CBV2.0', {'false' if postgres else 0}, 'ObjectEvent', 'OBSERVE',"
                f" {at}, {at}, 'storing', {body} FROM {rows}")  # fmt: skip
        for key, role in ((number.format("n::text"), Role.EPC), (class_key, KIND + Role.EPC)):
            execute("INSERT INTO epcis_event_epc (epc_key, event_time, event_seq, role, deed)"
                    f" SELECT {key}, {at}, n, {int(role)}, 9 FROM {rows}")  # fmt: skip
    for statement in ("VACUUM ANALYZE", "CHECKPOINT") if postgres else ("ANALYZE", "PRAGMA wal_checkpoint"):
        execute(statement)
    return int(execute("SELECT COUNT(*) FROM epcis_event").fetchone()[0])


def _url(stage: Stage) -> str:
    folder = Path(stage.stack.settings["ALLIANCE_STATE_DIR"])
    return stage.database_url or f"sqlite:///{folder}/alliance.db"
