"""Segments over HTTP: tried, written, counted, and who was in when, by one merchant's own books alone."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.segmenting import Segmenting
from ledger_service.cli import value as command
from ledger_service.insight import valuing
from ledger_service.insight.erasing import erase_everywhere
from ledger_service.insight.lifetime import Often, Spend
from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.models import member
from ledger_service.members.segments import rules, service
from ledger_service.members.segments.models import member_tag, segment_member
from ledger_service.merchants.errors import MerchantUnknown
from tests.api.service import FUEL, FUEL_STORE, GROCER, GROCER_STORE, Shop, basket
from tests.api.test_administration import NEXT_PHONE, with_phone
from tests.api.test_pages import all_pages

BASE = "/v1/segments"
OFTEN = {"fact": "frequency", "at_least": 2}
MARCH, MAY, MAY_2, JULY, JULY_2 = (
    f"2017-{day}T12:00:00Z" for day in ("03-01", "05-01", "05-02", "07-15", "07-16")
)


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def buy(shop: Shop, number: str, at: str, amount: int, who: str = "grocer") -> None:
    shop.at = at
    store = GROCER_STORE if who == "grocer" else FUEL_STORE
    shop.must(f"{who}-till", "/v1/sales", basket(store, amount, member={"number": number}))


def size(shop: Shop, rule: dict[str, Any], **more: int) -> int:
    body = {"merchant": GROCER, "rule": rule, **more}
    answer = shop.post("grocer", f"{BASE}/dry-run", body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return int(answer.json["size"])


def count(shop: Shop) -> None:
    job = Segmenting(shop.serving.foundations.database, lambda: parse_instant(shop.at, "at"))
    while job.step():
        pass


@pytest.fixture
def customers(any_shop: Shop) -> tuple[Shop, str, str, str]:
    """One who buys twice at the grocer, one who buys once and early, one who buys elsewhere."""
    shop = any_shop
    often, once = with_phone(shop)["number"], with_phone(shop, NEXT_PHONE)["number"]
    elsewhere = with_phone(shop, b"\x09" * 32)["number"]
    buy(shop, once, MARCH, 10_000)
    buy(shop, often, MARCH, 1_001)
    buy(shop, often, MAY, 2_000)
    buy(shop, elsewhere, MAY, 50_000, "fuel")
    return shop, often, once, elsewhere


def test_rules_read_the_merchants_own_books_as_of_an_instant(customers: tuple[Shop, str, str, str]) -> None:
    shop, _, _, elsewhere = customers
    assert size(shop, OFTEN) == 1
    assert size(shop, {"not": OFTEN}) == 1
    assert size(shop, OFTEN, window_days=30) == 0
    assert size(shop, {"fact": "average_minor", "at_least": 1_500, "at_most": 1_500}) == 1
    assert size(shop, {"fact": "monetary_minor", "at_least": 3_001, "at_most": 3_001}) == 1
    assert size(shop, {"fact": "recency_days", "at_least": 61, "at_most": 61}) == 1
    assert size(shop, {"fact": "recency_score", "at_least": 2}) == 1
    assert size(shop, {"all": [{"stage": "active"}, {"behaviour": ["spectator", "creator"]}]}) == 1
    assert size(shop, {"fact": "claims", "at_least": 1}) == 0
    shop.must("grocer", f"/v1/members/{elsewhere}/tags", {"merchant": GROCER, "tag": "vip", "on": True})
    whole = {"any": [{"tag": "vip"}, {"fact": "tenure_days", "at_least": 0}]}
    answer = shop.post("grocer", f"{BASE}/dry-run", {"merchant": GROCER, "rule": whole}).json
    assert (answer["size"], answer["stages"]["prospect"], answer["stages"]["at-risk"]) == (3, 1, 1)
    for fact in (*rules.BUYING, *rules.BESIDE):
        assert size(shop, {"fact": fact, "at_least": 0}) >= 2
    for behaviour in rules.BEHAVIOURS:
        size(shop, {"behaviour": behaviour})
    # Two members in March, by the books of then.
    shop.at = MARCH
    assert size(shop, {"fact": "frequency", "at_least": 1, "at_most": 1}) == 2


def test_a_value_follows_from_the_merchants_model_and_the_members_purchases(
    customers: tuple[Shop, str, str, str],
) -> None:
    shop, often, _, _ = customers
    rule = {"fact": rules.VALUE, "at_least": 1}
    new = {"merchant": GROCER, "code": "RICH", "name": "a", "rule": rule, "horizon_days": 273}
    model = f"/v1/merchants/{GROCER}/value-model"
    unknown = (422, "customer-value-unknown")
    assert code_of(shop.post("grocer", f"{BASE}/dry-run", {"merchant": GROCER, "rule": rule})) == unknown
    assert (code_of(shop.post("grocer", BASE, new)), code_of(shop.get("grocer", model))) == (unknown, unknown)
    at = parse_instant(MAY, "at")
    of = valuing.Model(Often(0.243, 30.898, 0.793, 2.426), Spend(6.25, 3.74, 1_544.0))
    with shop.serving.foundations.database.begin() as conn:
        assert valuing.fitted(conn, int(GROCER), at).model is None
        valuing.keep(conn, int(GROCER), at, valuing.Fitted(2, 1, of, None))
    shown = shop.get("grocer", model).json
    assert (shown["often"]["alpha"], shown["spend"]["q"], shown["tested"]) == (30_898_000, 3_740_000, None)
    assert code_of(shop.get("fuel", model)) == (403, "not-yours")
    # Who bought twice, 61 days apart, and 1,500 on average; its worth to the minor unit.
    base, weight = of.worth(valuing.Past(1, 61, 61), 273)
    worth = int((int(base * 10**6) + int(weight * 10**6) * 1_500) // 10**6)
    exactly = {"fact": rules.VALUE, "at_least": worth, "at_most": worth}
    assert size(shop, exactly, horizon_days=273) == 1
    assert size(shop, exactly, horizon_days=27) == 0
    made = shop.must("grocer", BASE, new | {"rule": exactly})
    count(shop)
    shop.at = MAY_2
    members = shop.get("grocer", f"{BASE}/{made['segment']}/members").json["members"]
    assert members == [{"number": often}]


def test_a_value_beyond_all_numbers_is_a_great_one(customers: tuple[Shop, str, str, str]) -> None:
    shop, _, _, _ = customers
    of = valuing.Model(Often(0.243, 30.898, 0.793, 2.426), Spend(0.5, 0.500001, 1e12))
    with shop.serving.foundations.database.begin() as conn:
        valuing.keep(conn, int(GROCER), parse_instant(MAY, "at"), valuing.Fitted(2, 1, of, None))
    assert size(shop, {"fact": rules.VALUE, "at_least": 10**12}) == 2


def test_the_command_fits_merchants_that_are_there(
    any_shop: Shop, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "settings_from_environment", lambda: any_shop.serving.foundations.settings)
    with pytest.raises(MerchantUnknown):
        command.main(["--merchant", with_check_digit("952099999999")])
    assert command.main(["--merchant", GROCER]) == 0
    assert capfd.readouterr().out.startswith(f"{GROCER}: 0 customers, 0 came back: too few for a model")


def test_nobody_is_marked_while_it_is_erased(customers: tuple[Shop, str, str, str]) -> None:
    shop, often, _, _ = customers
    database, at = shop.serving.foundations.database, parse_instant(MAY_2, "at")
    with database.read() as conn:
        its = select(member.c.member_id).where(member.c.member_number == often)
        whose = int(GROCER), conn.execute(its).scalar_one()
    refused: list[MemberUnknown] = []

    def mark() -> None:
        try:
            with database.begin() as conn:
                service.set_tag(conn, whose, "vip", True, at)
        except MemberUnknown as error:
            refused.append(error)

    marking = threading.Thread(target=mark)
    with database.begin() as conn:
        erase_everywhere(conn, shop.serving.members.erase, often, at)
        marking.start()
        marking.join(0.3)
    marking.join()
    with database.begin() as conn:
        service.enter(conn, bytes(16), [whose[1]], at)
        left = conn.execute(select(member_tag.c.tag)).all(), conn.execute(select(segment_member)).all()
    assert (len(refused), left) == (1, ([], []))


def test_who_was_in_when_is_told_after_the_rule_has_changed(customers: tuple[Shop, str, str, str]) -> None:
    shop, often, once, _ = customers
    new = {"merchant": GROCER, "code": "OFTEN", "name": "常客", "rule": OFTEN}
    made = shop.must("grocer", BASE, new, key="s")
    assert shop.must("grocer", BASE, new, key="s") == made
    count(shop)
    shown = shop.get("grocer", BASE).json["segments"]
    assert [(s["name"], s["version"], s["size"]) for s in shown] == [("常客", 1, 1)]
    members, shop.at = f"{BASE}/{made['segment']}/members", MAY_2
    assert shop.get("grocer", members).json["members"] == [{"number": often}]
    shop.at = JULY
    assert shop.must("grocer", BASE, new | {"rule": {"not": OFTEN}})["version"] == 2
    count(shop)
    count(shop)
    shop.at = JULY_2
    assert all_pages(shop, "grocer", members, "members", 1) == [{"number": once}]
    assert all_pages(shop, "auditor", f"{members}?at={MAY_2}", "members", 1) == [{"number": often}]
    assert shop.get("grocer", f"{members}?at={MARCH}").json["members"] == []
    shop.must("operator", f"/v1/members/{often}/erase")
    assert shop.get("grocer", f"{members}?at={MAY_2}").json["members"] == []


def test_segments_and_tags_are_their_merchants(customers: tuple[Shop, str, str, str]) -> None:
    shop, often, _, _ = customers
    new = {"merchant": GROCER, "code": "A-1", "name": "a", "rule": OFTEN}
    made = shop.must("grocer", BASE, new)
    assert code_of(shop.post("fuel", BASE, new)) == (403, "not-yours")
    other = {"merchant": GROCER, "rule": OFTEN}
    assert code_of(shop.post("fuel", f"{BASE}/dry-run", other)) == (403, "not-yours")
    assert code_of(shop.get("fuel", f"{BASE}/{made['segment']}/members")) == (404, "segment-unknown")
    assert shop.get("fuel", BASE).json["segments"] == []
    assert code_of(shop.post("grocer", BASE, new | {"rule": {}})) == (422, "segment-rule-refused")
    nobody = new | {"merchant": "4006381333931"}
    assert code_of(shop.post("operator", BASE, nobody)) == (404, "merchant-unknown")
    mark = {"merchant": GROCER, "tag": "vip", "on": True}
    path = f"/v1/members/{often}/tags"
    assert code_of(shop.post("fuel", path, mark)) == (403, "not-yours")
    for on in (True, True, False, False, True):
        shop.must("grocer", path, mark | {"on": on})
    assert size(shop, {"tag": "vip"}) == 1
    fuel = {"merchant": FUEL, "rule": {"tag": "vip"}}
    assert shop.post("fuel", f"{BASE}/dry-run", fuel).json["size"] == 0
    shop.at = JULY
    shop.must("grocer", path, mark | {"on": False})
    assert size(shop, {"tag": "vip"}) == 0


def test_coupons_and_earn_rules_name_segments_that_are_there(shop: Shop) -> None:
    vip = {"starts_at": MARCH, "ends_at": JULY, "percent": 300, "segments": ["VIP"], "first_purchase": True}
    earn = {"points": 1, "per_minor": 100, "multipliers": [vip]}
    rule = {"effective_from": "2017-06-01T00:00:00Z", "earn": earn}
    rules, definitions = "/v1/programmes/GROC/earn-rules", f"/v1/merchants/{GROCER}/coupon-definitions"
    funders = [{"party": GROCER, "bps": 10_000}]
    terms = {"benefit": {"type": "AmountOff", "minor": 5}, "funders": funders, "scope": {"segments": ["VIP"]}}
    shop.must("grocer", definitions, {"code": "vip", "names": {"en": "VIP"}})
    versions = f"{definitions}/vip/versions"
    assert code_of(shop.post("grocer", rules, rule)) == (400, "malformed-field")
    assert code_of(shop.post("grocer", versions, {"terms": terms})) == (422, "coupon-terms-faulty")
    for who, owner in (("grocer", GROCER), ("fuel", FUEL)):
        shop.must(who, BASE, {"merchant": owner, "code": "VIP", "name": "贵宾", "rule": OFTEN})
    shown = shop.must("grocer", rules, rule)["rules"][1]["multipliers"]
    assert (shown[0]["segments"], shown[0]["first_purchase"]) == (["VIP"], True)
    assert shop.must("grocer", versions, {"terms": terms})["waiting_for"] == []
    lent = {**terms, "scope": {"segments": [f"{FUEL}/VIP"]}}
    assert shop.must("grocer", versions, {"terms": lent})["waiting_for"] == [FUEL]


def test_a_rule_that_cannot_be_counted_waits_and_nobody_behind_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def members_of(_: Any, merchant_id: int, *__: Any) -> list[int]:
        if merchant_id == int(FUEL):
            raise ValueError("canceling statement due to statement timeout")
        return []

    shop.at = MARCH
    shop.must("fuel", BASE, {"merchant": FUEL, "code": "A1", "name": "a", "rule": OFTEN})
    shop.at = MAY
    shop.must("grocer", BASE, {"merchant": GROCER, "code": "A1", "name": "a", "rule": OFTEN})
    monkeypatch.setattr("ledger_service.bootstrap.segmenting.members_of", members_of)
    job = Segmenting(shop.serving.foundations.database, lambda: parse_instant(shop.at, "at"))
    with pytest.raises(ValueError, match="timeout"):
        job.step()
    assert (job.step(), job.step()) == (True, False)


def test_a_rule_that_changes_while_it_is_counted_is_due_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = {"merchant": GROCER, "code": "A1", "name": "a", "rule": OFTEN}
    shop.must("grocer", BASE, new)
    changes = [{"not": OFTEN}]

    def members_of(*_: Any) -> list[int]:
        while changes:
            # Asked for before the count began, and written while it runs.
            shop.must("grocer", BASE, new | {"rule": changes.pop()})
        return []

    monkeypatch.setattr("ledger_service.bootstrap.segmenting.members_of", members_of)
    job = Segmenting(shop.serving.foundations.database, lambda: parse_instant(shop.at, "at"))
    assert [job.step() for _ in range(3)] == [True, True, False]


def test_a_merchant_has_so_many_segments_and_no_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_service.members.segments.service.MOST_SEGMENTS", 2)
    new = {"merchant": GROCER, "name": "a", "rule": OFTEN}
    for code in ("A1", "A2", "A1"):
        shop.must("grocer", BASE, new | {"code": code})
    assert code_of(shop.post("grocer", BASE, new | {"code": "A3"})) == (422, "segment-limit-reached")
    assert [s["version"] for s in all_pages(shop, "grocer", BASE, "segments", 1)] == [2, 1]
