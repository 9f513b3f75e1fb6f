"""Events of cases that are commissioned, packed, shipped, unpacked and sold: captured in documents, then the
whole history of single items, over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Any
from urllib.parse import quote

import orjson

from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.bench_stage import BenchOptions, Stage
from ledger_service.demo.http_client import Request
from ledger_service.kernel.gs1 import with_check_digit

EVENTS_IN_DOCUMENT = 1_000
_IN_CASE = 6
_HISTORIES = 200
_GTIN = "https://id.gs1.org/01/09506000134352/21/"
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
