"""The way of the goods as EPCIS events: works, distribution centre, shops, and what happens there. Pure.

Items of one shop lie in one case of their lot, the cases of one shop on one pallet. Who sold an item links
the sale's id as a business transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ledger_service.demo.goods_data import LOT, Lot, container, works
from ledger_service.demo.visits import MERCHANT_OF
from ledger_service.kernel.clock import format_instant, parse_instant

MADE_AT = parse_instant("2016-12-20T08:00:00Z", "journey")
STOCKED_AT = parse_instant("2016-12-30T06:00:00Z", "journey")
CENTRE = works(0)
Event = dict[str, Any]
Codes = Mapping[str, Sequence[str]]
Shop = tuple[str, int]


def item_name(gtin: str, serial: str) -> str:
    """How events name an item."""
    return f"https://id.gs1.org/01/{gtin}/21/{serial}"


def journey(lots: Sequence[Lot], codes: Codes) -> Iterator[tuple[datetime, list[Event]]]:
    """Everything until the goods stand in the shops: each leg with the instant when it is captured.

    Args:
        lots: what was made.
        codes: the serials of each GTIN, in order.
    """
    boxed = [(lot, store) for lot in lots for store in sorted(lot.stores)]
    cases = {
        (lot.gtin, store): _sscc(container(lot.manufacturer, number))
        for number, (lot, store) in enumerate(boxed, start=1)
    }
    loads: dict[Shop, list[tuple[Lot, int]]] = defaultdict(list)
    for lot, store in boxed:
        loads[lot.merchant, store].append((lot, store))
    pallets = {shop: _sscc(container(0, number)) for number, shop in enumerate(sorted(loads), start=1)}
    legs = (
        _at_the_works(lots, codes, cases),
        _to_the_centre(lots, cases),
        _through_the_centre(loads, cases, pallets),
        _into_the_shops(loads, codes, cases, pallets),
    )
    for leg in legs:
        events = list(leg)
        yield parse_instant(max(event["eventTime"] for event in events), "journey"), events


def sold(shop: str, sale: tuple[str, str], items: Sequence[str], at: datetime) -> Event:
    """Items were sold at a shop: to nobody that is named, by a sale (merchant's GLN and its id) that is."""
    transaction = f"urn:epcglobal:cbv:bt:{sale[0]}:{sale[1]}"
    return _event(at, "retail_selling", items, shop, disposition="retail_sold",
                  bizTransactionList=[{"bizTransaction": transaction}])  # fmt: skip


def recalled(shop: str, items: Sequence[str], at: datetime) -> Event:
    """A shop took items of a recalled lot off its shelves."""
    return _event(at, "inspecting", items, shop, disposition="recalled")


def of_shop(lot: Lot, store: int, codes: Codes) -> list[str]:
    """The items of a lot that went to a store."""
    first, count = lot.stores[store]
    return [item_name(lot.gtin, serial) for serial in codes[lot.gtin][first : first + count]]


def _at_the_works(lots: Sequence[Lot], codes: Codes, cases: Mapping[Any, str]) -> Iterator[Event]:
    for place, lot in enumerate(lots):
        at = MADE_AT + timedelta(minutes=place)
        names = [item_name(lot.gtin, serial) for serial in codes[lot.gtin]]
        yield _event(at, "commissioning", names, lot.maker, action="ADD", disposition="active",
                     ilmd={"cbvmda:lotNumber": LOT})  # fmt: skip
        for store in sorted(lot.stores):
            packed = of_shop(lot, store, codes)
            yield _packing(at + timedelta(hours=2), cases[lot.gtin, store], packed, lot.maker)


def _to_the_centre(lots: Sequence[Lot], cases: Mapping[Any, str]) -> Iterator[Event]:
    for place, lot in enumerate(lots):
        own = [cases[lot.gtin, store] for store in sorted(lot.stores)]
        out = MADE_AT + timedelta(days=1, minutes=place)
        yield _event(out, "shipping", own, lot.maker, disposition="in_transit")
        arrived = out + timedelta(days=2)
        yield _event(arrived, "receiving", own, CENTRE, disposition="in_progress")


def _through_the_centre(
    loads: Mapping[Shop, Sequence[tuple[Lot, int]]], cases: Mapping[Any, str], pallets: Mapping[Shop, str]
) -> Iterator[Event]:
    for place, (shop, load) in enumerate(sorted(loads.items())):
        at = MADE_AT + timedelta(days=5, minutes=place)
        yield _packing(at, pallets[shop], [cases[lot.gtin, store] for lot, store in load], CENTRE)
        out = at + timedelta(days=1)
        yield _event(out, "shipping", [pallets[shop]], CENTRE, disposition="in_transit")


def _into_the_shops(
    loads: Mapping[Shop, Sequence[tuple[Lot, int]]],
    codes: Codes,
    cases: Mapping[Any, str],
    pallets: Mapping[Shop, str],
) -> Iterator[Event]:
    for shop, load in sorted(loads.items()):
        key, store = shop
        gln = MERCHANT_OF[key].store_gln(store)
        at = STOCKED_AT - timedelta(days=1)
        yield _event(at, "receiving", [pallets[shop]], gln, disposition="in_progress")
        yield _packing(at + timedelta(hours=1), pallets[shop], [], gln)
        for lot, _ in load:
            yield _packing(at + timedelta(hours=2), cases[lot.gtin, store], [], gln)
        items = [name for lot, _ in load for name in of_shop(lot, store, codes)]
        yield _event(STOCKED_AT, "stocking", items, gln, disposition="sellable_accessible")


def _event(at: datetime, step: str, things: Sequence[str], place: str, **more: Any) -> Event:
    where = {"id": f"https://id.gs1.org/414/{place}"}
    return {"type": "ObjectEvent", "eventTime": format_instant(at), "eventTimeZoneOffset": "+00:00",
            "action": "OBSERVE", "bizStep": step, "epcList": list(things), "readPoint": where,
            "bizLocation": where, **more}  # fmt: skip


def _packing(at: datetime, parent: str, children: Sequence[str], place: str) -> Event:
    """Children go into a parent; without any, it is unpacked as a whole."""
    inside = {"childEPCs": list(children)} if children else {}
    return {"type": "AggregationEvent", "eventTime": format_instant(at), "eventTimeZoneOffset": "+00:00",
            "action": "ADD" if children else "DELETE", "bizStep": "packing" if children else "unpacking",
            "parentID": parent, "readPoint": {"id": f"https://id.gs1.org/414/{place}"}, **inside}  # fmt: skip


def _sscc(number: str) -> str:
    return f"https://id.gs1.org/00/{number}"
