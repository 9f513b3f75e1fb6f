"""A member's own receipts: from the history to what the shop sold, and to the proof of each operation."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.api.service import Shop, basket
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
_LINK = re.compile(r'href="(/me/receipts/[0-9a-f]{32})"')


def test_an_entry_leads_to_its_receipt_and_the_receipt_to_its_proof(enter: Enter, web_shop: Shop) -> None:
    number = web_shop.keys["member-number"]
    sold = web_shop.must("grocer-till", "/v1/sales", basket(amount=1_250, member={"number": number}))
    browser = enter("member")
    assert f"/me/receipts/{sold['sale_id']}" in _LINK.findall(browser.get("/me/history").text)
    page = browser.get(f"/me/receipts/{sold['sale_id']}").text
    assert ("grocer" in page, "$12.50" in page, sold["sale_id"] in page) == (True, True, True)
    assert sold["operations"] and all(f'href="/me/history/{one}"' in page for one in sold["operations"])


def test_what_points_paid_for_is_found_by_the_operation_that_spent_them(
    enter: Enter, web_shop: Shop
) -> None:
    code = web_shop.get("member", f"/v1/members/{web_shop.keys['member-number']}/code").json["digits"]
    till = enter("cashier")
    till.get("/till")
    sold = till.post("/till", act="sell", amount_1="5", quantity_1="1", member=code, points="1")
    assert sold.status_code == 201, sold.text
    browser = enter("member")
    spent = next(one for one in browser.get("/me/history").text.split("<li") if "<strong>spent" in one)
    link = _LINK.search(spent)
    assert link is not None
    assert "$4.00" in browser.get(link[1]).text


def test_nobody_reads_the_receipt_of_another(enter: Enter, web_shop: Shop) -> None:
    number = web_shop.keys["member-number"]
    sold = web_shop.must("grocer-till", "/v1/sales", basket(amount=700, member={"number": number}))["sale_id"]
    other = str(web_shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"])
    key = web_shop.key_for("member", other)
    assert web_shop.get(key, f"/v1/members/{other}/receipts/{sold}").json["code"] == "unknown-sale"
    assert web_shop.get(key, f"/v1/members/{number}/receipts/{sold}").json["code"] == "not-yours"
    for who in ("operator", "auditor", "merchant", "cashier"):
        assert web_shop.get(who, f"/v1/members/{number}/receipts/{sold}").status_code == 403, who
    browser = enter("member")
    for odd in ("0" * 32, "none", "%00", "..%2f" * 9, "f" * 5_000):
        assert browser.get(f"/me/receipts/{odd}").status_code in (400, 404), odd[:20]


def test_goods_that_came_back_stand_on_the_receipt(enter: Enter, web_shop: Shop) -> None:
    number = web_shop.keys["member-number"]
    sold = web_shop.must("grocer-till", "/v1/sales", basket(amount=900, member={"number": number}))
    path = f"/v1/sales/{sold['sale_id']}/refunds"
    assert web_shop.must("grocer-till", path, {"reference": "back"})["refunded_minor"] == 900
    assert enter("member").get(f"/me/receipts/{sold['sale_id']}").text.count("$9.00") >= 2


def test_a_history_begins_with_a_picture_of_the_points_over_time(enter: Enter, web_shop: Shop) -> None:
    web_shop.must(
        "grocer-till", "/v1/sales", basket(amount=500, member={"number": web_shop.keys["member-number"]})
    )
    browser = enter("member")
    page = browser.get("/me/history").text
    assert ('<polyline class="line"' in page, "Your points over time" in page) == (True, True)
    further = re.search(r'href="(/me/history\?cursor=[^"]+)"', page)
    assert further is None or "<polyline" not in browser.get(further[1]).text
