"""Payments over HTTP: a till's order, a provider's signed notice, and the sale that joins the payer once."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, select

from ledger_service.care.merging import merge_members
from ledger_service.kernel.clock import micros_of
from ledger_service.members.merging import Merge
from ledger_service.members.models import member
from ledger_service.payments.accounts import LineAccount, WechatAccount
from ledger_service.payments.models import payment
from ledger_service.payments.settling import PaymentJob
from ledger_service.payments.signatures import line_signature, wechat_message
from tests.api.service import FUEL, FUEL_STORE, GROCER, Shop, basket
from tests.api.test_pages import all_pages
from tests.integration.checkout.test_races import at_once

ORDERS = "/v1/payment-orders"
WECHAT = f"/v1/payment-callbacks/wechat-pay/{GROCER}"
LINE = f"/v1/payment-callbacks/line-pay/{GROCER}"
API_KEY, SECRET = b"k" * 32, "hush"
PROVIDER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def with_accounts(shop: Shop) -> Shop:
    accounts = shop.serving.payments.accounts
    accounts.wechat[int(GROCER)] = WechatAccount("19", API_KEY, {"S1": PROVIDER.public_key()})
    accounts.line[int(GROCER)] = LineAccount("L1", SECRET)
    return shop


def paid(order: str, payer: str = "o-小明", amount: int = 10_000, **more: Any) -> bytes:
    """A notice of WeChat Pay, sealed as it seals."""
    transaction = {
        "trade_state": "SUCCESS", "mchid": "19", "appid": "wx1", "out_trade_no": order,
        "transaction_id": f"t{order}", "amount": {"total": amount, "currency": "USD"},
        "payer": {"openid": payer}, "success_time": "2017-03-01T20:00:00+08:00",
    } | more  # fmt: skip
    sealed = AESGCM(API_KEY).encrypt(b"0123456789ab", json.dumps(transaction).encode(), b"transaction")
    resource = {"ciphertext": base64.b64encode(sealed).decode(), "nonce": "0123456789ab",
                "associated_data": "transaction", "algorithm": "AEAD_AES_256_GCM"}  # fmt: skip
    return json.dumps({"id": "n", "event_type": "TRANSACTION.SUCCESS", "resource": resource}).encode()


def send(shop: Shop, raw: bytes, path: str = WECHAT, age: int = 0, **headers: str) -> Any:
    """The notice under the provider's signature; its status and body."""
    stamp = str(micros_of(shop.serving.clock.now()) // 1_000_000 - age)
    signature = PROVIDER.sign(wechat_message(stamp, "n1", raw), padding.PKCS1v15(), hashes.SHA256())
    given = {
        "Wechatpay-Timestamp": stamp, "Wechatpay-Nonce": "n1", "Wechatpay-Serial": "S1",
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
    } | headers  # fmt: skip
    answer = shop.client.post(path, data=raw, headers=given, content_type="application/json")
    return answer.status_code, answer.json.get("code", answer.json.get("noted"))


def sold(shop: Shop, order: str, consent: bool = True, **more: Any) -> dict[str, Any]:
    """A sale to nobody that the till knew, and its order."""
    sale = shop.must("grocer-till", "/v1/sales", basket())["sale_id"]
    body = {"provider": "wechat-pay", "order": order, "sale": sale, "cashier": "ann", "consent": consent}
    return {"sale": sale, **shop.must("grocer-till", ORDERS, body | more)}


def job_of(shop: Shop) -> PaymentJob:
    s = shop.serving
    return PaymentJob(s.writer, s.foundations.database, s.members, s.sharing.binder, s.attaching)


def settle(shop: Shop, later: timedelta = timedelta(0)) -> None:
    at = shop.serving.clock.now() + later
    for _ in range(2):
        at_once(*[lambda: job_of(shop).step(at)] * 3)


def told(shop: Shop) -> dict[str, tuple[str, str, str | None]]:
    """State, reason and member of each payment by its order."""
    rows = all_pages(shop, "grocer", ORDERS, "payments")
    return {row["order"]: (row["state"], row["reason"], row["member"]) for row in rows}


def test_who_agreed_becomes_a_member_and_is_known_the_next_time(any_shop: Shop) -> None:
    shop = with_accounts(any_shop)
    first = sold(shop, "A-1")
    assert first["state"] == "ordered"
    for _ in range(2):
        assert send(shop, paid("A-1")) == (200, True)
    settle(shop)
    # Next time the provider is faster than the till, and nobody is asked.
    assert send(shop, paid("A-2")) == (200, True)
    second = sold(shop, "A-2", consent=False)
    assert second["state"] == "due"
    settle(shop)
    found = told(shop)
    number = found["A-1"][2]
    assert found == {"A-1": ("attached", "", number), "A-2": ("attached", "", number)} and number
    balance = shop.get("operator", f"/v1/members/{number}/balance").json
    assert [(one["programme"], one["available"]) for one in balance["balances"]] == [("GROC", 200)]
    again = shop.post("grocer-till", f"/v1/sales/{first['sale']}/attach", {
        "member": {"number": number}, "cashier": "ann",
    })  # fmt: skip
    assert again.json["code"] == "sale-has-member"
    with shop.serving.foundations.database.read() as conn:
        assert [row.payer for row in conn.execute(payment.select())] == [None, None]
    assert shop.get("fuel", ORDERS).json["payments"] == []


def test_who_did_not_agree_stays_a_stranger_and_wrong_payments_attach_nothing(shop: Shop) -> None:
    with_accounts(shop)
    sold(shop, "B-1", consent=False)
    sold(shop, "B-2")
    sold(shop, "B-3")
    sold(shop, "B-5")
    send(shop, paid("B-1"))
    send(shop, paid("B-2", amount=10_001))
    send(shop, paid("B-3", amount=1_000, transaction_id="t3"))
    send(shop, paid("B-4"))
    settle(shop)
    found = told(shop)
    assert found["B-1"] == ("stranger", "no-consent", None)
    assert found["B-2"] == ("refused", "other-amount", None)
    assert (found["B-3"][0], found["B-4"][0], found["B-5"][0]) == ("attached", "noticed", "ordered")
    settle(shop, timedelta(days=8))
    found = told(shop)
    assert (found["B-4"][:2], found["B-5"][:2]) == (("refused", "no-order"), ("refused", "unpaid"))
    with shop.serving.foundations.database.read() as conn:
        assert {row.payer for row in conn.execute(payment.select())} == {None}


def test_a_notice_counts_under_the_providers_signature_alone(shop: Shop) -> None:
    with_accounts(shop)
    raw = paid("C-1")
    other = PROVIDER.sign(b"else", padding.PKCS1v15(), hashes.SHA256())
    wrong = {"Wechatpay-Signature": base64.b64encode(other).decode()}
    for answer in (
        send(shop, raw, **wrong), send(shop, raw, age=301), send(shop, raw, age=-301),
        send(shop, raw, **{"Wechatpay-Serial": "S2"}), send(shop, raw, **{"Wechatpay-Nonce": "n2"}),
        send(shop, raw, WECHAT.replace(GROCER, FUEL)),
        send(shop, raw.replace(b'"nonce": "0123456789ab"', b'"nonce": "0123456789ac"')),
    ):  # fmt: skip
        assert answer == (401, "payment-notice-refused")
    assert shop.get("grocer", ORDERS).json["payments"] == []
    assert send(shop, b'{"event_type": "REFUND.SUCCESS"}') == (200, False)
    assert send(shop, b'{"event_type": "TRANSACTION.SUCCESS"}') == (400, "payment-notice-malformed")
    assert send(shop, paid("C-1", mchid="20")) == (400, "payment-notice-malformed")
    assert send(shop, paid("C-1")) == (200, True)
    assert send(shop, paid("C-1", transaction_id="t2")) == (409, "payment-conflict")
    assert send(shop, paid("C-2", transaction_id="tC-1")) == (409, "payment-conflict")
    first = sold(shop, "C-1")
    body = {"provider": "wechat-pay", "order": "C-1", "sale": "0" * 32, "cashier": "ann", "consent": True}
    assert shop.post("grocer-till", ORDERS, body).json["code"] == "payment-conflict"
    assert shop.must("grocer-till", ORDERS, body | {"sale": first["sale"]})["state"] == "due"


def test_two_merchants_may_number_their_orders_alike(shop: Shop) -> None:
    accounts = with_accounts(shop).serving.payments.accounts
    accounts.wechat[int(FUEL)] = accounts.wechat[int(GROCER)]
    first = sold(shop, "D-1")
    second = shop.must("fuel-till", "/v1/sales", basket(FUEL_STORE))["sale_id"]
    body = {"provider": "wechat-pay", "order": "D-1", "sale": second, "cashier": "bo", "consent": True}
    shop.must("fuel-till", ORDERS, body)
    for path in (WECHAT, WECHAT.replace(GROCER, FUEL)):
        assert send(shop, paid("D-1"), path) == (200, True)
    for _ in range(3):
        job_of(shop).step(shop.serving.clock.now())
    number = told(shop)["D-1"][2]
    for till, sale in (("grocer-till", first["sale"]), ("fuel-till", second)):
        again = {"member": {"number": number}, "cashier": "ann"}
        assert shop.post(till, f"/v1/sales/{sale}/attach", again).json["code"] == "sale-has-member"


def test_an_instant_beyond_the_calendar_is_refused(shop: Shop) -> None:
    far = {"Wechatpay-Timestamp": "9" * 13}
    assert send(with_accounts(shop), paid("E-1"), **far) == (401, "payment-notice-refused")


@pytest.mark.parametrize(("change", "status"), [({}, 200), ({"X-LINE-ChannelId": "L2"}, 401),
                                               ({"X-LINE-Authorization": "AAAA"}, 401)])  # fmt: skip
def test_a_line_pay_notice_is_signed_over_path_body_and_instant(
    shop: Shop, change: dict[str, str], status: int
) -> None:
    with_accounts(shop)
    body = {"orderId": "L-1", "transactionId": "7", "payerId": "U1", "amount": 100, "currency": "USD"}
    raw, nonce = json.dumps(body).encode(), str(micros_of(shop.serving.clock.now()) // 1_000)
    headers = {"X-LINE-ChannelId": "L1", "X-LINE-Authorization-Nonce": nonce,
               "X-LINE-Authorization": line_signature(SECRET, LINE, raw, nonce)} | change  # fmt: skip
    answer = shop.client.post(LINE, data=raw, headers=headers, content_type="application/json")
    assert answer.status_code == status
    if status == 200:
        sold(shop, "L-1", provider="line-pay")
        settle(shop)
        assert told(shop)["L-1"][0] == "attached"


def test_a_payment_that_was_matched_is_attached_to_who_stays_after_a_merge(shop: Shop) -> None:
    with_accounts(shop)
    sold(shop, "M-1")
    send(shop, paid("M-1"))
    assert job_of(shop).step(shop.serving.clock.now()) is False
    assert told(shop)["M-1"][0] == "matched"
    closes = told(shop)["M-1"][2]
    stays = str(shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"])

    def merge(conn: Connection) -> None:
        members = select(member).where(member.c.member_number.in_((closes, stays))).order_by("member_id")
        rows = conn.execute(members).mappings().all()
        what = Merge(rows[0]["member_id"], rows[1]["member_id"], shop.serving.clock.now())
        merge_members(conn, what, (rows[0], rows[1]), shop.serving.care.cases.following)

    shop.serving.writer.run(merge)
    settle(shop)
    assert told(shop)["M-1"] == ("attached", "", stays)
