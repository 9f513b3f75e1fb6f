"""Lines in other units than pieces, kinds of goods and tenders over HTTP."""

from __future__ import annotations

from typing import Any

from tests.api.service import FUEL_STORE, Shop, basket
from tests.api.test_checkout import digits, rich_member

WEIGHED = {"line": "1", "category": "FOOD", "weight_grams": 1_250, "amount_minor": 1_000}


def test_tenders_must_sum_to_the_total(shop: Shop) -> None:
    body = basket(amount=1_000, tenders=[{"type": "cash", "amount_minor": 400}])
    answer = shop.post("grocer-till", "/v1/sales", body)
    assert (answer.status_code, answer.json["code"]) == (422, "tenders-do-not-add-up")
    assert answer.json["params"] == {"tendered_minor": 400, "total_minor": 1_000}
    body["tenders"].append({"type": "stored_value", "amount_minor": 600, "reference": "card 7"})
    assert shop.must("grocer-till", "/v1/sales", body)["tenders"] == body["tenders"]


def test_a_points_tender_says_what_the_points_pay(shop: Shop) -> None:
    enrolled = rich_member(shop)
    tender = {"type": "points", "programme": "GROC", "points": 100, "amount_minor": 99}
    rest = {"type": "card", "amount_minor": 901}
    body = basket(
        FUEL_STORE, 1_000, member={"pay_code": digits(shop, enrolled)}, spend=None, tenders=[tender, rest]
    )
    answer = shop.post("fuel-till", "/v1/sales", body)
    assert (answer.status_code, answer.json["code"]) == (422, "points-tender-differs")
    worth = answer.json["params"]["paid_minor"]
    tender["amount_minor"], rest["amount_minor"] = worth, 1_000 - worth
    assert shop.must("fuel-till", "/v1/sales", body)["points_value_minor"] == worth


def test_a_weighed_line_is_returned_by_weight(shop: Shop) -> None:
    sale = shop.must("grocer-till", "/v1/sales", basket(lines=[WEIGHED]))["sale_id"]
    path = f"/v1/sales/{sale}/refunds"
    pieces = {"reference": "x", "lines": [{"line": "1", "quantity": 1}]}
    answer = shop.post("grocer-till", path, pieces)
    assert (answer.status_code, answer.json["code"]) == (422, "line-unit-differs")
    half = shop.must("grocer-till", path, {"reference": "x", "lines": [{"line": "1", "weight_grams": 625}]})
    assert half["refunded_minor"] == 500


def test_an_earn_rule_has_its_basis_from_its_own_version_on(shop: Shop) -> None:
    basis: dict[str, Any] = {"tax_earns": False, "kinds_without_points": ["tobacco"]}
    body = {
        "effective_from": "2017-06-01T00:00:00Z",
        "earn": {"points": 1, "per_minor": 100, "basis": basis},
    }
    shop.must("operator", "/v1/programmes/GROC/earn-rules", body)
    listed = shop.get("operator", "/v1/programmes").json["programmes"]
    first, second = next(p["rules"] for p in listed if p["programme"] == "GROC")
    assert (first["basis"]["tax_earns"], second["basis"]["tax_earns"]) == (True, False)
    assert second["basis"]["kinds_without_points"] == ["tobacco"]
    assert second["basis"]["tenders_without_earn"] == ["coupon", "points"]
