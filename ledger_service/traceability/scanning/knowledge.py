"""What is known of an item and its scans, in as many statements for an item that nobody made as for one.

The statements are built once: building them takes longer than the database takes to answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnClause, Connection, Integer, RowMapping, bindparam, literal_column, select

from ledger_service.kernel.clock import seconds_floor
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.claiming.rules import is_past
from ledger_service.traceability.epcis.models import epcis_event_epc
from ledger_service.traceability.epcis.things import Deed, key_of
from ledger_service.traceability.goods.models import trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.scanning.distance import Place, metres_at_least
from ledger_service.traceability.scanning.models import (
    trace_scan_device,
    trace_scan_sum,
    trace_scan_unknown,
)
from ledger_service.traceability.scanning.reading import Told
from ledger_service.traceability.scanning.rules import DEVICES_SUSPECT, Known, Seen

NOBODYS = 0
NO_PRODUCT = "0" * 14
BURST_AN_HOUR = 20
DEVICE_DAYS = 30
_MOST_DEEDS = 100
# Of no parameter's type: PostgreSQL shifts by nothing wider than an INTEGER.
_BITS: ColumnClause[int] = literal_column(str(INDEX_BITS), Integer)
_HOUR = 3_600
_I, _B, _C, _D, _E = (t.c for t in (trace_item, trace_batch, trace_claim, trace_scan_device, epcis_event_epc))
_WHOLE = trace_item.join(trace_batch, _B.batch_no == _I.item_id.op(">>")(_BITS)).outerjoin(
    trace_claim, _C.item_id == _I.item_id
)
_PRODUCT = select(trace_product).where(trace_product.c.gtin == bindparam("of"))
_ITEM = (
    select(_I.item_id, _I.state, _I.state_at, _I.contradicts, _B.batch_no, _B.lot, _B.expiry, _B.recalled_at,
           _C.device, _C.claimed_at, _C.place)
    .select_from(_WHOLE).where((_I.serial == bindparam("number")) & (_I.gtin == bindparam("of")))
)  # fmt: skip
_SCANS = select(trace_scan_sum).where(trace_scan_sum.c.item_id == bindparam("item"))
_TOLD = (int(Deed.COMMISSION), int(Deed.SELL), int(Deed.TAKE_BACK))
_DEEDS = (
    select(_E.event_time, _E.event_seq, _E.deed, _E.voids)
    .where((_E.epc_key == bindparam("key")) & _E.deed.in_(_TOLD))
    .order_by(_E.event_time, _E.event_seq).limit(_MOST_DEEDS)
)  # fmt: skip
_OTHERS = (
    select(_D.device)
    .where((_D.item_id == bindparam("item")) & (_D.seen_at >= bindparam("since")))
    .where(_D.device != bindparam("mark")).limit(DEVICES_SUSPECT)
)  # fmt: skip
_LAST = select(_D.seen_at).where((_D.item_id == bindparam("item")) & (_D.device == bindparam("mark")))
_UNKNOWN = select(trace_scan_unknown.c.times).where(
    (trace_scan_unknown.c.gtin == bindparam("of")) & (trace_scan_unknown.c.hour == bindparam("at_hour"))
)
Facts = RowMapping


@dataclass(frozen=True, slots=True)
class Item:
    """An item with its batch, product, claim and scans; ``facts`` is None where nobody made it."""

    item_id: int
    facts: Facts | None
    product: Facts | None
    scans: Facts | None

    @property
    def gtin(self) -> str:
        """The product's GTIN, or the one that stands for none."""
        return NO_PRODUCT if self.product is None else str(self.product["gtin"])


def find_item(conn: Connection, told: Told) -> Item:
    """What stands in the tables about a code."""
    product = conn.execute(_PRODUCT, {"of": told.gtin}).mappings().one_or_none()
    wanted = {"number": told.serial or "", "of": told.gtin}
    facts = conn.execute(_ITEM, wanted).mappings().one_or_none()
    item_id = NOBODYS if facts is None else facts["item_id"]
    return Item(item_id, facts, product, conn.execute(_SCANS, {"item": item_id}).mappings().one_or_none())


def known_of(
    conn: Connection, told: Told, item: Item, mark: bytes, at: datetime
) -> tuple[Known | None, bool]:
    """What the rules need of the item, and whether it is scanned before it was commissioned."""
    deeds = _deeds(conn, told)
    facts = item.facts
    if facts is None:
        return None, False
    born = min((time for time, deed in deeds if deed == Deed.COMMISSION), default=None)
    known = Known(
        state=State(facts["state"]), lot=facts["lot"], expiry=facts["expiry"],
        recalled=facts["recalled_at"] is not None,
        claimed_by_another=facts["device"] is not None and facts["device"] != mark,
        sales=most_sales(deeds), expired=is_past(facts["expiry"], at.astimezone(UTC).date()),
        contradicts=bool(facts["contradicts"]),
    )  # fmt: skip
    return known, born is not None and at < born


def most_sales(deeds: list[tuple[datetime, int]]) -> int:
    """How often at most an item was sold without having come back in between."""
    sold = most = 0
    for _, deed in sorted(deeds):
        sold += (deed == Deed.SELL) - (deed == Deed.TAKE_BACK and sold > 0)
        most = max(most, sold)
    return most


def _deeds(conn: Connection, told: Told) -> list[tuple[datetime, int]]:
    """When the item was commissioned, sold and taken back, without what was declared wrong."""
    rows = conn.execute(_DEEDS, {"key": key_of(told.name)}).all()
    void = {row.voids for row in rows if row.voids is not None}
    return [(r.event_time, r.deed) for r in rows if r.voids is None and r.event_seq not in void]


def seen_of(
    conn: Connection, item: Item, visit: tuple[bytes, Place], at: datetime, before: bool
) -> tuple[Seen, datetime | None]:
    """What the rules need of the scans, and when this device scanned the item last.

    Args:
        conn: any.
        item: as it was found.
        visit: the device's mark and its place.
        at: now.
        before: whether the item was not commissioned yet.
    """
    mark, place = visit
    since, its = at - timedelta(days=DEVICE_DAYS), {"item": item.item_id, "mark": mark}
    others = conn.execute(_OTHERS, {**its, "since": since}).all()
    last = conn.execute(_LAST, its).scalar_one_or_none()
    burst = unknown_this_hour(conn, item.gtin, at) >= BURST_AN_HOUR
    if item.facts is None:
        return Seen(burst=burst), None
    scans, markets = item.scans, str(item.product["markets"]) if item.product is not None else ""
    outside = bool(markets) and place.country is not None and place.country not in markets.split(",")
    if scans is None:
        return Seen(devices=1, before_commissioning=before, outside_market=outside), None
    there = Place(None, scans["latitude_tenths"], scans["longitude_tenths"])
    seconds = max(0, seconds_floor(at) - seconds_floor(scans["last_at"]))
    seen = Seen(scans["times"], len(others) + 1, metres_at_least(there, place), seconds, before, outside)
    return seen, last


def unknown_this_hour(conn: Connection, gtin: str, at: datetime) -> int:
    """How many serials of a product that nobody made were scanned in this hour."""
    found = conn.execute(_UNKNOWN, {"of": gtin, "at_hour": hour_of(at)})
    return int(found.scalar_one_or_none() or 0)


def hour_of(at: datetime) -> int:
    """The hour in which bursts are counted."""
    return seconds_floor(at) // _HOUR
