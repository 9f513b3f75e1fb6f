"""New labels of items that are claimed, came back, or are neither: who earns, and with which code."""

from __future__ import annotations

import pytest

from ledger_service.checkout.items.errors import ItemNotClaimable, ItemNotReturnable
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.moving.service import wrong_of
from tests.integration.checkout.shop import GROCER, Shop
from tests.integration.checkout.test_items import Brand


@pytest.fixture
def brand(shop: Shop) -> Brand:
    return Brand(shop)


def test_a_claimed_item_gets_no_second_label_and_one_that_came_back_does(brand: Brand) -> None:
    """A new label has a PIN of its own, so that what was claimed would earn twice."""
    brand.offer(5)
    ann = brand.shop.enrol()
    brand.claim(ann, 0)
    brand.claim(ann, 1)
    brand.take_back(1)
    for index, state, codes in ((0, "activated", "unlawful-step"), (1, "void", None)):
        old, new = brand.stock.code(index), brand.stock.code(index + 2)
        event = {"type": "TransformationEvent", "eventTime": f"2026-03-01T0{index + 1}:00:00Z",
                 "eventTimeZoneOffset": "+00:00", "bizStep": "replacing", "inputEPCList": [old],
                 "outputEPCList": [new]}  # fmt: skip
        with brand.shop.database.begin() as conn:
            capture_events(conn, GROCER, [event], brand.shop.clock.at)
            assert [one.code for one in wrong_of(conn, old)] == ([codes] if codes else [])
        assert (brand.item(index)["state"], brand.item(index)["contradicts"]) == (state, codes)
        assert brand.item(index + 2)["state"] == "commissioned"
    # What it is now earns by its new label, and by that alone.
    with pytest.raises(ItemNotReturnable):
        brand.take_back(1)
    assert brand.claim(ann, 3).points == 5


def test_a_replaced_label_is_no_longer_claimed_or_brought_back(brand: Brand) -> None:
    brand.offer(5)
    ann = brand.shop.enrol()
    event = {"type": "TransformationEvent", "eventTime": "2026-03-01T01:00:00Z", "bizStep": "replacing",
             "eventTimeZoneOffset": "+00:00", "inputEPCList": [brand.stock.code(0)],
             "outputEPCList": [brand.stock.code(1)]}  # fmt: skip
    with brand.shop.database.begin() as conn:
        capture_events(conn, GROCER, [event], brand.shop.clock.at)
    with pytest.raises(ItemNotClaimable) as refused:
        brand.claim(ann, 0)
    assert refused.value.reason == "replaced"
    with pytest.raises(ItemNotReturnable):
        brand.take_back(0)
    assert brand.claim(ann, 1).points == 5
