"""One-call sales: what is spent, earned, promised, and remembered."""

from __future__ import annotations

import orjson
import pytest
from sqlalchemy import select, text

from ledger_service.checkout.errors import NotEnoughPoints, SpendExceedsTotal
from ledger_service.checkout.receipts import receipt_digest
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Issue, Redeem
from ledger_service.kernel.secp256k1 import address_of_key, recover_address
from ledger_service.outbox.models import intent

from .shop import FUEL, GROCER, RECEIPT_KEY, Shop, line, loads


def intents(shop: Shop) -> list[object]:
    with shop.database.read() as conn:
        rows = conn.execute(select(intent.c.payload).order_by(intent.c.intent_id)).scalars()
        return [operation_of(payload) for payload in rows]


def test_a_sale_with_a_number_earns_one_point_per_dollar(shop: Shop) -> None:
    phone = shop.enrol()
    answer = shop.sell(phone, line("1", 1_250), line("2", 1_249))
    (earned,) = answer["earned"]
    assert (earned["programme"], earned["points"], earned["base_minor"]) == ("GROC", 24, 2_499)
    assert (earned["rule_version"], earned["state"]) == (1, "available")
    assert answer["due_minor"] == 2_499
    assert shop.balance(phone, 1) == 24
    (issue,) = intents(shop)
    assert isinstance(issue, Issue)
    assert (issue.account, issue.merchant, issue.leg.amount) == (phone.account, GROCER, 24)


def test_points_of_two_programmes_pay_at_a_third_and_the_rest_earns(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 300)
    shop.stock(phone, 2, 301)
    spend = [{"programme": "GROC", "points": 200}, {"programme": "FUEL", "points": 301}]
    answer = shop.sell(phone, line("1", 1_000, 2), at=FUEL, spend=spend)
    assert [(s["programme"], s["points"], s["value_minor"]) for s in answer["spent"]] == [
        ("GROC", 200, 200),
        ("FUEL", 301, 150),
    ]
    assert (answer["points_value_minor"], answer["due_minor"]) == (350, 650)
    assert [(e["programme"], e["points"]) for e in answer["earned"]] == [("FUEL", 6)]
    assert (shop.balance(phone, 1), shop.balance(phone, 2)) == (100, 6)
    redeem = next(op for op in intents(shop) if isinstance(op, Redeem))
    assert (redeem.merchant, redeem.flags, len(redeem.legs)) == (FUEL, 0, 2)
    signer = recover_address(redeem.permit_digest, redeem.signature)
    assert signer == address_of_key(phone.key)


def test_a_spend_up_to_a_value_takes_what_there_is(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 30)
    answer = shop.sell(phone, line("1", 1_000), spend={"max_value_minor": 500})
    assert answer["points_value_minor"] == 30
    assert shop.balance(phone, 1) == 9  # 9.70 dollars in money


def test_a_sale_without_a_member_moves_no_point(shop: Shop) -> None:
    answer = shop.sell(None, line("1", 5_000))
    assert answer["earned"] == [] and answer["operations"] == []
    assert shop.count("entry") == 0
    assert shop.count("sale") == 1


def test_the_receipt_is_signed_over_its_canonical_form_and_numbered_without_a_gap(shop: Shop) -> None:
    phone = shop.enrol()
    receipts = [shop.sell(phone, line("1", 500))["receipt"] for _ in range(3)]
    assert [r["number"] for r in receipts] == [1, 2, 3]
    body = {k: v for k, v in receipts[0].items() if k != "signature"}
    signature = bytes.fromhex(receipts[0]["signature"][2:])
    assert recover_address(receipt_digest(body), signature) == address_of_key(RECEIPT_KEY)
    assert body["period"] == 7
    with shop.database.read() as conn:
        leaves = {leaf.hex() for leaf in conn.execute(select(intent.c.leaf)).scalars()}
    assert {leaf for r in receipts for leaf in r["operations"]} == leaves


@pytest.mark.parametrize("extra", [{}, {"spend": [{"programme": "GROC", "points": 5}]}])
def test_the_same_request_again_gets_the_stored_bytes(shop: Shop, extra: dict[str, object]) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 10)
    body = shop.sale_body(line("1", 900), member={"pay_code": phone.pay_code(shop.clock.at)}, **extra)
    first = shop.send_sale(body, "once")
    shop.clock.forward(hours=5)  # long after the pay code's life
    again = shop.send_sale(body, "once")
    assert (again.body, again.status, again.replayed) == (first.body, 201, True)
    assert not first.replayed
    assert shop.count("sale") == 2


def test_a_refused_sale_leaves_nothing_and_its_key_may_try_again(shop: Shop) -> None:
    phone = shop.enrol()
    body = shop.sale_body(
        line("1", 900),
        member={"pay_code": phone.pay_code(shop.clock.at)},
        spend=[{"programme": "GROC", "points": 5}],
    )
    with pytest.raises(NotEnoughPoints):
        shop.send_sale(body, "once")
    assert [shop.count(t) for t in ("sale", "permit_use", "idempotency", "entry")] == [0, 0, 0, 0]
    shop.stock(phone, 1, 10)
    assert shop.send_sale(body, "once").status == 201


def test_points_worth_more_than_the_basket_are_refused(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    with pytest.raises(SpendExceedsTotal):
        shop.sell(phone, line("1", 50), spend=[{"programme": "GROC", "points": 51}])


def test_every_posting_of_an_earn_cites_the_rule_version(shop: Shop) -> None:
    answer = shop.sell(shop.enrol(), line("1", 700))
    with shop.database.read() as conn:
        body = conn.execute(text("SELECT body FROM entry WHERE kind = 'issue'")).scalar_one()
    assert orjson.loads(body) == {"base_minor": 700, "rule": 1, "sale": answer["sale_id"]}


def test_a_found_sale_equals_its_answer_and_shows_its_refunds(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 10)
    answer = shop.sell(phone, line("1", 900, 3), spend=[{"programme": "GROC", "points": 10}])
    refund = shop.refund(answer["sale_id"], [("1", 1)])
    found = orjson.loads(shop.service.find_sale(shop.caller(), bytes.fromhex(answer["sale_id"])))
    assert {k: v for k, v in found.items() if k not in ("refunds", "lines", "events")} == answer
    assert (found["lines"][0]["quantity"], found["lines"][0]["left"]) == (3, {"quantity": 2})
    assert (found["refunds"], found["events"]) == ([refund], [])


def test_a_quote_says_what_the_sale_then_does_and_changes_nothing(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 40)
    code = phone.pay_code(shop.clock.at)
    body = shop.sale_body(line("1", 700), member={"pay_code": code}, spend={"max_value_minor": 25})
    before = shop.count("entry")
    quote = shop.quote(body)
    assert shop.count("entry") == before
    sale = loads(shop.send_sale(body))
    assert quote["spent"] == sale["spent"]
    assert quote["due_minor"] == sale["due_minor"]
    worth = {"terms_version": 1, "point_value_micros": 10_000, "fee_bps": 100}
    assert quote["payable"] == [{"programme": "GROC", "points": 40, "value_minor": 40, **worth}]
    (promised,), (earned,) = quote["earned"], sale["earned"]
    same = ("programme", "points", "rule_version", "epoch", "expires_at")
    assert all(promised[name] == earned[name] for name in same)
