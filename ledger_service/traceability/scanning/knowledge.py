"""What is known of an item and its scans, in as many statements for an item that nobody made as for one.

The statements are built once: building them takes longer than the database takes to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnClause,
    Connection,
    Integer,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from ledger_service.kernel.clock import seconds_floor
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.claiming.rules import is_past
from ledger_service.traceability.epcis.models import epcis_event_epc
from ledger_service.traceability.epcis.things import Deed, key_of
from ledger_service.traceability.goods.models import trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.scanning.distance import Place, metres_at_least
from ledger_service.traceability.scanning.marks import NO_SALT, period_of
from ledger_service.traceability.scanning.models import (
    trace_scan_device,
    trace_scan_salt,
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
_P, _S, _U, _N = (t.c for t in (trace_product, trace_scan_sum, trace_scan_unknown, trace_scan_salt))
_ONE = select(literal_column("1", Integer).label("here")).subquery("one")
_PRODUCT, _FACTS, _SCANS = "product_", "fact_", "scan_"
_FACT_COLUMNS = (_I.item_id, _I.state, _I.state_at, _I.contradicts, _B.batch_no, _B.lot, _B.expiry,
                 _B.recalled_at, _C.device, _C.claimed_at, _C.place)  # fmt: skip
_PARTS = ((_PRODUCT, tuple(_P)), (_FACTS, _FACT_COLUMNS), (_SCANS, tuple(_S)))
_NO_PRODUCTS = _U.gtin == func.coalesce(_P.gtin, NO_PRODUCT)
# One row whatever is there: each part is NULL where there is none of it.
_KNOWN = select(
    *(column.label(prefix + column.name) for prefix, columns in _PARTS for column in columns),
    _U.times.label("unknown"), _N.salt,
).select_from(
    _ONE.outerjoin(trace_product, _P.gtin == bindparam("of"))
    .outerjoin(trace_item, (_I.serial == bindparam("number")) & (_I.gtin == bindparam("of")))
    .outerjoin(trace_batch, _B.batch_no == _I.item_id.op(">>")(_BITS))
    .outerjoin(trace_claim, _C.item_id == _I.item_id)
    .outerjoin(trace_scan_sum, _S.item_id == _I.item_id)
    .outerjoin(trace_scan_unknown, _NO_PRODUCTS & (_U.hour == bindparam("at_hour")))
    .outerjoin(trace_scan_salt, _N.period == bindparam("period"))
)  # fmt: skip
_TOLD = (int(Deed.COMMISSION), int(Deed.SELL), int(Deed.TAKE_BACK))
_DEEDS = (
    select(_E.event_time, _E.event_seq, _E.deed, _E.voids)
    .where((_E.epc_key == bindparam("key")) & _E.deed.in_(_TOLD))
    .order_by(_E.event_time, _E.event_seq).limit(_MOST_DEEDS)
)  # fmt: skip
_SEEN = select(_D.device, _D.seen_at).where(_D.item_id == bindparam("item"))
_ITSELF = _D.device == bindparam("mark")
_LATELY = (_D.device != bindparam("mark")) & (_D.seen_at >= bindparam("since"))
# The device itself, and as many others as change the verdict.
_DEVICES = union_all(
    _SEEN.where(_ITSELF), select(_SEEN.where(_LATELY).limit(DEVICES_SUSPECT).subquery("others"))
)
_MADE = select(_I.item_id).where((_I.serial == bindparam("number")) & (_I.gtin == bindparam("of")))
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """An item with its batch, product, claim and scans; ``facts`` is None where nobody made it.

    ``unknown`` counts the serials of its product that nobody made and somebody scanned in this hour; ``salt``
    is the period's, zeros where none was drawn yet.
    """

    item_id: int
    facts: Facts | None
    product: Facts | None
    scans: Facts | None
    unknown: int = 0
    salt: bytes = field(default=NO_SALT, repr=False)

    @property
    def gtin(self) -> str:
        """The product's GTIN, or the one that stands for none."""
        return NO_PRODUCT if self.product is None else str(self.product["gtin"])


def is_made(conn: Connection, told: Told) -> bool:
    """Whether the code names an item of ours."""
    asked = {"number": told.serial or "", "of": told.gtin}
    return conn.execute(_MADE, asked).scalar_one_or_none() is not None


def find_item(conn: Connection, told: Told, at: datetime) -> Item:
    """What stands in the tables about a code."""
    asked = {"number": told.serial or "", "of": told.gtin, "at_hour": hour_of(at), "period": period_of(at)}
    row = conn.execute(_KNOWN, asked).mappings().one()
    parts = {
        prefix: {column.name: row[prefix + column.name] for column in columns} for prefix, columns in _PARTS
    }
    product, facts, scans = (
        parts[prefix] if row[prefix + key] is not None else None
        for prefix, key in ((_PRODUCT, "gtin"), (_FACTS, "batch_no"), (_SCANS, "item_id"))
    )
    item_id = NOBODYS if facts is None else facts["item_id"]
    return Item(item_id, facts, product, scans, row["unknown"] or 0, bytes(row["salt"] or NO_SALT))


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
    devices = conn.execute(_DEVICES, {**its, "since": since}).all()
    last = next((seen_at for device, seen_at in devices if device == mark), None)
    if item.facts is None:
        return Seen(burst=item.unknown >= BURST_AN_HOUR), None
    scans, markets = item.scans, str(item.product["markets"]) if item.product is not None else ""
    outside = bool(markets) and place.country is not None and place.country not in markets.split(",")
    if scans is None:
        return Seen(devices=1, before_commissioning=before, outside_market=outside), None
    there = Place(None, scans["latitude_tenths"], scans["longitude_tenths"])
    seconds = max(0, seconds_floor(at) - seconds_floor(scans["last_at"]))
    others = len(devices) - (last is not None)
    seen = Seen(scans["times"], others + 1, metres_at_least(there, place), seconds, before, outside)
    return seen, last


def hour_of(at: datetime) -> int:
    """The hour in which bursts are counted."""
    return seconds_floor(at) // _HOUR
