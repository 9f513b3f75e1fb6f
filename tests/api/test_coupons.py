"""Wallets over HTTP: claims by code and by link, gifts, grants; each write once; nobody sees another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.coupons.codes.making import ListDesk, NewList
from ledger_service.coupons.codes.seeds import safe_of, tagger_of
from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.models import (
    coupon_campaign,
    coupon_campaign_arm,
    coupon_campaign_offer,
    coupon_definition,
    coupon_source,
    coupon_version,
)
from ledger_service.coupons.terms.text import terms_hash, terms_json
from ledger_service.coupons.terms.values import AmountOff, GiftRule, Limits, Share, Terms, Window
from ledger_service.coupons.wallet.models import coupon_guess
from ledger_service.coupons.wallet.rules import MOST_WRONG_OF_MEMBER
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.members.models import member
from tests.api.service import FUEL, GROCER, NOON, Shop
from tests.api.test_pages import all_pages
from tests.api.test_surroundings import gauges

PATTERN = "####-####-####-####-*"
TWO_A_MEMBER = Limits(per_member=2)


def offer(
    shop: Shop, merchant: str = GROCER, gift: GiftRule = GiftRule.ONCE, limits: Limits = TWO_A_MEMBER
) -> int:
    """A live definition; its id."""
    owner = int(merchant)
    with shop.serving.foundations.database.begin() as conn:
        number = define(conn, owner, NOON, limits, gift)
        if merchant == GROCER:
            campaign(conn, owner, number, NOON)
    shop.serving.wallets.offers.catalogue.refresh()
    return number


def define(conn: Connection, owner: int, at: datetime, limits: Limits, gift: GiftRule, **more: Any) -> int:
    """A definition that takes a dollar off, in force for a month from the day before ``at``; its id."""
    number = next_number(conn)
    terms = Terms(
        number, 1, owner, "USD", AmountOff(100), (Share(owner, 10_000),),
        window=Window(ends_at=at + timedelta(days=30)), limits=limits, gift=gift, **more,
    )  # fmt: skip
    conn.execute(insert(coupon_definition).values(
        definition_id=number, merchant_id=owner, code=f"D{number}", gcn_type=None, names="{}",
        jurisdiction="none", created_by="test", created_at=at,
    ))  # fmt: skip
    conn.execute(insert(coupon_version).values(
        definition_id=number, version=1, body=terms_json(terms), terms_hash=terms_hash(terms),
        effective_from=at - timedelta(days=1), written_by="a", written_at=at, approved_by="b",
        approved_at=at, live_from=at - timedelta(days=1),
    ))  # fmt: skip
    return number


def campaign(conn: Connection, owner: int, definition: int, at: datetime) -> None:
    """A live campaign whose link offers the definition."""
    campaign, to = next_number(conn), at + timedelta(days=40)
    rows = (
        (coupon_campaign, {
            "merchant_id": owner, "code": "C", "names": "{}", "starts_at": at, "ends_at": to,
            "proposed_by": "a", "proposed_at": at, "approved_by": "b", "approved_at": at,
        }),
        (coupon_campaign_arm, {"arm": 0, "weight": 1}),
        (coupon_campaign_offer, {"definition_id": definition, "arm": 0}),
        (coupon_source, {
            "source": "LINK", "channel": "web", "label": "", "created_by": "a", "created_at": at,
        }),
    )  # fmt: skip
    for table, row in rows:
        conn.execute(insert(table).values(campaign_id=campaign, **row))


def codes_of(shop: Shop, definition: int, size: int = 3, **other: Any) -> list[str]:
    """The codes of a sealed list."""
    secret, random = shop.serving.secrets.one_time, SystemRandom()
    desk = ListDesk(shop.serving.foundations.database, tagger_of(secret), safe_of(secret, random), random)
    given = {"kind": "unique", "pattern": PATTERN} | other
    new = NewList(f"L{definition}", int(GROCER), definition, 9_520_000_000_019, size=size, **given)
    desk.begin(new, NOON)
    return list(desk.codes(desk.generate(f"L{definition}", NOON, lambda *_: None)))


def person(shop: Shop, name: str) -> str:
    """A member with a key of its own under its name; its wallet's path."""
    number = shop.must("operator", "/v1/members", {"custody": "custodial"})["number"]
    shop.keys[name] = shop.key_for("member", number)
    shop.keys[f"{name}-number"] = number
    return f"/v1/members/{number}/coupons"


def link(definition: int) -> dict[str, Any]:
    """The body of a claim by the campaign's link."""
    return {"definition": definition, "source": "LINK"}


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_member_claims_by_code_and_by_link_and_a_retry_gives_the_same(any_shop: Shop) -> None:
    shop = any_shop
    definition, wallet = offer(shop), person(shop, "anna")
    code, *_ = codes_of(shop, definition)
    first = shop.must("anna", wallet, {"code": code.lower(), "source": "poster-7"}, key="once")
    assert shop.post("anna", wallet, {"code": code.lower(), "source": "poster-7"}, key="once").json == first
    assert (first["definition"], first["version"]) == (definition, 1)
    assert first["expires_at"] == "2017-03-31T12:00:00Z"
    second = shop.must("anna", wallet, link(definition))
    assert refused(shop.post("anna", wallet, link(definition))) == (409, "coupon-limit-reached")
    rows = all_pages(shop, "anna", wallet, "coupons", limit=1)
    assert {row["coupon"] for row in rows} == {first["coupon"], second["coupon"]}
    assert {row["source"] for row in rows} == {"poster-7", "LINK"}
    shown = shop.get("operator", f"{wallet}/{first['coupon']}").json
    assert shown["coupon"]["state"] == "available"
    assert [event["kind"] for event in shown["events"]] == ["claimed"]


def test_a_gift_is_at_once_and_the_old_holder_has_nothing_left(shop: Shop) -> None:
    definition, wallet = offer(shop), person(shop, "anna")
    other = person(shop, "bert")
    held = shop.must("anna", wallet, link(definition))["coupon"]
    path, body = f"{wallet}/{held}/gift", {"recipient": shop.keys["bert-number"]}
    given = shop.post("anna", path, body, key="gift")
    assert (given.status_code, given.json) == (200, {"coupon": held})
    assert shop.post("anna", path, body, key="gift").json == given.json
    assert refused(shop.post("anna", path, body)) == (404, "coupon-unknown")
    assert refused(shop.get("anna", f"{wallet}/{held}")) == (404, "coupon-unknown")
    back = {"recipient": shop.keys["anna-number"]}
    assert refused(shop.post("bert", f"{other}/{held}/gift", back)) == (409, "coupon-gift-refused")
    assert [row["coupon"] for row in shop.get("bert", other).json["coupons"]] == [held]


def test_nobody_reads_or_changes_another_members_wallet(shop: Shop) -> None:
    definition, wallet = offer(shop), person(shop, "anna")
    person(shop, "bert")
    held = shop.must("anna", wallet, link(definition))["coupon"]
    assert refused(shop.get("bert", wallet)) == (403, "not-yours")
    assert refused(shop.get("bert", f"{wallet}/{held}")) == (403, "not-yours")
    assert refused(shop.post("bert", wallet, link(definition))) == (403, "not-yours")
    own = {"recipient": shop.keys["bert-number"]}
    assert refused(shop.post("bert", f"{wallet}/{held}/gift", own)) == (403, "not-yours")
    assert refused(shop.get("grocer", wallet)) == (403, "scope-missing")


def test_wrong_codes_lock_and_right_ones_of_others_look_like_wrong_ones(shop: Shop) -> None:
    definition, wallet = offer(shop), person(shop, "anna")
    other = person(shop, "bert")
    code, free, *_ = codes_of(shop, definition)
    shop.must("anna", wallet, {"code": code})
    answers = [shop.post("bert", other, {"code": tried}) for tried in (code, "ABCD-EFGH", "ö", code)]
    bodies = [{k: v for k, v in a.json.items() if k not in ("instance", "request_id")} for a in answers]
    assert all(body == bodies[0] for body in bodies)
    for _ in range(MOST_WRONG_OF_MEMBER - 4):
        assert refused(shop.post("bert", other, {"code": "WRONG"})) == (404, "coupon-unknown")
    locked = shop.post("bert", other, {"code": free})
    assert refused(locked) == (429, "coupon-codes-locked")
    assert 0 < int(locked.headers["Retry-After"]) <= 900
    shop.must("bert", other, link(definition))  # what needs no code goes on


def test_bad_claims_are_refused_and_change_nothing(shop: Shop) -> None:
    definition, wallet = offer(shop), person(shop, "anna")
    (word,) = codes_of(shop, definition, 1, kind="generic", pattern="SUMMER-26", most=1)
    both = {"code": word, "definition": definition}
    for body in ({}, both, {"definition": definition}, {"code": 7}, {"definition": 0}):
        assert shop.post("anna", wallet, body).status_code == 400
    assert refused(shop.post("anna", wallet, link(definition + 999))) == (409, "coupon-not-offered")
    held = shop.must("anna", wallet, {"code": word})["coupon"]
    other = person(shop, "bert")
    assert refused(shop.post("bert", other, {"code": word})) == (409, "coupon-not-offered")
    shop.at = "2017-04-01T00:00:00Z"
    body = {"recipient": shop.keys["bert-number"]}
    assert refused(shop.post("anna", f"{wallet}/{held}/gift", body)) == (409, "coupon-not-usable")
    assert refused(shop.post("anna", wallet, link(definition))) == (409, "coupon-not-offered")
    assert [row["state"] for row in shop.get("anna", wallet).json["coupons"]] == ["expired"]


def test_a_merchant_grants_its_own_coupons_to_members_once(shop: Shop) -> None:
    definition, wallet = offer(shop), person(shop, "anna")
    person(shop, "bert")
    numbers = [shop.keys["anna-number"], shop.keys["bert-number"]]
    body = {"definition": definition, "members": numbers, "reference": "TypeA-12"}
    assert shop.must("grocer", "/v1/coupon-grants", body) == {"new": 2}
    assert shop.must("grocer", "/v1/coupon-grants", body) == {"new": 0}
    assert refused(shop.post("fuel", "/v1/coupon-grants", body)) == (404, "coupon-definition-unknown")
    foreign = offer(shop, FUEL)
    assert refused(shop.post("grocer", "/v1/coupon-grants", {**body, "definition": foreign}))[0] == 404
    unknown = {**body, "members": [*numbers, with_check_digit("95200000000000999")], "reference": "next"}
    assert refused(shop.post("grocer", "/v1/coupon-grants", unknown)) == (404, "member-unknown")
    assert len(shop.get("anna", wallet).json["coupons"]) == 1


def test_a_frozen_member_claims_and_gets_nothing(shop: Shop) -> None:
    definition, wallet = offer(shop), person(shop, "anna")
    with shop.serving.foundations.database.begin() as conn:
        mine = member.c.member_number == shop.keys["anna-number"]
        conn.execute(update(member).where(mine).values(status="frozen", frozen_at=NOON))
    assert refused(shop.post("anna", wallet, link(definition)))[1] == "member-frozen"


@pytest.mark.parametrize("coupon", ["0" * 31, "0" * 32])
def test_a_coupon_that_is_none_is_unknown_or_malformed(shop: Shop, coupon: str) -> None:
    wallet = person(shop, "anna")
    answer = shop.get("anna", f"{wallet}/{coupon}")
    assert refused(answer) == ((400, "malformed-field") if len(coupon) < 32 else (404, "coupon-unknown"))


def test_a_lock_shows_to_the_monitor(shop: Shop) -> None:
    assert gauges(shop)["alliance_coupon_codes_locked"] == 0
    with shop.serving.foundations.database.begin() as conn:
        until = datetime.now(UTC) + timedelta(minutes=1)
        row = {"subject": "terminal:t", "wrong": 20, "since": NOON, "locked_until": until}
        conn.execute(insert(coupon_guess).values(row))
    assert gauges(shop)["alliance_coupon_codes_locked"] == 1
