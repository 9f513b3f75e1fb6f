"""Requests that the founded alliance would grant, as examples beside the document's schemas.

Schemathesis mixes them into what it makes up, so that sequences get beyond the first refusal.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.secp256k1 import address_text
from tests.api.service import FUEL, FUEL_STORE, GROCER, GROCER_STORE, Shop, basket, programme_body
from tests.api.test_administration import new_device
from tests.fuzz.values import Members, signed_code

Json = dict[str, Any]
_LATER = "2017-07-01T00:00:00Z"
_ADDRESS = address_text(b"\x77" * 20)


def with_examples(document: Json, shop: Shop, members: Members) -> Json:
    """The document with examples of request bodies and path parameters that mean something here."""
    bodies = bodies_of(shop, members)
    paths = _path_values(shop, members)
    for methods in document["paths"].values():
        for operation in methods.values():
            _add(operation, bodies.get(operation["operationId"], []), paths)
    return document


def bodies_of(shop: Shop, members: Members) -> dict[str, list[Json]]:
    """Bodies that are granted in a fresh world, by the name of their operation."""
    return {**_of_the_checkout(shop, members), **_of_members(shop, members), **_of_the_operator(shop)}


def _add(operation: Json, bodies: list[Json], paths: dict[str, list[str]]) -> None:
    if bodies:
        content = operation["requestBody"]["content"]["application/json"]
        content["examples"] = {f"example-{n}": {"value": body} for n, body in enumerate(bodies)}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in paths:
            values = paths[parameter["name"]]
            parameter["examples"] = {f"example-{n}": {"value": value} for n, value in enumerate(values)}


def _of_the_checkout(shop: Shop, members: Members) -> dict[str, list[Json]]:
    number = members.numbers[0]
    counters = count(10)

    def paid(store: str, minor: int, **more: Any) -> Json:
        code = signed_code(shop, members, next(counters), 10**9)
        spend = {"max_value_minor": minor // 4}
        return basket(store, minor, member={"pay_code": code}, spend=spend, **more)

    sales = [paid(GROCER_STORE, 4_000 + n) for n in range(12)]
    sales += [paid(FUEL_STORE, 2_000 + n) for n in range(4)]
    earned = [basket(GROCER_STORE, 1_000, member={"number": number}), basket(FUEL_STORE, 999)]
    holds = [paid(GROCER_STORE, 3_000 + n, several=True, ttl_seconds=3_600) for n in range(12)]
    lines = basket(GROCER_STORE, 500)["lines"]
    tenders = [{"type": "cash", "amount_minor": 300}, {"type": "coupon", "amount_minor": 200}]
    numbered = {"scheme": "tw", "number": "AB12345678", "carrier": {"kind": "donation", "id": "919"}}
    earned.append(basket(GROCER_STORE, 500, tenders=tenders, invoice=numbered))
    sale = shop.must("grocer-till", "/v1/sales", basket(GROCER_STORE, 2_000))["sale_id"]
    other = {"line": "2", "category": "X", "weight_grams": 250, "amount_minor": 700, "goods_kind": "ticket"}
    back = [{"line": "1", "quantity": 1}]
    return {
        "exchange": [basket(GROCER_STORE, lines=[other], sale=sale, returned=back) for _ in range(2)],
        "take-back": [{"reference": "b", "currency": "USD", "member": {"number": number}, "lines": lines}],
        "publish-return-policy": [
            {"order": "points_first", "without_receipt": {"most_minor": 9_000, "most_per_day": 9}},
            {"where": "partners", "partners": [FUEL], "takes_back_for": [FUEL]},
        ],
        "sale": sales + earned,
        "quote": sales[:4] + earned,
        "authorise": holds,
        "capture": [{"lines": lines, "reference": "c", "final": final} for final in (True, False)],
        "extend": [{"ttl_seconds": 7_200}],
        "refund": [{"reference": "r", "lines": [{"line": "1", "quantity": 1}]}, {"reference": "r"}],
        "query-pay-code": [{"pay_code": signed_code(shop, members, 5, 10**9)}],
    }


def _of_members(shop: Shop, members: Members) -> dict[str, list[Json]]:
    number = members.numbers[0]
    device = new_device(shop, b"\x55" * 32)
    more = new_device(shop, b"\x56" * 32, bytes.fromhex(members.phone["account"][2:]))
    person = {"identities": [{"kind": "email", "value": "jane@example.com"}], "custody": "custodial"}
    ask = {"member": number, "programme": "GROC", "points": 5, "reason": "goodwill", "note": "n",
           "funder": GROCER}  # fmt: skip
    return {
        "enrol-member": [{}, {"custody": "custodial"}, {"device": device}, person],
        "identify-member": person["identities"],
        "add-device": [more],
        "ask-adjustment": [ask],
        "decide-adjustment": [{"approve": True}, {"approve": False}],
    }


def _of_the_operator(shop: Shop) -> dict[str, list[Json]]:
    glns = [with_check_digit(f"95209{n:07d}") for n in range(8)]
    earn = programme_body("NEW", GROCER)["earn"]
    terms = {"point_value_micros": 9_000, "fee_bps": 50, "issuance_cap": 5_000_000, "validity_epochs": 2}
    stores = [{"store": gln, "merchant": GROCER, "name": "s", "timezone": "Europe/London"} for gln in glns]
    subjects = [("cashier", shop.keys["grocer-terminal"]), ("merchant", GROCER), ("auditor", "a"),
                ("operator", "o")]  # fmt: skip
    return {
        "create-programme": [programme_body(f"NEW{n}", FUEL) for n in range(4)],
        "publish-terms": [{"effective_from": _LATER, **terms}],
        "append-epochs": [{"count": 1}],
        "add-earn-rule": [{"effective_from": _LATER, "earn": earn}],
        "admit-merchant": [{"merchant": gln, "name": "m"} for gln in glns],
        "open-store": stores,
        "add-terminal": [{"store": GROCER_STORE, "label": "till 2"}],
        "set-till-key": [{"till_key": _ADDRESS}, {"till_key": None}],
        "issue-key": [{"role": role, "subject": subject} for role, subject in subjects],
        "rotate-key": [{"overlap_seconds": 60}],
    }


def _path_values(shop: Shop, members: Members) -> dict[str, list[str]]:
    sale = shop.must("grocer-till", "/v1/sales", basket(member={"number": members.numbers[0]}))["sale_id"]
    return {
        "number": members.numbers,
        "sale": [sale],
        "code": ["GROC", "FUEL"],
        "problem": ["not-enough-points", "internal-error"],
    }
