"""Tiers over HTTP: publishing a ladder, asking what it would change, a member's standing, birthdays."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ledger_service.members.models import member
from tests.api.service import FUEL_STORE, GROCER, Shop, basket
from tests.api.test_administration import with_phone
from tests.integration.tiers.people import write_days

TIERS = [
    {"code": "BASE", "name": "Member", "at_least_minor": 0},
    {"code": "SILVER", "name": "Silver", "at_least_minor": 50_000, "rate_bps": 12_500},
    {"code": "GOLD", "name": "Gold", "at_least_minor": 100_000, "rate_bps": 20_000},
]
NOW = "2017-03-01T12:00:00Z"
TODAY = 736_389  # 2017-03-01
PATH = "/v1/programmes/GROC/tiers"


def ladder(effective: str = NOW, tiers: Any = TIERS, **more: Any) -> dict[str, Any]:
    return {"effective_from": effective, "ladder": {"tiers": tiers, **more}}


def publish(shop: Shop, body: dict[str, Any], who: str = "grocer", **more: str) -> Any:
    return shop.put(who, PATH, body, **more)


def test_a_merchant_publishes_its_own_ladder_in_order(shop: Shop) -> None:
    assert shop.get("grocer", PATH).json["code"] == "no-ladder"
    assert publish(shop, ladder(), "fuel").json["code"] == "not-yours"
    assert publish(shop, ladder(), "grocer-till").json["code"] == "scope-missing"
    answer = publish(shop, ladder(grace_days=90, birthday={"rate_bps": 20_000}), key="once")
    assert (answer.status_code, answer.json["ladder"]["version"]) == (200, 1)
    assert publish(shop, ladder(grace_days=90, birthday={"rate_bps": 20_000}), key="once").json == answer.json
    assert publish(shop, ladder()).json["code"] == "ladder-out-of-order"
    assert publish(shop, ladder("2017-02-28T12:00:00Z")).json["code"] == "ladder-out-of-order"
    assert publish(shop, ladder("2017-04-01T00:00:00Z")).json["ladder"]["version"] == 2
    shown = shop.get("grocer-till", PATH).json["versions"]
    assert [(v["version"], v["grace_days"]) for v in shown] == [(1, 90), (2, 0)]
    assert shown[0]["birthday"] == {"rate_bps": 20_000, "days": 1, "least_tier": "BASE"}
    assert shop.put("operator", "/v1/programmes/NONE/tiers", ladder()).json["code"] == "programme-unknown"


def test_a_ladder_that_makes_no_sense_is_refused_whole(shop: Shop) -> None:
    twice = [TIERS[0], TIERS[1], {**TIERS[2], "code": "SILVER"}]
    for body in (
        ladder(tiers=TIERS[1:]),
        ladder(tiers=[TIERS[0], TIERS[2], TIERS[1]]),
        ladder(tiers=twice),
        ladder(window="lunar"),
        ladder(member_days=[{"rate_bps": 15_000}]),
        ladder(member_days=[{"rate_bps": 15_000, "month_days": [8], "least_tier": "PLATINUM"}]),
        ladder(birthday={"rate_bps": 9_000}),
    ):
        assert publish(shop, body).json["code"] == "malformed-field", body
    assert shop.get("grocer", PATH).status_code == 404


def test_a_dry_run_counts_who_would_move_and_publishes_nothing(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    spend(shop, 60_000)
    dry = publish(shop, {**ladder(), "dry_run": True}).json
    assert (dry["dry_run"], dry["members_moving"]) == (True, 1)
    assert dry["moves"] == [{"from": None, "to": "SILVER", "members": 1}]
    assert shop.get("grocer", PATH).json["code"] == "no-ladder"
    publish(shop, ladder())
    harder = [TIERS[0], {**TIERS[1], "at_least_minor": 70_000}]
    moved = publish(shop, {**ladder("2017-04-01T00:00:00Z", harder), "dry_run": True}).json
    assert moved["moves"] == [{"from": "SILVER", "to": "BASE", "members": 1}]
    assert shop.get("operator", f"/v1/members/{number}/tiers").json["tiers"][0]["tier"] == "SILVER"


def test_a_member_sees_where_it_stands_until_when_and_what_is_missing(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    shop.keys["me"] = shop.key_for("member", number)
    assert shop.get("me", f"/v1/members/{number}/tiers").json["tiers"] == []
    publish(shop, ladder(grace_days=31))
    spend(shop, 60_000)
    (standing,) = shop.get("me", f"/v1/members/{number}/tiers").json["tiers"]
    assert (standing["tier"], standing["reason"], standing["rate_bps"]) == ("SILVER", "reached", 12_500)
    assert (standing["since"], standing["until"]) == ("2017-03-01T05:00:00Z", "2018-02-01T05:00:00Z")
    assert (standing["next_tier"], standing["to_next_minor"], standing["to_keep_minor"]) == (
        "GOLD",
        40_000,
        0,
    )
    assert shop.get("grocer-till", f"/v1/members/{number}/tiers").json["code"] == "scope-missing"
    other = shop.must("operator", "/v1/members", {"custody": "custodial"})["number"]
    assert shop.get("me", f"/v1/members/{other}/tiers").json["code"] == "not-yours"


def test_a_birthday_is_given_once_and_gone_with_the_member(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    shop.keys["me"] = shop.key_for("member", number)
    path = f"/v1/members/{number}/birthday"
    assert shop.put("me", path, {"birthday": "02-30"}).json["code"] == "malformed-field"
    assert shop.put("me", path, {"birthday": "02-29"}).json == {"given": True}
    assert shop.put("me", path, {"birthday": "02-29"}).status_code == 200
    assert shop.put("me", path, {"birthday": "03-01"}).json["code"] == "birthday-set"
    assert shop.put("me", path, {"birthday": None}).json == {"given": False}
    assert shop.put("me", path, {"birthday": "03-01"}).json["code"] == "birthday-set"
    assert shop.put("operator", path, {"birthday": "03-01"}).json == {"given": True}
    assert shop.put("grocer-till", path, {"birthday": "03-01"}).json["code"] == "scope-missing"
    assert birthday_of(shop) == 301
    shop.must("operator", f"/v1/members/{number}/erase")
    assert birthday_of(shop) is None


def spend(shop: Shop, amount: int) -> None:
    with shop.serving.foundations.database.begin() as conn:
        programme = shop.serving.catalogue.current().by_code["GROC"]
        assert programme.merchant_id == int(GROCER)
        write_days(conn, 1, programme.programme_id, {TODAY: amount})


def birthday_of(shop: Shop) -> int | None:
    with shop.serving.foundations.database.read() as conn:
        return conn.execute(select(member.c.birthday).where(member.c.member_id == 1)).scalar_one()


def test_a_till_sees_the_tier_in_quote_and_sale_and_what_is_missing(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    publish(shop, ladder(member_days=[{"rate_bps": 30_000, "weekdays": [4], "least_tier": "SILVER"}]))
    member_of_basket = {"member": {"number": number}}
    first = shop.must("grocer-till", "/v1/sales", basket(amount=60_000, reference="1", **member_of_basket))
    assert first["earned"][0]["tier"] == {
        "tier": "BASE", "ladder_version": 1, "rate": {"numerator": 1, "denominator": 1},
    }  # fmt: skip
    body = basket(amount=1_000, reference="2", **member_of_basket)
    told = shop.must("grocer-till", "/v1/quotes", body)["earned"][0]
    assert (told["points"], told["tier"]["tier"], told["tier"]["to_next_minor"]) == (12, "SILVER", 40_000)
    shop.at = "2017-03-02T12:00:00Z"  # a Thursday
    told = shop.must("grocer-till", "/v1/quotes", body)["earned"][0]
    assert (told["points"], told["tier"]["benefits"]) == (30, ["member-day"])
    sold = shop.must("grocer-till", "/v1/sales", body)
    assert (sold["earned"][0]["points"], sold["earned"][0]["tier"]["tier"]) == (30, "SILVER")
    fuel = shop.must("fuel-till", "/v1/sales", basket(FUEL_STORE, 1_000, reference="3", **member_of_basket))
    assert fuel["earned"][0]["tier"] is None
    shop.must("grocer-till", f"/v1/sales/{first['sale_id']}/refunds", {"reference": "back"})
    (standing,) = shop.get("operator", f"/v1/members/{number}/tiers").json["tiers"]
    assert (standing["tier"], standing["window_minor"], standing["reason"]) == ("BASE", 1_000, "base")
