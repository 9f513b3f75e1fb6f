"""Late attach over HTTP: who may, what is refused, and what the reports tell of a cashier."""

from __future__ import annotations

from typing import Any

from ledger_service.checkout.attach.queries import Window, tallies_after
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.gs1 import with_check_digit
from tests.api.service import FUEL, FUEL_STORE, GROCER, Shop, basket
from tests.api.test_pages import all_pages
from tests.api.without_phone import card_of, enrol, later, now

STRANGER = with_check_digit("95200000000000999")


def sale(shop: Shop, who: str = "grocer-till", **more: Any) -> str:
    store = {"store": FUEL_STORE} if who == "fuel-till" else {}
    return str(shop.must(who, "/v1/sales", basket(amount=1_000, **store, **more))["sale_id"])


def attach(shop: Shop, sale_id: str, number: str, cashier: str = "ann", who: str = "grocer-till") -> Any:
    body = {"member": {"number": number}, "cashier": cashier}
    return shop.post(who, f"/v1/sales/{sale_id}/attach", body)


def link(shop: Shop, cashier: str, number: str) -> None:
    shop.must("grocer", "/v1/staff-links", {"merchant": GROCER, "cashier": cashier, "member": number})


def test_a_receipt_joins_by_number_card_or_phone(any_shop: Shop) -> None:
    number = enrol(any_shop, identities=[{"kind": "phone", "value": "+14155550123"}])
    card = card_of(any_shop, number)
    later(any_shop, days=2)
    for member in ({"number": number}, {"card": card}, {"phone": "+14155550123"}):
        body = {"member": member, "cashier": "ann"}
        answer = any_shop.must("grocer-till", f"/v1/sales/{sale(any_shop)}/attach", body)
        assert (answer["earned"][0]["points"], answer["cashier"]) == (10, "ann")
    found = any_shop.get("grocer-till", f"/v1/sales?member={number}").json["sales"]
    assert len(found) == 4


def test_a_sale_that_a_till_made_alone_joins_too(shop: Shop) -> None:
    number, item = enrol(shop), {"key": "k", "sold_at": shop.at, "sale": basket(amount=1_000)}
    later(shop, hours=3)
    merged = shop.client.post(
        "/v1/offline-sales", json={"sales": [item]},
        headers={"Authorization": f"Bearer {shop.keys['grocer-till']}", "Alliance-Time": shop.at},
    ).json["results"][0]["result"]  # fmt: skip
    answer = attach(shop, merged["sale_id"], number).json
    assert (answer["earned"][0]["points"], answer["occurred_at"]) == (10, item["sold_at"])


def test_refusals_leave_the_sale_as_it_was(shop: Shop) -> None:
    number, mine = enrol(shop), sale(shop)
    assert attach(shop, "0" * 32, number).json["code"] == "unknown-sale"
    assert attach(shop, sale(shop, "fuel-till"), number).json["code"] == "unknown-sale"
    assert attach(shop, mine, STRANGER).json["code"] == "member-unknown"
    for body in ({"member": {"number": number}}, {"cashier": "ann"}, {"member": {}, "cashier": "ann"},
                 {"member": {"number": number}, "cashier": "a b"},
                 {"member": {"number": number, "code": "12345678"}, "cashier": "ann"}):  # fmt: skip
        refused = shop.post("grocer-till", f"/v1/sales/{mine}/attach", body)
        assert (refused.status_code, refused.json["code"]) == (400, "malformed-field")
    assert attach(shop, mine, number).status_code == 201
    again = attach(shop, mine, number)
    assert (again.status_code, again.json["code"]) == (409, "sale-has-member")


def test_the_merchant_says_for_how_long(shop: Shop) -> None:
    path = f"/v1/merchants/{GROCER}/attach-policy"
    assert shop.get("grocer-till", path).json["within_days"] == 30
    number, old = enrol(shop), sale(shop)
    later(shop, days=31)
    answer = attach(shop, old, number)
    assert (answer.json["code"], answer.json["params"]) == ("attach-too-late", {"within_days": 30})
    shop.must("grocer", path, {"within_days": 0})
    shop.serving.checkout._admission._sources.directory.refresh()
    assert attach(shop, sale(shop), number).json["code"] == "attach-closed"
    assert shop.get("fuel-till", path).json == {"merchant": GROCER, "within_days": 0}
    assert shop.post("fuel", path, {"within_days": 5}).json["code"] == "not-yours"
    assert shop.post("grocer", path, {"within_days": 366}).json["code"] == "malformed-field"


def test_a_cashier_who_attaches_strangers_receipts_to_her_own_card(any_shop: Shop) -> None:
    shop = any_shop
    hers, customer = enrol(shop), enrol(shop)
    card = card_of(shop, hers)
    # Nobody knows yet that the card is hers: it works, and the report shows where it goes.
    body = {"member": {"card": card}, "cashier": "ann"}
    for _ in range(9):
        shop.must("grocer-till", f"/v1/sales/{sale(shop)}/attach", body)
    attach(shop, sale(shop), customer)
    for _ in range(4):
        attach(shop, sale(shop), customer, cashier="bob")
        attach(shop, sale(shop), enrol(shop), cashier="bob")
    ann, bob = all_pages(shop, "grocer", "/v1/attachments/cashiers", "cashiers", 1)
    assert (ann["attaches"], ann["members"], ann["top_share_bps"], ann["top_member"]) == (10, 2, 9_000, hers)
    assert (bob["attaches"], bob["members"], bob["top_share_bps"]) == (8, 5, 5_000)
    link(shop, "ann", hers)
    for cashier in ("ann", "bob"):
        refused = attach(shop, sale(shop), hers, cashier)
        assert (refused.status_code, refused.json["code"]) == (403, "attach-to-staff")
    ann = all_pages(shop, "grocer", "/v1/attachments/cashiers", "cashiers")[0]
    assert (ann["top_is_own"], ann["to_staff"]) == (True, 9)
    # A second person, with a key of the merchant, may: and it stands in the report.
    assert attach(shop, sale(shop), hers, who="grocer").status_code == 201
    rows = all_pages(shop, "auditor", f"/v1/attachments?merchant={GROCER}", "attachments")
    (own,) = [row for row in rows if row["member"] == hers]
    assert (own["cashier"], own["own"], own["approved"], own["attaches"]) == ("ann", True, 1, 10)
    assert sum(r["attaches"] for r in rows) == 19


def test_the_report_is_bounded_and_ones_own(shop: Shop) -> None:
    number = enrol(shop)
    attach(shop, sale(shop), number)
    later(shop, days=40)
    assert all_empty(shop, "/v1/attachments") == all_empty(shop, "/v1/attachments/cashiers") == []
    old = "/v1/attachments?since=2017-03-01&until=2017-03-31"
    assert shop.get("grocer", old).json["attachments"][0]["day"] == "2017-03-01"
    for query in ("since=2017-03-01", "since=2017-03-01&until=2017-04-01", "since=2017-13-01", "until=soon"):
        assert shop.get("grocer", f"/v1/attachments?{query}").json["code"] == "malformed-field"
    assert shop.get("fuel", f"/v1/attachments?merchant={GROCER}").json["code"] == "not-yours"
    assert shop.get("grocer-till", "/v1/attachments").json["code"] == "scope-missing"
    assert shop.get("fuel", old).json["attachments"] == []


def all_empty(shop: Shop, path: str) -> list[Any]:
    answer = shop.get("grocer", path).json
    assert answer["next_cursor"] is None
    return list(answer.get("attachments", answer.get("cashiers")))


def test_staff_links_are_listed_ended_and_forgotten_with_the_member(shop: Shop) -> None:
    one, two = enrol(shop), enrol(shop)
    link(shop, "ann", one)
    link(shop, "bob", two)
    link(shop, "ann", two)
    rows = all_pages(shop, "grocer", "/v1/staff-links", "staff_links", 1)
    assert [(row["cashier"], row["member"]) for row in rows] == [("ann", two), ("bob", two)]
    assert attach(shop, sale(shop), one).status_code == 201
    shop.must("grocer", "/v1/staff-links/ann/end", {"merchant": GROCER})
    again = shop.post("grocer", "/v1/staff-links/ann/end", {"merchant": GROCER})
    assert (again.status_code, again.json["code"]) == (404, "staff-unknown")
    body = {"merchant": GROCER, "cashier": "x", "member": two}
    assert shop.post("fuel", "/v1/staff-links", body).json["code"] == "not-yours"
    unknown = {**body, "member": STRANGER}
    assert shop.post("grocer", "/v1/staff-links", unknown).json["code"] == "member-unknown"
    shop.must("operator", f"/v1/members/{two}/erase")
    assert shop.get("grocer", "/v1/staff-links").json["staff_links"] == []


def test_rules_of_fraud_read_what_the_report_shows(shop: Shop) -> None:
    number = enrol(shop)
    link(shop, "ann", number)
    attach(shop, sale(shop), number, who="grocer")
    day = seconds_floor(now(shop)) // 86_400
    with shop.serving.foundations.database.read() as conn:
        (tally,) = tallies_after(conn, Window(int(GROCER), day - 6, day), None, 100)
        assert tallies_after(conn, Window(int(FUEL), day - 6, day), None, 100) == []
    assert (tally.cashier, tally.attaches, tally.top_share_bps, tally.top_is_own) == ("ann", 1, 10_000, True)


def test_a_suspended_merchants_receipts_join_nobody(shop: Shop) -> None:
    number, mine = enrol(shop), sale(shop)
    shop.must("operator", f"/v1/merchants/{GROCER}/suspension", {"suspended": True})
    assert attach(shop, mine, number).json["code"] == "merchant-suspended"
