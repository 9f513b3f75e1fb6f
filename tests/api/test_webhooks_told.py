"""What webhooks tell beside sales: consents, links that were followed, segments, coded items, cases."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from ledger_service.coupons.terms.values import GiftRule, Ticket
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.webhooks.models import webhook_event, webhook_fresh
from tests.api.service import FUEL, GROCER, GROCER_STORE, NOON, Shop, basket
from tests.api.test_administration import with_phone
from tests.api.test_coupons import person
from tests.api.test_items import GTIN, Shelf
from tests.api.test_programme_ends import told as announced
from tests.api.test_segments import BASE as SEGMENTS
from tests.api.test_segments import MARCH, MAY, MAY_2, OFTEN, buy, count
from tests.api.test_sharing import live, newcomer, sharer
from tests.api.test_tickets import PRICE, TICKETS, shown, sold
from tests.api.test_value_cards import CARDS, TILL, money, paying, printed
from tests.api.test_webhooks import NEW, read_on

HOOKS = "/v1/webhooks"


def hear(shop: Shop, *kinds: str) -> None:
    """Both merchants have an endpoint."""
    for who, merchant in (("grocer", GROCER), ("fuel", FUEL)):
        shop.must(who, HOOKS, NEW | {"merchant": merchant, "kinds": list(kinds)})


def told(shop: Shop, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Each fact of the kind: to whom, and what; all is read, and a second look finds no more."""
    read_on(shop)
    read_on(shop)
    e = webhook_event.c
    its = select(e.merchant_id, e.body).where(e.kind == kind).order_by(e.number)
    with shop.serving.foundations.database.read() as conn:
        assert conn.execute(select(webhook_fresh)).first() is None
        return [(f"{row.merchant_id:013d}", json.loads(row.body)) for row in conn.execute(its)]


def test_both_merchants_hear_of_a_consent_and_of_its_end(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop, "consent.changed")
    number = with_phone(shop)["number"]
    own, path = shop.key_for("member", number), f"/v1/members/{number}/consents"
    given = shop.must(own, path, {"owner": GROCER, "reader": FUEL, "purpose": "analytics"})["consent"]
    body = {"consent": given, "change": "given", "owner": GROCER, "reader": FUEL, "purpose": "analytics"}
    assert sorted(told(shop, "consent.changed"), key=str) == sorted([(GROCER, body), (FUEL, body)], key=str)
    shop.must(own, f"{path}/{given}/revoke")
    changes = [change["change"] for _, change in told(shop, "consent.changed")]
    assert changes == ["given", "given", "revoked", "revoked"]


def test_a_consent_that_ends_with_its_member_is_not_told_beside_that(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    own, path = shop.key_for("member", number), f"/v1/members/{number}/consents"
    shop.must(own, path, {"owner": GROCER, "reader": FUEL, "purpose": "analytics"})
    read_on(shop)
    hear(shop, "consent.changed")
    assert shop.post(own, f"/v1/members/{number}/erase", {}).status_code < 300
    assert told(shop, "consent.changed") == []


def test_who_enrolled_a_member_hears_of_it_once_and_nobody_else_does(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop, "member.enrolled")
    shop.must("grocer", "/v1/members", {"custody": "custodial"})
    shop.must("operator", "/v1/members", {"custody": "custodial"})
    gone = shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    assert shop.post("operator", f"/v1/members/{gone}/erase", {}).status_code < 300
    assert told(shop, "member.enrolled") == [(GROCER, {"custody": "custodial"})]


def test_members_of_several_segments_are_told_of_each(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    hear(shop, "segment.changed")
    buy(shop, number, MARCH, 1_000)
    for code in ("ONE", "TWO", "THREE"):
        rule = {"fact": "frequency", "at_least": 1}
        shop.must("grocer", SEGMENTS, {"merchant": GROCER, "code": code, "name": code, "rule": rule})
    shop.at = MAY
    count(shop)
    joined = {body["segment"] for _, body in told(shop, "segment.changed") if body["change"] == "joined"}
    assert joined == {"ONE", "TWO", "THREE"}


def test_a_campaigns_merchant_hears_who_came_by_which_link_but_not_who_brought_it(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop, "share.followed")
    live(shop)
    _, code, number = sharer(shop)
    newcomer(shop, code)
    ((merchant, body),) = told(shop, "share.followed")
    expected = {"campaign": "SPRING", "link": code, "newcomer": True, "customer": False}
    assert (merchant, body) == (GROCER, expected)
    assert number not in str(body)


def test_a_segments_merchant_hears_who_joined_and_who_left(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    hear(shop, "segment.changed")
    rule = {"merchant": GROCER, "code": "OFTEN", "name": "often", "rule": OFTEN, "window_days": 70}
    buy(shop, number, MARCH, 1_000)
    shop.must("grocer", SEGMENTS, rule)
    buy(shop, number, MAY, 1_000)
    shop.at = MAY_2
    count(shop)
    assert told(shop, "segment.changed") == [(GROCER, {"segment": "OFTEN", "change": "joined"})]
    shop.at = "2017-05-20T12:00:00Z"
    count(shop)
    assert [body["change"] for _, body in told(shop, "segment.changed")] == ["joined", "left"]


def test_memberships_of_segments_that_nobody_hears_of_are_not_even_noted(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    shop.at = MARCH
    shop.must("grocer", SEGMENTS, {"merchant": GROCER, "code": "ONCE", "name": "once", "rule": OFTEN})
    buy(shop, number, MARCH, 1_000)
    buy(shop, number, MAY, 1_000)
    count(shop)
    with shop.serving.foundations.database.read() as conn:
        sources = conn.execute(select(webhook_fresh.c.source)).scalars().all()
    assert "joined" not in sources


def test_a_brand_hears_of_claims_returns_and_cases_of_its_items(any_shop: Shop) -> None:
    shop, shelf = any_shop, Shelf(any_shop)
    hear(shop)
    terms = {"programme": "GROC", "points": 5}
    assert shop.put("grocer", f"/v1/products/{GTIN}/claim-terms", terms).status_code == 200
    number = shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    code, serial = shelf.stock.code(0), shelf.stock.items[0][1]
    claim = {"code": code, "pin": shelf.stock.pin(0), "channel": "app"}
    done = shop.must("operator", f"/v1/members/{number}/item-claims", claim)
    assert shop.post("grocer", "/v1/item-returns", {"code": code}).status_code == 201
    item, paid = {"gtin": GTIN, "serial": serial}, {"points": 5, "programme": "GROC"}
    assert told(shop, "item.changed") == [
        (GROCER, {**item, "change": "claimed", **paid, "operation": done["operation"]}),
        (GROCER, {**item, "change": "returned", "taken_back_by": GROCER}),
    ]
    for country, east in (("HK", 1142), ("FR", 24)):
        place = {"latitude_tenths": 223, "longitude_tenths": east}
        shelf.scan(shelf.stock.code(1), device=f"device in {country}", country=country, **place)
    (case,) = shop.get("grocer", "/v1/item-cases?state=open").json["cases"]
    closed = {"closure": "false-alarm", "said": "a gift"}
    assert shop.post("grocer", f"/v1/item-cases/{case['case']}/closure", closed).status_code == 200
    body = {"case": case["case"], "about": "impossible-travel", "gtin": GTIN}
    changes = [(GROCER, {**body, "change": change}) for change in ("opened", "closed")]
    assert told(shop, "case.changed") == changes


def test_an_issuer_hears_what_moves_on_its_cards_and_a_frozen_one_says_nothing(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop)
    person(shop, "anna")
    (code,) = printed(shop)
    card = shop.must(TILL, CARDS, money(code, 1_000, pin="4711", member=shop.keys["anna-number"]))["card"]
    shop.must(TILL, f"{CARDS}/loads", money(code, 200))
    sale = shop.must(TILL, "/v1/sales", paying(code, 700, pin="4711"))["sale_id"]
    shop.must(TILL, f"/v1/sales/{sale}/refunds", {"reference": "b"})
    shop.must("grocer", f"{CARDS}/{card}/standing", {"act": "freeze", "reason": "lost"})
    assert shop.post(TILL, f"{CARDS}/loads", money(code, 1)).status_code == 409
    facts = told(shop, "value_card.changed")
    assert {(merchant, body["card"]) for merchant, body in facts} == {(GROCER, card)}
    listed = shop.get("grocer", f"{CARDS}/{card}/entries").json["entries"]
    assert [(body["change"], body["amount_minor"], body["store"]) for _, body in facts] == [
        (entry["kind"], entry["amount_minor"], GROCER_STORE) for entry in listed
    ]
    assert [body["balance_minor"] for _, body in facts] == [1_000, 1_200, 500, 1_200]
    assert facts[2][1]["because_of"] == sale
    assert not any(secret in str(facts) for secret in (code, code.replace("-", ""), "4711", "anna"))


def test_an_events_merchant_hears_of_its_tickets(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop, "ticket.changed")
    for name in ("anna", "ben"):
        person(shop, name)
    ball = Ticket("Ball", NOON + timedelta(days=3), PRICE, refund_minutes=60)
    code, other = printed(shop, 2, "HK", ball, gift=GiftRule.ONCE)
    mine = shop.must(TILL, TICKETS, sold(code, member=shop.keys["anna-number"]))["ticket"]
    path = f"/v1/members/{shop.keys['anna-number']}/tickets/{mine}/gift"
    assert shop.post("anna", path, {"recipient": shop.keys["ben-number"]}).status_code == 200
    assert shop.post(TILL, f"{TICKETS}/entries", shown(code)).json["code"] == "ticket-unknown"
    bens = f"/v1/members/{shop.keys['ben-number']}/tickets"
    shop.must(TILL, f"{TICKETS}/entries", shown(shop.get("ben", bens).json["tickets"][0]["pass"]))
    shop.must(TILL, TICKETS, sold(other))
    shop.must(TILL, f"{TICKETS}/refunds", shown(other))
    facts = told(shop, "ticket.changed")
    assert {merchant for merchant, _ in facts} == {GROCER}
    assert [(body["change"], body["amount_minor"]) for _, body in facts] == [
        ("sold", PRICE), ("given", 0), ("entered", 0), ("sold", PRICE), ("refunded", PRICE),
    ]  # fmt: skip
    assert [body["ticket"] == mine for _, body in facts] == [True] * 3 + [False] * 2
    assert facts[1][1]["store"] is None and facts[2][1]["store"] == GROCER_STORE
    assert {body["begins_at"] for _, body in facts} == {format_instant(ball.begins_at)}


def test_an_issuer_hears_that_points_end_and_what_they_become(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop, "points.ending")
    number = with_phone(shop)["number"]
    shop.must(TILL, "/v1/sales", basket(GROCER_STORE, member={"number": number}))
    announced(shop)
    for _ in range(2):
        while shop.serving.points.write_notices(parse_instant(shop.at, "at")):
            pass
    own = shop.key_for("member", number)
    listed = shop.get(own, f"/v1/members/{number}/notices").json["notices"]
    wanted = ("programme", "points", "last_day", "days_before", "converts_into")
    facts = told(shop, "points.ending")
    assert [body["converts_into"] for _, body in facts] == ["FUEL"]
    assert facts == [(GROCER, {name: one[name] for name in wanted}) for one in listed]
