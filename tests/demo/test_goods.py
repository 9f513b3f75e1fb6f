"""The main run's goods: which items each basket takes away, and the events that bring them there."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger_service.demo import goods_journey as journey
from ledger_service.demo.dataset import Basket, Line
from ledger_service.demo.goods_data import MOST_SOLD, SPARE, Lot, plan_of
from ledger_service.demo.visits import MERCHANT_OF
from ledger_service.traceability.epcis.contradictions import Fact, judge
from ledger_service.traceability.epcis.prepared import prepare
from ledger_service.traceability.epcis.things import key_of
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.moving.rules import Around, along, follow

AT = datetime(2017, 1, 2, 15, tzinfo=UTC)
CONTEXT = ("https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",)
PRODUCTS: dict[int, dict[str, Any]] = {
    number: {
        "manufacturer_id": maker,
        "product_type": "TEA",
        "package_size": "100 G",
        "department": "GROCERY",
    }
    for number, maker in ((1, 69), (2, 69), (3, 2))
}


def basket(number: int, store: int, *lines: tuple[int, int]) -> Basket:
    bought = tuple(Line(product, "GROCERY", quantity, 100) for product, quantity in lines)
    return Basket(number, number, 7, store, AT + timedelta(hours=number), {"GROC": bought})


def plan(*baskets: Basket) -> dict[str, Any]:
    return plan_of(iter(baskets), PRODUCTS)


def test_every_item_is_sold_once_in_the_shop_that_it_was_brought_to() -> None:
    told = plan(basket(1, 5, (1, 2), (3, 1)), basket(2, 9, (1, 1)), basket(3, 5, (1, 1), (99, 1)))
    lots = {lot[0]: Lot(*lot[:5], lot[5]) for lot in told["lots"]}
    assert {name: len(items) for name, items in told["sold"].items()} == {
        "1-GROC": 3,
        "2-GROC": 1,
        "3-GROC": 1,
    }
    given_out = [item for items in told["sold"].values() for item in items]
    assert len(set(given_out)) == len(given_out)
    for name, store in (("1-GROC", 5), ("2-GROC", 9), ("3-GROC", 5)):
        for gtin, index in told["sold"][name]:
            first, count = lots[gtin].stores[store]
            assert first <= index < first + count
    assert sum(lot.size for lot in lots.values()) == 5 + 3 * SPARE
    assert told["at"]["2-GROC"] - told["at"]["1-GROC"] == 3600


def test_no_more_of_a_product_carry_codes_than_were_made() -> None:
    told = plan(basket(1, 5, (1, MOST_SOLD)), basket(2, 5, (1, 1)))
    assert list(told["sold"]) == ["1-GROC"]
    assert [lot[4] for lot in told["lots"]] == [MOST_SOLD + SPARE]


def test_the_way_into_the_shops_is_lawful_and_ends_on_the_shelf_or_in_a_basket() -> None:
    told = plan(basket(1, 5, (1, 2), (3, 1)), basket(2, 9, (1, 1), (2, 1)))
    lots = [Lot(*lot[:5], lot[5]) for lot in told["lots"]]
    codes = {lot.gtin: [f"S{n:011d}" for n in range(lot.size)] for lot in lots}
    events = [event for _, leg in journey.journey(lots, codes) for event in leg]
    gtin, index = told["sold"]["1-GROC"][0]
    bought = journey.item_name(gtin, codes[gtin][index])
    shop = MERCHANT_OF["GROC"].store_gln(5)
    events.append(journey.sold(shop, (MERCHANT_OF["GROC"].gln, "00ff"), [bought], AT))
    facts: dict[bytes, list[Fact]] = defaultdict(list)
    for number, event in enumerate(events):
        ready = prepare(event, f"events[{number}]", CONTEXT)
        for thing in ready.things:
            facts[thing.key].append(Fact(number, ready.event_time, thing.role, thing.deed, thing.parent))
    for of, serials in codes.items():
        for serial in serials:
            name = journey.item_name(of, serial)
            course = follow(along(facts[key_of(name)], facts), Around())
            assert (course.wrong, judge(facts[key_of(name)], {})) == ((), [])
            assert course.last is not None
            assert course.last.state is (State.SOLD if name == bought else State.AVAILABLE)
