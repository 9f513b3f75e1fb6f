"""A till that sends nonsense, or too much, or twice: it is told so with a code, and nothing is half done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.service import Shop, basket
from tests.api.test_offline import earn, enrol, equip, spend, upload

# Of a code that was scanned badly: cut, with a letter too many, of another make, and no code at all.
UNREADABLE = ("", "0", "AL1.", "x" * 300, "😀", "１２", "NaN")


@pytest.mark.parametrize("path", ["/v1/sales", "/v1/authorisations", "/v1/quotes"])
def test_a_code_that_cannot_be_read_is_said_to_be_so_though_the_till_signed_for_it(
    shop: Shop, path: str
) -> None:
    member, _ = enrol(shop), equip(shop, "grocer")
    sale = spend(shop, "grocer", member, 1)["sale"]
    if path == "/v1/quotes":
        del sale["reference"]
    for code in UNREADABLE:
        answer = shop.post("grocer-till", path, sale | {"member": {"pay_code": code}})
        assert answer.status_code in (400, 422), (code, answer.json)
        assert answer.json["code"] in ("malformed-field", "pay-code-malformed", "pay-code-version-unknown")


def test_a_till_signs_for_a_code_and_not_for_a_number(shop: Shop) -> None:
    member, _ = enrol(shop), equip(shop, "grocer")
    acceptance = spend(shop, "grocer", member, 1)["sale"]["acceptance"]
    body = basket(member={"number": member["number"]}, acceptance=acceptance)
    answer = shop.post("grocer-till", "/v1/sales", body)
    assert (answer.status_code, answer.json["params"]["field"]) == (400, "acceptance")


def test_a_packed_body_is_named_and_not_called_broken(shop: Shop) -> None:
    answer = shop.post("grocer-till", "/v1/sales", basket(), **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json["code"]) == (415, "media-type-unsupported")
    assert answer.json["params"] == {"expected": "application/json without Content-Encoding"}
    plain = shop.post("grocer-till", "/v1/sales", basket(), **{"Content-Encoding": "identity"})
    assert plain.status_code == 201


def test_of_refunds_of_one_line_under_different_keys_no_more_come_back_than_were_sold(any_shop: Shop) -> None:
    shop = any_shop
    sold = shop.must("grocer-till", "/v1/sales", basket())["sale_id"]
    path, piece = f"/v1/sales/{sold}/refunds", {"reference": "r", "lines": [{"line": "1", "quantity": 1}]}
    with ThreadPoolExecutor(8) as tills:
        asked = [tills.submit(shop.post, "grocer-till", path, piece, key=f"till-{n}") for n in range(8)]
        answers = [one.result() for one in asked]
    assert sorted(one.status_code for one in answers) == [201] * 4 + [422] * 4
    assert {one.json["code"] for one in answers if one.status_code == 422} == {"refund-exceeds-sale"}
    assert sum(one.json.get("refunded_minor", 0) for one in answers) == 10_000


def test_one_unreadable_code_in_an_upload_hinders_no_other_sale(shop: Shop) -> None:
    member, _ = enrol(shop), equip(shop, "grocer")
    broken = [spend(shop, "grocer", member, n) for n in range(1, len(UNREADABLE) + 1)]
    for item, code in zip(broken, UNREADABLE, strict=True):
        item["sale"]["member"] = {"pay_code": code}
    results = upload(shop, "grocer", *broken, earn(shop, member["number"]))
    assert [one["state"] for one in results] == ["refused"] * len(UNREADABLE) + ["certain"]
    assert {one["problem"]["status"] for one in results[:-1]} <= {400, 422}
