"""Scans of item codes: a verdict with its reasons for everybody, recorded without personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from ledger_service.api import shapes
from ledger_service.api.dialects import Dialect
from ledger_service.api.routes import PUBLIC, Call, Parameter, Reply, Route, Served, Success
from ledger_service.api.schema import Flag, Integer, Listing, Nullable, Record, Schema, Text
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.digital_link.parsing import LONGEST_URI
from ledger_service.traceability.scanning.distance import MOST_LATITUDE, MOST_LONGITUDE, Place
from ledger_service.traceability.scanning.grouped import scan_in_group
from ledger_service.traceability.scanning.journey import MOST_SHOWN, journey_of
from ledger_service.traceability.scanning.rules import Verdict
from ledger_service.traceability.scanning.service import Scanned, Scans, Visit

GROUP = "Scans"
CODE = Text(LONGEST_URI, about="The scanned text, a GS1 Digital Link URI")
COUNTRY = Text(pattern="[A-Z]{2}", about="ISO 3166-1 alpha-2")
PLACE: dict[str, Schema] = {
    "country": Nullable(COUNTRY),
    "latitude_tenths": Nullable(Integer(-MOST_LATITUDE, MOST_LATITUDE, "Tenths of a degree")),
    "longitude_tenths": Nullable(Integer(-MOST_LONGITUDE, MOST_LONGITUDE, "Tenths of a degree")),
}
DEVICE = Text(64, 8, about="What tells the device apart; kept only as a hash that is forgotten")
NAMES = Record({"en": Text(200), "zh-Hans": Text(200), "zh-Hant": Text(200)}, closed=False)
_VERDICT = shapes.answer(
    "ScanVerdict", verdict=Text(one_of=tuple(str(v) for v in Verdict)), reasons=Listing(Text(), 4),
    hints=Listing(Text(), 4), why=Nullable(Text(200)), gtin=Nullable(Text(14)), serial=Nullable(Text(20)),
    lot=Nullable(Text(20)), expiry=Nullable(Text(6)), brand=Nullable(Text(100)), names=Nullable(NAMES),
    recalled_at=Nullable(shapes.INSTANT), times=Integer(0), first_at=Nullable(shapes.INSTANT),
    first_country=Nullable(COUNTRY), claimed=Flag(), claimed_at=Nullable(shapes.INSTANT),
    claimed_place=Nullable(Text(16, 0)),
)  # fmt: skip
LOOK = Route(
    "GET", "/v1/scans", "show-verdict", PUBLIC, "The verdict over an item's code; nothing is recorded",
    group=GROUP, limited=True,
    query={"code": Parameter(CODE, "The scanned text", required=True),
           "country": Parameter(COUNTRY, "Where it is looked at")},
    success=Success(200, "The verdict, with the facts behind it.", _VERDICT),
)  # fmt: skip
SCAN = Route(
    "POST", "/v1/scans", "record-scan", PUBLIC,
    "Scan an item's code: its verdict, and from now on one scan more; no personal data is kept",
    group=GROUP, limited=True, body=Record({"code": CODE}, {**PLACE, "device": Nullable(DEVICE)}),
    success=Success(200, "The verdict as before this scan.", _VERDICT),
    dialect=Dialect(asked=("User-Agent", ":address")),
)  # fmt: skip
JOURNEY = Route(
    "GET", "/v1/scans/journey", "item-journey", PUBLIC,
    "Where an item has been, by days and places; nothing for a code that nobody made", group=GROUP,
    limited=True, query={"code": Parameter(CODE, "The scanned text", required=True)},
    success=Success(200, "The stops, oldest first; `cut` says that there are more.", shapes.answer(
        "ItemJourney", cut=Flag(), stops=Listing(Record({
            "day": Text(10), "step": Nullable(Text()), "disposition": Nullable(Text()), "relation": Text(16),
            "place": Nullable(shapes.GLN), "name": Nullable(Text(200)),
        }, closed=False), MOST_SHOWN))),
)  # fmt: skip
ROUTES = (LOOK, SCAN, JOURNEY)


@dataclass(frozen=True, slots=True)
class ScansDoor:
    """The endpoints of this module over the scanning room."""

    scans: Scans
    database: Database
    writer: Writer

    def look(self, call: Call) -> Reply:
        """A verdict, and no trace of it."""
        visit = Visit("", Place(call.query.get("country")))
        with self.database.read() as conn:
            return Reply(_document(self.scans.look(conn, call.query["code"], visit, call.at)))

    def journey(self, call: Call) -> Reply:
        """The item's way; a wrong tag is answered like an item that nobody made."""
        told = self.scans.read(call.query["code"])
        if told is None:
            return Reply({"stops": [], "cut": False})
        with self.database.snapshot() as conn:
            stops, cut = journey_of(conn, told)
        return Reply({"stops": [asdict(stop) for stop in stops], "cut": cut})

    def scan(self, call: Call) -> Reply:
        """A verdict, and a scan more."""
        code, visit = call.body.fields["code"], visit_of(call)
        return Reply(_document(scan_in_group((self.scans, self.database, self.writer), code, visit, call.at)))


def visit_of(call: Call) -> Visit:
    """Who calls from where, by what the body says, or else by the address and the browser."""
    given, headers = call.body.fields, call.headers or {}
    device = given.get("device") or f"{headers.get(':address', '')}|{headers.get('User-Agent', '')[:200]}"
    return Visit(device, Place(*(given.get(name) for name in PLACE)))


def served(door: ScansDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(LOOK, door.look), Served(SCAN, door.scan), Served(JOURNEY, door.journey)]


def _document(scanned: Scanned) -> dict[str, Any]:
    judgement, told, item = scanned.judgement, scanned.told, scanned.item
    facts: Any = {} if item is None or item.facts is None else item.facts
    product = None if item is None or not facts else item.product
    scans: Any = {} if item is None or item.scans is None else item.scans
    claimed = facts.get("claimed_at")
    return {
        "verdict": str(judgement.verdict), "reasons": list(judgement.reasons), "hints": list(judgement.hints),
        "why": scanned.why[:200] or None, "gtin": None if told is None else told.gtin,
        "serial": None if told is None else told.serial or None,
        "lot": facts.get("lot"), "expiry": facts.get("expiry"),
        "brand": None if product is None else product["brand"],
        "names": None if product is None else names_of(product),
        "recalled_at": _instant(facts.get("recalled_at")), "times": scans.get("times", 0),
        "first_at": _instant(scans.get("first_at")), "first_country": scans.get("first_country"),
        "claimed": claimed is not None, "claimed_at": _instant(claimed), "claimed_place": facts.get("place"),
    }  # fmt: skip


def names_of(product: Mapping[str, Any] | RowMapping) -> dict[str, str]:
    """A product's names by language."""
    return {"en": product["name_en"], "zh-Hans": product["name_zh_hans"], "zh-Hant": product["name_zh_hant"]}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
