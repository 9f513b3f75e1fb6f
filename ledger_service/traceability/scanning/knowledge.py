"""What is known of an item and its scans, in as many statements for an item that nobody made as for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnClause, Connection, Integer, RowMapping, literal_column, select

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
    i, b, p = trace_item.c, trace_batch.c, trace_product.c
    product = conn.execute(select(trace_product).where(p.gtin == told.gtin)).mappings().one_or_none()
    whole = trace_item.join(trace_batch, b.batch_no == i.item_id.op(">>")(_BITS))
    whole = whole.outerjoin(trace_claim, trace_claim.c.item_id == i.item_id)
    columns = (i.item_id, i.state, i.state_at, b.batch_no, b.lot, b.expiry, b.recalled_at,
               trace_claim.c.device, trace_claim.c.claimed_at, trace_claim.c.place)  # fmt: skip
    mine = (i.serial == (told.serial or "")) & (i.gtin == told.gtin)
    facts = conn.execute(select(*columns).select_from(whole).where(mine)).mappings().one_or_none()
    item_id = NOBODYS if facts is None else facts["item_id"]
    scans = select(trace_scan_sum).where(trace_scan_sum.c.item_id == item_id)
    return Item(item_id, facts, product, conn.execute(scans).mappings().one_or_none())


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
    e = epcis_event_epc.c
    wanted = (int(Deed.COMMISSION), int(Deed.SELL), int(Deed.TAKE_BACK))
    mine = (e.epc_key == key_of(told.name)) & e.deed.in_(wanted)
    query = select(e.event_time, e.event_seq, e.deed, e.voids).where(mine)
    rows = conn.execute(query.order_by(e.event_time, e.event_seq).limit(_MOST_DEEDS)).all()
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
    d, since = trace_scan_device.c, at - timedelta(days=DEVICE_DAYS)
    its = (d.item_id == item.item_id) & (d.seen_at >= since)
    others = conn.execute(select(d.device).where(its & (d.device != mark)).limit(DEVICES_SUSPECT)).all()
    mine = select(d.seen_at).where((d.item_id == item.item_id) & (d.device == mark))
    last = conn.execute(mine).scalar_one_or_none()
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
    u = trace_scan_unknown.c
    mine = (u.gtin == gtin) & (u.hour == hour_of(at))
    return int(conn.execute(select(u.times).where(mine)).scalar_one_or_none() or 0)


def hour_of(at: datetime) -> int:
    """The hour in which bursts are counted."""
    return seconds_floor(at) // _HOUR
