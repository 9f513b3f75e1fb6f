"""The back offices: every page for each role and language, small, without raw keys; deeds."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from ledger_service.bootstrap.doors import all_routes
from ledger_service.members.segments import rules as segments
from ledger_service.merchants.rules import ROLE_SCOPES
from ledger_service.web.office.deeds import Deed
from ledger_service.web.screen import Screen
from ledger_service.web.screens import merchant_segments, offices
from ledger_service.web.sessions import rules
from ledger_service.web.wording import LANGUAGES, words
from tests.api.offices import LONG, Browser, browser, furnished
from tests.api.service import GROCER, Shop
from tests.api.test_sharing import live, refused_reward

Furnished = tuple[Shop, dict[str, str]]
ROLES = {"merchant": "grocer", "operator": "operator", "auditor": "auditor", "cashier": "grocer-till"}
LOOKS = [one for one in offices.SCREENS if one.method == "GET" and not one.name.endswith("-file")]
DEEDS = [screen.handler.__self__ for screen in offices.SCREENS if screen.method == "POST"]  # type: ignore[attr-defined]
MOST_BYTES = 100_000
RAW_KEY = re.compile(
    r">\s*((?:office|word|col|field|deed|done|keys|books|lines|programme|coupons|cases|care|segments|fact|papers|webhooks|goods|sharing|terms|outcome|trial|again|acts|coupon_form|job|aside|hopeless|retry|refused|said|operation|proof)\.[a-z_.-]+)\s*<"
)
CODES = {"merchant-definition": "TEN", "merchant-campaign": "SUMMER"}


@pytest.fixture(scope="module")
def furnished_shop(open_shop_once: Shop) -> Furnished:
    places = furnished(open_shop_once)
    campaign = {"code": "SUMMER", "names": {"en": "Summer"}, "starts_at": "2017-03-02T00:00:00Z",
                "ends_at": "2017-04-01T00:00:00Z", "arms": [{"weight": 1,
                                                             "definitions": ["TEN"]}]}  # fmt: skip
    open_shop_once.must("grocer", f"/v1/merchants/{GROCER}/coupon-campaigns", campaign)
    live(open_shop_once)
    places |= {"campaign": "SPRING", "by": "channel"}
    places["reward"] = refused_reward(open_shop_once, *share(open_shop_once))
    return open_shop_once, places


def share(shop: Shop) -> tuple[str, str, str]:
    """A member with a link: its key, its number and the link."""
    number = str(shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"])
    key = shop.key_for("member", number)
    link = shop.must(key, "/v1/share/links", {"campaign": "SPRING", "channel": "paper"})
    return key, number, str(link["code"])


@pytest.fixture(scope="module")
def people(furnished_shop: Furnished) -> dict[str, Browser]:
    return {role: browser(furnished_shop[0], who) for role, who in ROLES.items()}


def path_of(screen: Screen, places: dict[str, str]) -> str:
    given = places | ({"code": CODES[screen.name]} if screen.name in CODES else {})
    return re.sub(r"<(\w+)>", lambda found: given.get(found[1], "1"), screen.path)


@pytest.mark.parametrize("screen", LOOKS, ids=lambda screen: screen.name)
def test_a_page_is_whole_small_and_said_in_three_languages(
    screen: Screen, furnished_shop: Furnished, people: dict[str, Browser]
) -> None:
    path = path_of(screen, furnished_shop[1])
    for role in sorted(screen.roles):
        for language in LANGUAGES:
            answer = people[role].open(path, **{"Accept-Language": language})
            text = answer.get_data(as_text=True)
            assert answer.status_code == 200, (path, role, text)
            assert f'<html lang="{language}">' in text
            assert len(answer.data) <= MOST_BYTES
            assert RAW_KEY.findall(text) == []


@pytest.mark.parametrize("role", ROLES)
def test_a_page_is_closed_to_every_other_role(
    role: str, furnished_shop: Furnished, people: dict[str, Browser]
) -> None:
    wrong = [screen for screen in offices.SCREENS if role not in screen.roles]
    assert wrong
    for screen in wrong:
        path = path_of(screen, furnished_shop[1])
        answer = people[role].open(path) if screen.method == "GET" else people[role].send(path)
        assert answer.status_code == 403, (role, screen.name)


def test_a_stranger_is_sent_to_the_door_and_a_foreign_form_does_nothing(
    furnished_shop: Furnished, people: dict[str, Browser]
) -> None:
    stranger = furnished_shop[0].client.application.test_client()
    for screen in LOOKS:
        answer = stranger.get(path_of(screen, furnished_shop[1]))
        assert (answer.status_code, answer.location.split("?")[0]) == (303, "/enter")
    for deed in DEEDS:
        role = min(deed.roles)
        answer = people[role].client.post(path_of(deed.screen(), furnished_shop[1]), data={"csrf": "0" * 32})
        assert answer.status_code == 403


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.name)
def test_a_deed_is_a_declared_write_that_each_of_its_roles_may_do(deed: Deed) -> None:
    pattern = re.sub(r"<\w+>", "{}", re.sub(r"{\w+}", "{}", deed.api))
    route = next(
        one
        for one in all_routes()
        if one.method == deed.method and re.sub(r"<\w+>", "{}", one.path) == pattern
    )
    # What is only tried is shown at once, and nothing is left to be done once.
    assert route.write or deed.shown is not None
    for role in deed.roles:
        assert ROLE_SCOPES[role] & route.scopes


def test_every_language_has_the_same_words_and_every_deed_its_own() -> None:
    english = words("en")
    for language in LANGUAGES:
        told = words(language)
        assert set(told) == set(english)
        for key, text in english.items():
            assert set(re.findall(r"{\w*}", text)) == set(re.findall(r"{\w*}", told[key])), key
    for deed in DEEDS:
        keys = {f"deed.{deed.name}", f"done.{deed.name}", *(one.label for one in (*deed.asks, *deed.fields))}
        keys |= {one.about for one in deed.fields if one.about}
        assert keys <= set(english)


def test_a_rule_is_tried_and_who_was_in_a_segment_is_seen(
    people: dict[str, Browser], furnished_shop: Furnished
) -> None:
    merchant, places = people["merchant"], furnished_shop[1]
    merchant.open("/merchant/segments")
    rule = '{"fact": "frequency", "at_least": 1}'
    tried = merchant.send("/merchant/segments/trial", deed="try-segment", rule=rule, window_days="30").text
    assert (words("en")["segments.tried"] in tried, tried.count('value="30"')) == (True, 2)
    merchant.open("/merchant/segments")
    wrong = merchant.send("/merchant/segments/trial", deed="try-segment", rule='{"fact": "age"}')
    assert (wrong.status_code, "segment-rule-refused" in wrong.text) == (422, True)
    here = f"/merchant/segments/{places['segment']}"
    assert places["number"] in merchant.open(here).text
    assert words("en")["segments.nobody"] in merchant.open(f"{here}?at=2016-01-01T00:00").text
    assert merchant.open(f"/merchant/segments/{'0' * 32}").status_code == 404


def test_an_endpoints_secret_is_shown_once_and_it_is_paused(
    people: dict[str, Browser], furnished_shop: Furnished
) -> None:
    merchant, here = people["merchant"], f"/merchant/webhooks/{furnished_shop[1]['webhook']}"
    merchant.open(here)
    told = merchant.send(f"{here}/secret", deed="rotate-webhook").text
    assert (len(re.findall(r"whsec_[A-Za-z0-9+/]{43}=", told)), "whsec_" in merchant.open(here).text) == (
        1,
        False,
    )
    merchant.open("/merchant/webhooks")
    paused = merchant.send(f"{here}/pause", deed="pause-webhook").location
    assert paused == "/merchant/webhooks?done=pause-webhook"
    assert words("en")["deed.resume-webhook"] in merchant.open(paused).text
    assert merchant.open(f"/merchant/webhooks/{'0' * 32}").status_code == 404


def test_a_product_is_registered_its_batch_printed_and_recalled(furnished_shop: Furnished) -> None:
    shop, places = furnished_shop
    merchant, home, here = browser(shop, "grocer"), "/merchant/items", f"/merchant/batches/{places['batch']}"
    merchant.open(home)
    fields = {"gtin": "09521234543213", "brand": "Leaf", "names.en": "Jasmine", "names.zh-Hans": "茉莉花茶",
              "names.zh-Hant": "茉莉花茶", "markets": "CN, TW"}  # fmt: skip
    assert merchant.send(home, deed="add-product", **fields).location == f"{home}?done=add-product"
    assert "茉莉花茶" in merchant.open(home, **{"Accept-Language": "zh-Hans"}).text
    again = merchant.send(f"{home}/{places['gtin']}/batches", deed="open-batch", lot="a b", size="1")
    assert (again.status_code, 'value="a b"' in again.text) == (400, True)
    labels = merchant.open(f"{here}/labels/0/csv")
    assert (labels.status_code, labels.mimetype, labels.text.count("\n")) == (200, "text/csv", 4)
    merchant.open(here)
    assert merchant.send(f"{here}/recall", deed="recall-batch").location == f"{here}?done=recall-batch"
    assert words("en")["deed.recall-batch"] not in merchant.open(here).text
    assert browser(shop, "fuel").open(here).status_code == 404


def test_the_words_of_segments_are_those_of_the_rules() -> None:
    screen = merchant_segments
    assert (screen.FACTS, screen.STAGES, screen.BEHAVIOURS) == (
        segments.FACTS,
        segments.STAGES,
        segments.BEHAVIOURS,
    )


def test_a_member_of_staff_is_named_once_and_the_page_says_so(
    people: dict[str, Browser], furnished_shop: Furnished
) -> None:
    merchant, member = people["merchant"], furnished_shop[1]["number"]
    merchant.open("/merchant/staff")
    fields = {"deed": "link-staff", "cashier": "ana", "member": member}
    first, again = merchant.send("/merchant/staff", **fields), merchant.send("/merchant/staff", **fields)
    assert (first.location, again.location) == ("/merchant/staff?done=link-staff",) * 2
    text = merchant.open(first.location).get_data(as_text=True)
    assert words("en")["done.link-staff"] in text and "ana" in text


def test_what_the_api_refuses_is_shown_where_it_was_typed(people: dict[str, Browser]) -> None:
    merchant = people["merchant"]
    merchant.open("/merchant/staff")
    answer = merchant.send("/merchant/staff", deed="link-staff", cashier="bob", member="not a number")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert "malformed-field" in text and 'value="not a number"' in text


def test_whoever_asked_for_points_does_not_approve_them(
    people: dict[str, Browser], furnished_shop: Furnished
) -> None:
    shop, places = furnished_shop
    path = f"/approvals/adjustments/{places['adjustment']}/approval"
    people["operator"].open("/approvals/adjustments")
    alone = people["operator"].send(path)
    assert (alone.status_code, "second-person-needed" in alone.get_data(as_text=True)) == (403, True)
    second = browser(shop, "second")
    second.open("/approvals/adjustments")
    assert second.send(path).location == "/approvals/adjustments?done=approve-adjustment"


def test_a_key_is_shown_once(people: dict[str, Browser]) -> None:
    merchant = people["merchant"]
    merchant.open("/merchant/keys")
    answer = merchant.send(
        "/merchant/keys", deed="merchant-issue-key", role="merchant", subject=GROCER, label="backup"
    )
    assert re.search(r"alk_[0-9a-f]{16}_[0-9a-f]{64}", answer.get_data(as_text=True))
    assert "alk_" not in merchant.open("/merchant/keys").get_data(as_text=True).replace("alk_ ", "")


def test_a_risky_deed_asks_for_the_key_again_after_some_minutes(
    furnished_shop: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    merchant = browser(furnished_shop[0], "grocer")
    merchant.open("/merchant/keys")
    monkeypatch.setattr(rules, "FRESH", timedelta(0))
    answer = merchant.send("/merchant/keys", deed="merchant-issue-key", role="merchant", subject=GROCER)
    assert (answer.status_code, "/enter?again=1" in answer.text) == (403, True)


def test_the_outstanding_of_a_programme_is_for_its_merchant_auditors_and_operators(
    furnished_shop: Furnished,
) -> None:
    shop = furnished_shop[0]
    path = "/v1/programmes/GROC/outstanding"
    assert [one["outstanding"] for one in shop.get("grocer", path).json["epochs"]] == [955, 1955, 2955]
    assert shop.get("auditor", path).status_code == 200
    assert (shop.get("fuel", path).status_code, shop.get("grocer-till", path).status_code) == (403, 403)
    assert shop.get("auditor", "/v1/programmes/NONE/outstanding").status_code == 404


def test_a_merchant_sees_no_other_merchants_programme(people: dict[str, Browser]) -> None:
    answer = people["merchant"].open("/merchant/programmes/FUEL")
    assert answer.status_code == 403


def test_a_long_name_of_two_scripts_is_cut_in_no_table(people: dict[str, Browser]) -> None:
    assert LONG in people["operator"].open("/operator/merchants").get_data(as_text=True)
