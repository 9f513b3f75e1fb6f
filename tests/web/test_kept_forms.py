"""Forms that meet an ended session, an older one, another person's decision, or a second click."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ledger_service.bootstrap.pages import InProcessApi
from ledger_service.web.ports import Answer
from ledger_service.web.sessions import rules
from ledger_service.web.sessions.service import Sessions
from ledger_service.web.wording import words
from tests.api.service import GROCER, Shop
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
LIST = "/merchant/coupons/definitions"
HERE = "http://localhost"
_AGAIN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def defined(shop: Shop) -> list[str]:
    told = shop.get("grocer", f"/v1/merchants/{GROCER}/coupon-definitions").json["definitions"]
    return [one["code"] for one in told]


def fields(code: str) -> dict[str, str]:
    return {"deed": "define-coupon", "code": code, "names.en": "Ten & more", "names.zh-Hant": "九折"}


def kept_in(answer: Any) -> dict[str, str]:
    """The hidden fields of the page that keeps what was typed."""
    form = answer.text[answer.text.index('<form method="post" action="/merchant') :]
    return {name: text.replace("&amp;", "&") for name, text in _AGAIN.findall(form)}


@pytest.mark.parametrize("language", ["en", "zh-Hans", "zh-Hant"])
def test_what_was_typed_outlives_the_session_and_is_sent_after_logging_in(
    enter: Enter, web_shop: Shop, language: str
) -> None:
    code, said = f"LATE-{language.upper()}", words(language)
    browser = enter("merchant", language)
    browser.get(LIST)
    other = enter("merchant", language)
    browser.client.delete_cookie("alliance")  # ended while it was typed
    ended = browser.post(LIST, origin=HERE, **fields(code))
    assert (ended.status_code, "Location" in ended.headers) == (401, False)
    assert said["kept.ended"] in ended.text and "Ten &amp; more" in ended.text and "九折" in ended.text
    assert 'href="/enter"' in ended.text and code not in defined(web_shop)
    again = kept_in(ended)
    # Logged in beside the page, whose form is of no session yet: it is looked at once more, then done.
    confirm = other.client.post(LIST, data=again, headers={"Origin": HERE, "Accept-Language": language})
    assert (confirm.status_code, said["kept.again"] in confirm.text) == (403, True)
    sent = kept_in(confirm)
    assert sent["once"] == again["once"]
    for _ in range(2):
        done = other.client.post(LIST, data=sent, headers={"Origin": HERE})
        assert (done.status_code, done.headers["Location"]) == (303, f"{LIST}?done=define-coupon")
    assert defined(web_shop).count(code) == 1


def test_a_form_of_another_site_is_never_offered_to_be_sent_again(enter: Enter, web_shop: Shop) -> None:
    browser = enter("merchant")
    browser.get(LIST)
    for origin in (None, "https://evil.example"):
        answer = browser.post(LIST, origin=origin, **{**fields("EVIL"), "csrf": "0" * 32})
        assert (answer.status_code, "EVIL" in answer.text) == (403, False)
    assert "EVIL" not in defined(web_shop)


def test_pins_and_keys_stand_on_no_page_that_keeps_a_form(enter: Enter) -> None:
    browser = enter("member")
    browser.get("/me/card")
    browser.client.delete_cookie("alliance")
    answer = browser.post("/me/card/pin", pin="90817263", card="A17")
    assert answer.status_code in (401, 404) and "90817263" not in answer.text


def test_entering_the_key_again_loses_nothing_that_was_typed(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = enter("merchant")
    browser.get("/merchant/keys")
    monkeypatch.setattr(rules, "FRESH", timedelta(0))
    asked = {"deed": "merchant-issue-key", "role": "merchant", "subject": GROCER, "label": "Mei 會計"}
    answer = browser.post("/merchant/keys", **asked)
    assert (answer.status_code, words("en")["kept.step_up"] in answer.text) == (403, True)
    assert "Mei 會計" in answer.text and 'href="/enter?again=1' in answer.text


def test_after_leaving_no_page_comes_back_and_no_form_of_before_does_anything(
    enter: Enter, web_shop: Shop
) -> None:
    browser = enter("merchant")
    page = browser.get(LIST)
    assert page.headers["Cache-Control"] == "no-store"
    kept = dict(browser.hidden)
    browser.post("/leave")
    assert browser.client.get(LIST).headers["Location"].startswith("/enter")
    answer = browser.client.post(LIST, data={**kept, **fields("GONE")}, headers={"Origin": HERE})
    assert (answer.status_code, "GONE" in defined(web_shop)) == (401, False)


def test_of_two_people_who_decide_one_thing_the_later_is_told_and_changes_nothing(
    enter: Enter, web_shop: Shop
) -> None:
    number = web_shop.keys["member-number"]
    wish = {"member": number, "programme": "GROC", "points": 50, "reason": "goodwill", "note": "n"}
    asked = web_shop.must("operator", "/v1/adjustments", {**wish, "funder": GROCER})["adjustment"]
    people = []
    for name in ("ann-of-two", "ben-of-two"):
        web_shop.keys[name] = web_shop.further_operator(name).token
        people.append(enter(name))
        people[-1].get("/approvals/adjustments")
    path = f"/approvals/adjustments/{asked}"
    before = points(web_shop, number)
    assert people[0].post(f"{path}/approval", deed="approve-adjustment").status_code == 303
    late = people[1].post(f"{path}/refusal", deed="decline-adjustment")
    assert (late.status_code, "adjustment-decided" in late.text) == (409, True)
    assert points(web_shop, number) == before + 50


def points(shop: Shop, number: str) -> int:
    told = shop.get("auditor", f"/v1/members/{number}/balance").json["balances"]
    return sum(one["available"] for one in told if one["programme"] == "GROC")


def test_a_version_that_somebody_else_wrote_meanwhile_is_not_overwritten(
    enter: Enter, web_shop: Shop
) -> None:
    """Two people write terms at once: both versions stand, in the order in which they came."""
    own = f"/v1/merchants/{GROCER}/coupon-definitions"
    web_shop.must("grocer", own, {"code": "STALE", "names": {"en": "Stale"}})
    here = f"{LIST}/STALE"
    ann, ben = enter("merchant"), enter("merchant")
    for one in (ann, ben):
        one.get(here)
    for one, percent in ((ann, "10"), (ben, "20")):
        sent = {"deed": "percent-coupon", "terms.benefit.bps": percent, "terms.gift": "once",
                "terms.scope.least_minor": "20", "terms.limits.per_member": "2"}  # fmt: skip
        for _ in range(2):  # by two clicks
            answer = one.post(f"{here}/percent", once=f"{int(percent):032x}", **sent)
            assert answer.status_code == 303, answer.text
    told = web_shop.get("grocer", f"{own}/STALE/versions").json["versions"]
    assert [one["terms"]["benefit"]["bps"] for one in sorted(told, key=lambda one: one["version"])] == [
        1000, 2000]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh-Hans", "zh-Hant"])
def test_what_was_typed_is_called_by_name_and_not_by_its_field(
    enter: Enter, web_shop: Shop, language: str
) -> None:
    said = words(language)
    for role, path, sent, named in (
        ("cashier", "/till", {"act": "sell", "article_2": "Tea", "amount_2": "3.21", "rest": "cash"},
         [f"{said['till.article']} 2", f"{said['till.price']} 2"]),
        ("merchant", LIST, fields("NAMED"), [said["field.code"]]),
    ):  # fmt: skip
        browser = enter(role, language)
        browser.get(path)
        browser.client.delete_cookie("alliance")
        kept_page = browser.post(path, origin=HERE, **sent).text
        rows = re.findall(r'<th scope="row">([^<]+)</th>', kept_page)
        assert set(named) <= set(rows), rows
        assert not [one for one in rows if re.fullmatch(r"[a-z]+[a-z_.0-9]*", one)], rows


def _fails(status: int) -> Any:
    """An API that does what is asked and whose answer is lost."""
    answered = InProcessApi._answered

    def lost(api: InProcessApi, environ: Any) -> Answer:
        answer = answered(api, environ)
        if environ["REQUEST_METHOD"] == "GET" or not answer.good:
            return answer
        problem = {"code": "storage-unavailable", "title": "", "request_id": "0" * 16}
        return Answer(status, problem, "application/problem+json")

    return lost


def test_an_offices_form_without_an_answer_is_done_once_when_it_is_sent_again(
    enter: Enter, web_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = enter("operator")
    number = web_shop.keys["member-number"]
    page = office.get(f"/care/{number}/desk").text
    form = page[page.index(f'action="/care/{number}/adjustments"') :]
    sent = {"deed": "ask-adjustment", "member": number, "programme": "GROC", "points": "11",
            "reason": "goodwill", "note": "lost answer", "funder": GROCER}  # fmt: skip
    key = re.findall(r'name="once" value="([^"]+)"', form)[0]
    assert re.fullmatch("[0-9a-f]{32}-[0-9a-f]{12}", key)
    monkeypatch.setattr(InProcessApi, "_answered", _fails(503))
    lost = office.post(f"/care/{number}/adjustments", **{**sent, "once": key})
    assert lost.status_code == 503
    form = lost.text[lost.text.index(f'action="/care/{number}/adjustments"') :]
    assert re.findall(r'name="once" value="([^"]+)"', form)[0] == key
    monkeypatch.undo()
    assert office.post(f"/care/{number}/adjustments", **{**sent, "once": key}).status_code == 303
    told = web_shop.get("operator", "/v1/adjustments").json["adjustments"]
    assert [one["note"] for one in told].count("lost answer") == 1


def test_a_page_that_failed_under_a_form_offers_it_again_and_tells_which_forms_have_their_answer(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = enter("member")
    browser.get("/me/coupons")
    code = {"code": "NO-SUCH", "once": "7" * 32}

    def fail(*_: object) -> None:
        raise KeyError("gone")

    monkeypatch.setattr(Sessions, "find", fail)
    failed = browser.post("/me/coupons", **code)
    assert failed.status_code == 500 and words("en")["kept.unanswered"] in failed.text
    assert (browser.hidden["csrf"] in failed.text, "NO-SUCH" in failed.text) == (True, True)
    assert "answered=" not in str(failed.headers)
    # Of a form that another site sent nothing is shown.
    foreign = browser.post("/me/coupons", origin="https://evil.example", **code)
    assert (foreign.status_code, "NO-SUCH" in foreign.text) == (500, False)
    monkeypatch.undo()
    answer = browser.post("/me/coupons", **code)
    assert answer.status_code < 500 and f"answered={'7' * 32};" in str(answer.headers)


def test_a_period_that_could_not_be_confirmed_just_now_keeps_its_key(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, key = enter("operator"), "5" * 32
    number = "9" * 18
    office.get("/care")
    monkeypatch.setattr(
        InProcessApi, "call", lambda *_: Answer(503, {"code": "storage-unavailable", "title": ""}, "")
    )
    answer = office.post(f"/care/{number}/freeze", frozen="yes", once=key)
    assert (answer.status_code, f'value="{key}"' in answer.text) == (503, True)


def test_a_list_goes_on_and_a_language_is_chosen_from_the_answer_to_a_form(enter: Enter) -> None:
    browser = enter("member")
    browser.get("/me/coupons")
    shown = browser.post("/me/coupons/none/gift", to="952000000000000019")
    assert '<input type="hidden" name="to" value="/me/coupons' in shown.text
    stay = re.findall(r'name="to" value="(/[^"]*)"', shown.text)[0]
    assert browser.client.get(stay).status_code != 405
