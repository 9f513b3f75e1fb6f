"""What a merchant receives is paid to the owners of its stores: of real rows, with goods that came back."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, update

from ledger_service.chain import models as m
from ledger_service.chain import standings
from ledger_service.checkout.models import sale
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg
from tests.api.service import FUEL, FUEL_STORE, Shop
from tests.api.test_settlement import PERIODS, STANDING, redemption, settled
from tests.api.test_settlement_papers import ACCOUNTS, ORDER

OTHER_STORE = with_check_digit("952060000014")
ONE, SOLD, BACK = b"\x01" * 16, b"\x0a" * 32, b"\x02" * 16


def owned(shop: Shop) -> None:
    """The first store is Ann's, the second is Ann's to a third and Ben's."""
    body = {"store": OTHER_STORE, "merchant": FUEL, "name": "2", "timezone": "America/New_York"}
    shop.must("operator", "/v1/stores", body)
    ann, ben = (
        shop.must("operator", "/v1/owners", {"merchant": FUEL, "name": name, "tax_number": "1", **account})[
            "owner"
        ]
        for name, account in (
            ("Ann 有限公司", {"iban": "GB82WEST12345698765432"}),
            ("Ben", {"bank_code": "BOFAUS3N", "account_number": "0123456789"}),
        )
    )
    for store, shares in ((FUEL_STORE, {ann: 10_000}), (OTHER_STORE, {ann: 3_333, ben: 6_667})):
        owners = [{"owner": owner, "share_bps": share} for owner, share in shares.items()]
        told = {"effective_from": "2017-01-01T00:00:00Z", "owners": owners}
        shop.must("operator", f"/v1/stores/{store}/owners", told)


def sold(op_id: bytes, store: str) -> dict[str, Any]:
    place = {"merchant_id": int(FUEL), "store_gln": int(store), "terminal_id": "t"}
    basket = {"reference": "r", "currency": "USD", "total_minor": 1, "lines": "", "earned": "", "receipt": ""}
    when = datetime(2017, 2, 1, tzinfo=UTC)
    spent = f'["{op_id.hex()}"]'
    return {"sale_id": op_id, "kind": "sale", "spent": spent, "occurred_at": when, **place, **basket}


def netted(shop: Shop) -> None:
    """Of seven redemptions the first was Ann's alone; 40 of its 100 points came back in whichever store."""
    settled(shop)
    head = 2 << 192 | 3 << 160 | int(FUEL) << 96
    words = [head, 0, 0, int.from_bytes(SOLD, "big"), Leg(1, 1, 1, 40).word()]
    restore = {**redemption(2, 3), "op_id": BACK, "kind": int(Kind.RESTORE),
               "data": b"".join(word.to_bytes(32, "big") for word in words)}  # fmt: skip
    first = (m.chain_operation.c.batch == 1) & (m.chain_operation.c.position == 0)
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(m.chain_operation).where(first).values(op_id=ONE, leaf=SOLD))
        conn.execute(insert(m.chain_operation).values(restore))
        row = {"original_leaf": SOLD, "leg_index": 0, "most": 100, "restored": 40}
        conn.execute(insert(m.chain_restored).values(row))
        conn.execute(insert(sale), [sold(ONE, FUEL_STORE), sold(bytes(16), OTHER_STORE)])
        standings.note(conn, 1, 9, {**STANDING, "root": "0x" + "cd" * 32})


def test_a_refund_takes_back_from_who_sold_and_the_receipt_is_split_by_what_is_left(any_shop: Shop) -> None:
    owned(any_shop)
    netted(any_shop)
    accounts = [ACCOUNTS[0], {**ACCOUNTS[1], "purpose": "owners"}]
    told = any_shop.must("operator", f"{PERIODS}/1/payment-orders", {**ORDER, "accounts": accounts})
    document = b64decode(told["document"]).decode()
    # Ann is owed 570,000 micros of her own sale and a third of six times 950,000, Ben the rest of 6,270,000:
    # of the 95 cents that came in 37.4 and 57.6.
    names = re.findall("<Cdtr>\\s*<Nm>(.*)</Nm>", document)
    amounts = re.findall("<InstdAmt.*>(.*)</InstdAmt>", document)
    assert dict(zip(names, amounts, strict=True)) == {"Ann 有限公司": "0.37", "Ben": "0.58"}
    assert told["payouts"] == [0]
    assert "GB82WEST12345698765432" in document
    assert "654321" not in document
    # With one account of its own, it is one payment.
    whole = any_shop.must("operator", f"{PERIODS}/1/payment-orders", ORDER)["document"]
    assert re.findall("<InstdAmt.*>(.*)</InstdAmt>", b64decode(whole).decode()) == ["0.95"]
    # A sale that an archive took is nobody's: what belongs to its owners must not go to the merchant unsaid.
    with any_shop.serving.foundations.database.begin() as conn:
        conn.execute(delete(sale).where(sale.c.sale_id == ONE))
    heads = {**ORDER, "accounts": accounts, "attempt": 3}
    refused = any_shop.post("operator", f"{PERIODS}/1/payment-orders", heads)
    assert (refused.status_code, refused.json["code"]) == (409, "owners-untold")
