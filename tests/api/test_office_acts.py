"""Deeds of the back offices: sharing, rules tried, periods made anew, the log of acts, plain coupon terms."""

from __future__ import annotations

from sqlalchemy import update

from ledger_service.chain import models as m
from ledger_service.web.wording import words
from tests.api.offices import Browser, browser
from tests.api.service import GROCER
from tests.api.test_offices import Furnished, furnished_shop, people
from tests.api.test_pages import all_pages

__all__ = ["furnished_shop", "people"]


def test_a_campaign_of_sharing_shows_its_way_and_its_picture_to_its_own_merchant(
    furnished_shop: Furnished, people: dict[str, Browser]
) -> None:
    page = people["merchant"].open("/sharing/SPRING").text
    assert 'src="/sharing/SPRING/spread/channel"' in page and words("en")["sharing.unmeasured"] in page
    drawn = people["merchant"].open("/sharing/SPRING/spread/place")
    assert (drawn.mimetype, b"<svg" in drawn.data) == ("image/svg+xml", True)
    other = browser(furnished_shop[0], "fuel")
    assert [other.open(f"/sharing/SPRING{rest}").status_code for rest in ("", "/spread/channel")] == [
        404,
        404,
    ]


def test_a_campaign_of_sharing_is_asked_for_by_one_and_approved_by_another(
    furnished_shop: Furnished, people: dict[str, Browser]
) -> None:
    merchant, operator, here = people["merchant"], people["operator"], "/sharing/AUTUMN"
    merchant.open("/sharing")
    asked = {"code": "AUTUMN", "name": "秋 autumn", "programme": "GROC", "terms.trigger": "basket",
             "terms.sharer_points": "10", "terms.newcomer_points": "5", "terms.least_minor": "12.50",
             "terms.vest_days": "0", "budget.points": "1000", "budget.rewards": "9"}  # fmt: skip
    assert merchant.send("/sharing", deed="ask-sharing", **asked).location == "/sharing?done=ask-sharing"
    merchant.open(here)
    assert merchant.send(f"{here}/approve", deed="approve-sharing").status_code == 403
    operator.open(here)
    assert operator.send(f"{here}/approve", deed="approve-sharing").status_code == 303
    merchant.open(here)
    started = merchant.send(f"{here}/start", deed="start-sharing").location
    assert words("en")["done.start-sharing"] in merchant.open(started).text


def test_a_rule_of_earning_is_tried_on_past_baskets_before_it_is_published(
    people: dict[str, Browser], furnished_shop: Furnished
) -> None:
    merchant, here = people["merchant"], "/merchant/programmes/GROC"
    merchant.open(here)
    rule = {"effective_from": "2017-06-01T00:00", "earn.points": "3", "earn.per_minor": "1"}
    tried = merchant.send(f"{here}/earn-rules/trial", deed="try-earn-rule", **rule).text
    assert words("en")["trial.would_be"] in tried
    # The form that publishes is filled in with what was tried.
    assert tried.count('value="2017-06-01T00:00"') == 2
    before = len(furnished_shop[0].get("grocer", "/v1/programmes").json["programmes"][0]["rules"])
    assert before == 1


def test_an_auditor_makes_a_period_anew_and_sees_what_differs(
    furnished_shop: Furnished, people: dict[str, Browser]
) -> None:
    auditor, here = people["auditor"], "/audit/period/1/recomputation"
    assert here in auditor.open("/audit/period/1").text
    assert words("en")["again.agrees"] in auditor.open(here).text
    shop = furnished_shop[0]
    nets = shop.serving.foundations.database
    chosen = (m.chain_net.c.period == 1) & (m.chain_net.c.merchant == int(GROCER))
    with nets.begin() as conn:
        conn.execute(update(m.chain_net).where(chosen).values(net_micros=m.chain_net.c.net_micros + 7))
    told = shop.get("auditor", "/v1/settlement/periods/1/recomputation").json
    with nets.begin() as conn:
        conn.execute(update(m.chain_net).where(chosen).values(net_micros=m.chain_net.c.net_micros - 7))
    assert told["agrees"] is False
    assert [one["difference_micros"] for one in told["nets"] if one["merchant"] == GROCER] == ["-7"]
    assert shop.get("grocer", "/v1/settlement/periods/1/recomputation").status_code == 403


def test_what_operators_and_merchants_did_is_in_the_log_once_and_a_merchant_sees_its_own(
    furnished_shop: Furnished, people: dict[str, Browser]
) -> None:
    shop, places = furnished_shop
    frozen = f"/v1/members/{places['number']}/freeze"
    key = {"key": "freeze-once"}
    for _ in range(2):
        assert shop.post("operator", frozen, {"frozen": True}, **key).status_code == 200
    told = all_pages(shop, "auditor", "/v1/acts", "acts", 50)
    assert len({one["act"] for one in told}) == len(told)
    (one,) = [one for one in told if one["name"] == "freeze-member"]
    assert (one["target"], one["merchant"]) == (places["number"], None)
    shop.must("operator", frozen, {"frozen": False})
    mine = all_pages(shop, "grocer", "/v1/acts", "acts", 50)
    assert {one["merchant"] for one in mine} == {GROCER} and len(mine) < len(told)
    assert shop.get("grocer-till", "/v1/acts").status_code == 403
    assert words("en")["acts.title"] in people["merchant"].open("/acts").text


def test_long_work_is_shown_with_how_far_it_is(furnished_shop: Furnished, people: dict[str, Browser]) -> None:
    shop, places = furnished_shop
    shop.must("grocer", f"/v1/products/{places['gtin']}/batches", {"lot": "WAITS", "size": 9})
    told = {one["job"]: one for one in shop.get("auditor", "/v1/jobs").json["jobs"]}
    assert (told["item-batch"]["done"], told["item-batch"]["of"]) == (0, 9)
    assert told["chain"]["of"] > told["chain"]["done"]
    assert words("en")["job.item-batch"] in people["operator"].open("/operator/imports").text
    assert shop.get("grocer", "/v1/jobs").status_code == 403


def test_plain_terms_of_a_coupon_are_written_by_a_form(
    people: dict[str, Browser], furnished_shop: Furnished
) -> None:
    merchant, here = people["merchant"], "/merchant/coupons/definitions/TEN"
    merchant.open(here)
    typed = {"terms.benefit.bps": "12.5", "terms.scope.least_minor": "20", "terms.limits.per_member": "2",
             "terms.scope.of.departments": "DAIRY, BAKERY", "terms.gift": "once"}  # fmt: skip
    answer = merchant.send(f"{here}/percent", deed="percent-coupon", **typed)
    assert (answer.status_code, answer.location) == (303, f"{here}?done=percent-coupon")
    own = f"/v1/merchants/{GROCER}/coupon-definitions/TEN/versions"
    terms = furnished_shop[0].get("grocer", own).json["versions"][-1]["terms"]
    assert terms["benefit"]["bps"] == 1_250 and terms["scope"]["least_minor"] == 2_000
    assert terms["funders"] == [{"party": GROCER, "bps": 10_000}]
    merchant.open(here)
    wrong = merchant.send(f"{here}/amount", deed="amount-coupon", **{"terms.benefit.minor": "a lot"})
    assert (wrong.status_code, 'value="a lot"' in wrong.text) == (400, True)


def test_the_log_says_by_name_who_acted_with_which_key_and_on_what(
    furnished_shop: Furnished, people: dict[str, Browser]
) -> None:
    shop = furnished_shop[0]
    body = {"role": "merchant", "subject": GROCER, "label": "Mei 會計 desk"}
    desk = shop.must("grocer", "/v1/keys", body)["token"]
    shop.must(desk, "/v1/webhooks", {"merchant": GROCER, "url": "https://mei.example.org/hooks"})
    (told,) = [one for one in shop.get("auditor", "/v1/acts").json["acts"] if one["key_label"]]
    assert (told["name"], told["by"], told["key_label"]) == (
        "make-webhook", f"merchant:{GROCER}", "Mei 會計 desk")  # fmt: skip
    name = next(one["name"] for one in shop.get("auditor", "/v1/merchants").json["merchants"]
                if one["merchant"] == GROCER)  # fmt: skip
    page = people["auditor"].open("/acts").text
    assert f"{name} (Mei 會計 desk)" in page


def test_an_auditor_reads_an_operation_in_words_and_as_the_api_tells_it(
    furnished_shop: Furnished, people: dict[str, Browser]
) -> None:
    operation = furnished_shop[1]["operation"]
    here = f"/audit/operation?operation={operation}"
    for language in ("en", "zh-Hans", "zh-Hant"):
        said, page = words(language), people["auditor"].open(here, **{"Accept-Language": language}).text
        for key in ("said.accepted_at", "operation.entry", "operation.no_block", "office.raw"):
            assert said[key] in page, (language, key)
        body, folded = page.split("<pre>", 1)
        assert "&#34;facts&#34;" in folded and "&#34;" not in body.split("<main", 1)[1]
    unknown = people["auditor"].open(f"/audit/operation?operation={'0' * 32}").text
    assert "operation-unknown" in unknown
