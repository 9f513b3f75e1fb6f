"""Training over HTTP: answered as in earnest, marked, and nothing has happened."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.kernel import otp
from ledger_service.kernel.clock import parse_instant, seconds_floor
from tests.api.service import GROCER, Shop, basket
from tests.api.test_checkout import member
from tests.api.test_offline import UPLOAD, enrol, spend

TABLES = ("entry", "posting", "intent", "lot", "sale", "refund", "permit_use", "issuance_reservation",
          "receipt_series", "invoice", "earned_on_day", "pending_issue", "member_programme", "custodial_use",
          "issuance_budget", "hold", "sale_event", "unreceipted_return", "offline_sale",
          "day_void")  # fmt: skip


def books(shop: Shop) -> dict[str, Any]:
    """Every row that a sale could write or change."""
    with shop.serving.foundations.database.read() as conn:
        return {t: conn.exec_driver_sql(f"SELECT * FROM {t}").all() for t in TABLES}


def journal(shop: Shop) -> bytes:
    """What custody has written down of what it signed."""
    return b"".join(
        p.read_bytes() for p in sorted(shop.serving.foundations.settings.state_dir.glob("journal*"))
    )


def train(shop: Shop, *, on: bool = True) -> None:
    shop.must("grocer", f"/v1/terminals/{shop.keys['grocer-terminal']}/mode", {"training": on})


def without(answer: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in names}


def test_a_sale_in_training_is_answered_like_a_real_one_and_posts_nothing(any_shop: Shop) -> None:
    shop = any_shop
    who = enrol(shop)
    body = spend(shop, "grocer", who, 1)["sale"] | {"cashier": "7"}
    before = books(shop)
    trained = shop.must("grocer-till", "/v1/sales", {**body, "training": True})
    assert books(shop) == before
    assert trained["training"] is True
    assert (trained["receipt"]["kind"], trained["receipt"]["training"]) == ("training-sale", True)
    assert not {"signature", "number", "series", "operations"} & trained["receipt"].keys()
    real = shop.must("grocer-till", "/v1/sales", body)
    ids = ("sale_id", "receipt", "operations", "training")
    assert without(trained, *ids) == without(real, *ids), "the same points, the same pay code"
    assert trained["sale_id"] != real["sale_id"]
    assert real["points_value_minor"] > 0
    assert real["earned"]


def test_a_terminal_in_training_trains_whatever_it_sends(shop: Shop) -> None:
    number = member(shop)["number"]
    train(shop)
    before = books(shop)
    sold = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}, training=False), key="k")
    assert (sold["training"], sold["earned"][0]["points"]) == (True, 100)
    again = shop.post("grocer-till", "/v1/sales", basket(member={"number": number}, training=False), key="k")
    assert (again.json, again.headers["Idempotency-Replayed"]) == (sold, "true")
    assert shop.must("grocer-till", "/v1/quotes", basket(member={"number": number}))["training"] is True
    assert books(shop) == before
    train(shop, on=False)
    real = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    assert "training" not in real
    assert real["receipt"]["signature"]


def test_a_key_of_training_serves_no_real_sale(shop: Shop) -> None:
    train(shop)
    shop.must("grocer-till", "/v1/sales", basket(), key="k")
    train(shop, on=False)
    answer = shop.post("grocer-till", "/v1/sales", basket(), key="k")
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency-key-reused")
    shop.must("grocer-till", "/v1/sales", basket(), key="real")
    train(shop)
    answer = shop.post("grocer-till", "/v1/sales", basket(), key="real")
    assert answer.json["code"] == "idempotency-key-reused"


def test_any_split_of_a_refund_in_training_comes_to_the_same(shop: Shop) -> None:
    who = enrol(shop)
    body = spend(shop, "grocer", who, 1)["sale"] | {"training": True}
    sale, whole = (shop.must("grocer-till", "/v1/sales", body)["sale_id"] for _ in range(2))
    before = books(shop)
    path = f"/v1/sales/{sale}/refunds"
    parts = [
        shop.must(
            "grocer-till", path, {"reference": "b", "training": True, "lines": [{"line": "1", "quantity": n}]}
        )
        for n in (1, 1, 2)
    ]
    once = shop.must("grocer-till", f"/v1/sales/{whole}/refunds", {"reference": "b", "training": True})
    for name in ("refunded_minor", "cash_minor", "points_value_minor"):
        assert sum(part[name] for part in parts) == once[name]
    for name in ("clawed", "restored"):
        assert sum(row["points"] for part in parts for row in part[name]) == once[name][0]["points"]
    assert once["receipt"]["training"] is True
    answer = shop.post("grocer-till", path, {"reference": "b", "training": True})
    assert answer.json["code"] == "refund-exceeds-sale"
    assert books(shop) == before


def test_training_and_earnest_do_not_mix(shop: Shop) -> None:
    trained = shop.must("grocer-till", "/v1/sales", basket(training=True))["sale_id"]
    real = shop.must("grocer-till", "/v1/sales", basket())["sale_id"]
    for sale, training in ((trained, False), (real, True)):
        answer = shop.post(
            "grocer-till", f"/v1/sales/{sale}/refunds", {"reference": "b", "training": training}
        )
        assert (answer.status_code, answer.json["code"]) == (409, "training-mixed")
    for who, training in (("fuel-till", True), ("fuel-till", False)):
        answer = shop.post(who, f"/v1/sales/{trained}/refunds", {"reference": "b", "training": training})
        assert answer.json["code"] == "unknown-sale"
    body = basket(sale=trained, returned=[{"line": "1", "quantity": 1}])
    assert shop.post("grocer-till", "/v1/exchanges", body).json["code"] == "training-mixed"
    assert shop.get("grocer-till", f"/v1/sales/{trained}").json["code"] == "unknown-sale"
    assert (
        shop.get("grocer", f"/v1/stores/{basket()['store']}/days/2017-03-01").json["ledger"][0]["count"] == 1
    )


def test_what_training_has_not_is_refused(shop: Shop) -> None:
    number = member(shop)["number"]
    who = enrol(shop)
    held = spend(shop, "grocer", who, 1)["sale"]
    returned = {"reference": "u", "currency": "USD", "member": {"number": number}, "lines": basket()["lines"]}
    exchange = basket(sale="0" * 32, returned=[{"line": "1", "quantity": 1}])
    tries = {
        "/v1/authorisations": held,
        f"/v1/authorisations/{'0' * 32}/captures": {"lines": basket()["lines"], "reference": "c"},
        f"/v1/authorisations/{'0' * 32}/void": {},
        f"/v1/authorisations/{'0' * 32}/extend": {"ttl_seconds": 60},
        "/v1/exchanges": exchange,
        "/v1/returns": returned,
        f"/v1/sales/{'0' * 32}/events": {"event": "paid"},
        "/v1/pay-codes/revoke": {"pay_code": held["member"]["pay_code"]},
    }
    train(shop)
    before = books(shop)
    for path, body in tries.items():
        answer = shop.post("grocer-till", path, body)
        assert (answer.status_code, answer.json["code"]) == (422, "not-in-training"), path
    item = {"key": "o1", "sold_at": shop.at, "sale": basket()}
    told = shop.post("grocer-till", UPLOAD, {"sales": [item]}).json["results"][0]
    assert (told["state"], told["problem"]["code"]) == ("waiting", "not-in-training")
    for path, body in (("lines", {"part": 1, "lines": []}), ("close", {"totals": []})):
        answer = shop.post("grocer-till", f"/v1/stores/{basket()['store']}/days/2017-03-01/{path}", body)
        assert answer.status_code in (400, 422)
    assert answer.json["code"] == "not-in-training"
    assert books(shop) == before
    train(shop, on=False)
    marked = {**item, "key": "o2", "sale": basket(training=True)}
    told = shop.post("grocer-till", UPLOAD, {"sales": [item, marked]}).json["results"]
    assert [one["state"] for one in told] == ["certain", "refused"], "what was sold before is not lost"
    assert told[1]["problem"]["code"] == "not-in-training"


def test_eighteen_digits_train_without_a_signature(shop: Shop) -> None:
    who = shop.must("grocer", "/v1/members", {"custody": "custodial"})
    shop.must("grocer-till", "/v1/sales", basket(member={"number": who["number"]}))
    known = who["devices"][0]["digits"]
    at = seconds_floor(parse_instant(shop.at, "at"))
    digits = otp.digits_at(bytes.fromhex(known["secret"]), known["number"], at)
    before, signed = books(shop), journal(shop)
    body = basket(member={"pay_code": digits}, spend={"max_value_minor": 100})
    assert shop.must("grocer-till", "/v1/sales", body | {"training": True})["points_value_minor"] == 100
    assert (books(shop), journal(shop)) == (before, signed)
    assert shop.must("grocer-till", "/v1/sales", body)["points_value_minor"] == 100, "the digits still serve"
    assert journal(shop) != signed


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_the_mark_is_true_or_false(open_shop_once: Shop, value: Any) -> None:
    answer = open_shop_once.post("grocer-till", "/v1/sales", basket(training=value))
    assert (answer.status_code, answer.json["code"]) == (400, "malformed-field")


def test_only_the_merchant_lets_a_terminal_train(shop: Shop) -> None:
    path = f"/v1/terminals/{shop.keys['grocer-terminal']}/mode"
    assert shop.post("fuel", path, {"training": True}).json["code"] == "terminal-unknown"
    assert shop.post("grocer-till", path, {"training": True}).json["code"] == "scope-missing"
    train(shop)
    terminals = shop.get("grocer", "/v1/terminals").json["terminals"]
    assert [(t["training"], t["kind"], t["merchant"]) for t in terminals] == [(True, "till", GROCER)]
