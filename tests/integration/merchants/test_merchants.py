"""Merchants, stores and terminals on both databases."""

from __future__ import annotations

import pytest

from ledger_service.kernel.errors import MalformedField
from ledger_service.merchants import queries
from ledger_service.merchants.errors import (
    MerchantKnown,
    MerchantUnknown,
    StoreKnown,
    StoreUnknown,
    TerminalUnknown,
)
from ledger_service.merchants.requests import (
    AddTerminal,
    AdmitMerchant,
    MerchantKeys,
    OpenStore,
)
from tests.integration.merchants.desk import FUEL, GROCER, KEYS, NOW, SECOND_STORE, STORE, Desk


def test_merchants_stores_and_terminals_are_listed_as_they_were_given(desk: Desk) -> None:
    with desk.database.read() as conn:
        (one,) = queries.list_merchants(conn)
        assert queries.find_merchant(conn, GROCER) == one
        assert queries.find_merchant(conn, FUEL) is None
        (shop,) = queries.stores_after(conn, GROCER, None, 9)
        assert queries.find_store(conn, STORE) == shop
        assert queries.stores_after(conn, FUEL, None, 9) == []
        (till,) = queries.terminals_after(conn, None, None, 9)
        assert queries.find_terminal(conn, desk.till) == till
        assert queries.find_terminal(conn, "t0") is None
    assert (one.name, one.status, one.operations_key) == ("老王雜貨 Grocer", "active", b"\x02" * 20)
    assert (shop.name, shop.timezone, shop.merchant_status) == ("總店", "Asia/Taipei", "active")
    assert (till.terminal_id, till.store_gln, till.till_key) == (desk.till, STORE, b"\x09" * 20)


@pytest.mark.parametrize(
    "request_",
    [
        AdmitMerchant(GROCER + 1, "Wrong check digit", KEYS),
        AdmitMerchant(10**13, "Too long", KEYS),
        AdmitMerchant(FUEL, "", KEYS),
        AdmitMerchant(FUEL, "Fuel\0", KEYS),
        AdmitMerchant(FUEL, "Fuel", MerchantKeys(bytes(20), b"\x02" * 20, b"\x03" * 20)),
        AdmitMerchant(FUEL, "Fuel", MerchantKeys(b"\x01" * 19, b"\x02" * 20, b"\x03" * 20)),
    ],
)
def test_a_merchant_that_is_none_is_malformed(desk: Desk, request_: AdmitMerchant) -> None:
    with pytest.raises(MalformedField):
        desk.write(lambda conn: desk.merchants.admit(conn, request_, NOW))


def test_a_gln_is_admitted_once(desk: Desk) -> None:
    with pytest.raises(MerchantKnown):
        desk.write(lambda conn: desk.merchants.admit(conn, AdmitMerchant(GROCER, "Again", KEYS), NOW))


def test_stores_need_a_merchant_a_zone_and_a_gln_of_their_own(desk: Desk) -> None:
    for request, refusal in (
        (OpenStore(STORE, GROCER, "Again", "UTC"), StoreKnown),
        (OpenStore(SECOND_STORE, FUEL, "Nobody's", "UTC"), MerchantUnknown),
        (OpenStore(SECOND_STORE, GROCER, "Nowhere", "Moon/Base"), MalformedField),
        (OpenStore(SECOND_STORE, GROCER, "Escape", "../../etc/passwd"), MalformedField),
        (OpenStore(SECOND_STORE + 1, GROCER, "Digit", "UTC"), MalformedField),
    ):
        with pytest.raises(refusal):
            desk.write(lambda conn, request=request: desk.merchants.open_store(conn, request, NOW))
    with pytest.raises(StoreUnknown):
        desk.write(lambda conn: desk.merchants.close_store(conn, SECOND_STORE))


def test_terminals_stand_only_in_open_stores_of_their_merchant(desk: Desk) -> None:
    desk.write(lambda conn: desk.merchants.admit(conn, AdmitMerchant(FUEL, "Fuel", KEYS), NOW))
    with pytest.raises(StoreUnknown):
        desk.write(lambda conn: desk.merchants.add_terminal(conn, AddTerminal(FUEL, STORE, "T"), NOW))
    desk.write(lambda conn: desk.merchants.close_store(conn, STORE))
    with pytest.raises(StoreUnknown):
        desk.write(lambda conn: desk.merchants.add_terminal(conn, AddTerminal(GROCER, STORE, "T"), NOW))


def test_keys_and_tills_of_merchants_change(desk: Desk) -> None:
    fresh = MerchantKeys(b"\x04" * 20, b"\x05" * 20, b"\x06" * 20)
    desk.write(lambda conn: desk.merchants.rotate_keys(conn, GROCER, fresh))
    desk.write(lambda conn: desk.merchants.set_till_key(conn, desk.till, None))
    with desk.database.read() as conn:
        assert queries.list_merchants(conn)[0].settlement_key == b"\x06" * 20
        assert queries.terminals_after(conn, GROCER, None, 1)[0].till_key is None
    with pytest.raises(MerchantUnknown):
        desk.write(lambda conn: desk.merchants.rotate_keys(conn, FUEL, fresh))
    with pytest.raises(MalformedField):
        desk.write(lambda conn: desk.merchants.set_till_key(conn, desk.till, b"short"))
    with pytest.raises(TerminalUnknown):
        desk.write(lambda conn: desk.merchants.set_till_key(conn, "t0", None))
