"""Who may see which page, what a form must carry, how sessions end, and that pages speak three languages."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import exc

from ledger_service.bootstrap.pages import InProcessApi
from ledger_service.web.app import once_of
from ledger_service.web.formats import Formats
from ledger_service.web.ports import Answer
from ledger_service.web.screen import HOMES, own_path
from ledger_service.web.screens import SCREENS
from ledger_service.web.screens.till import Mistyped, basket_of, member_of, minor_of, returned_of
from ledger_service.web.security import own_origin, path_of
from ledger_service.web.sessions.rules import FRESH, Session, device_class, is_over
from ledger_service.web.sessions.service import Sessions
from ledger_service.web.wording import LANGUAGES, best_language, words
from tests.api.service import Shop
from tests.web.conftest import Browser, hidden_of

Enter = Callable[..., Browser]
PLAIN = [s for s in SCREENS if s.method == "GET" and "<" not in s.path and not s.path.endswith("image")]


@pytest.mark.parametrize("screen", [s for s in SCREENS if s.roles], ids=lambda s: f"{s.method} {s.path}")
def test_a_screen_is_for_its_roles_alone(enter: Enter, screen: Any) -> None:
    path = re.sub(r"<\w+>", "1", screen.path)
    for role in HOMES:
        browser = enter(role)
        browser.get("/devices")
        answer = browser.get(path) if screen.method == "GET" else browser.post(path)
        assert (answer.status_code == 403 and b"another role" in answer.data) is (role not in screen.roles)


def test_nobody_sees_anything_and_comes_back_after_entering(web_shop: Shop) -> None:
    browser = Browser(web_shop.client)
    for screen in SCREENS:
        if screen.roles:
            path = re.sub(r"<\w+>", "1", screen.path)
            answer = browser.get(path) if screen.method == "GET" else browser.post(path)
            assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (303, "/enter")
    assert browser.get("/me/pay").headers["Location"] == "/enter?to=%2Fme%2Fpay"
    browser.get("/enter?to=/me/pay")
    assert browser.post("/enter", key=web_shop.keys["member"], to="/me/pay").headers["Location"] == "/me/pay"
    browser.get("/me/pay")
    browser.post("/leave")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_answers_small_and_in_its_language(enter: Enter, language: str) -> None:
    for role in HOMES:
        browser = enter(role, language)
        for screen in PLAIN:
            if role not in screen.roles:
                continue
            answer = browser.get(screen.path)
            assert answer.status_code == 200, (screen.path, answer.data)
            assert len(answer.data) < 100_000
            assert f'<html lang="{language}">' in answer.text
            assert "nav." not in answer.text.replace("navigator", "")
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert " style=" not in answer.text and "<script>" not in answer.text


def test_a_form_that_is_not_ours_does_nothing(enter: Enter, web_shop: Shop) -> None:
    browser = enter("member")
    number = web_shop.keys["member-number"]
    browser.get("/me/data")
    for fields in ({"csrf": ""}, {"csrf": "0" * 32}):
        assert browser.post("/me/erase", number=number, **fields).status_code == 403
    assert browser.post("/me/erase", origin="https://evil.example", number=number).status_code == 403
    assert web_shop.get("operator", f"/v1/members/{number}").status_code == 200


def test_a_wrong_key_opens_nothing_and_a_link_leads_nowhere_else(web_shop: Shop) -> None:
    application: Any = web_shop.client.application
    browser = Browser(application.test_client())
    browser.get("/enter")
    for key in ("", "alk_" + "0" * 16 + "_" + "0" * 64, "nonsense", "林"):
        answer = browser.post("/enter", key=key)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    for to in ("//evil.example", "https://evil.example", "/\\evil", "/a b", "/a\nSet-Cookie: x"):
        assert browser.post("/enter", key=web_shop.keys["member"], to=to).headers["Location"] == "/me"


def test_a_session_that_was_ended_elsewhere_is_over_here(enter: Enter) -> None:
    phone, computer = enter("auditor"), enter("auditor")
    page = phone.get("/devices").text
    others = re.findall(r'name="session" value="([0-9a-f]{16})"', page)
    assert len(others) >= 2
    for one in others:
        phone.post("/devices", session=one)
    assert computer.get("/audit").status_code == 303
    assert phone.get("/audit").status_code == 303


def test_a_copied_cookie_is_worthless_after_leaving(enter: Enter, web_shop: Shop) -> None:
    browser = enter("member")
    stolen = browser.client.get_cookie("alliance")
    assert stolen is not None
    browser.get("/me")
    browser.post("/leave")
    application: Any = web_shop.client.application
    thief = application.test_client()
    thief.set_cookie("alliance", stolen.value)
    assert thief.get("/me").status_code == 303


def test_a_basket_is_sold_once_however_often_its_form_is_sent(enter: Enter, web_shop: Shop) -> None:
    browser = enter("cashier")
    browser.get("/till")
    fields = {"member": web_shop.keys["member-number"], "amount_1": "12.50", "quantity_1": "2", "act": "sell"}
    once, again = (browser.post("/till", **fields) for _ in range(2))
    assert (once.status_code, again.status_code) == (201, 201)
    sold = [re.search(r"<p>([0-9a-f]{32})</p>", answer.text) for answer in (once, again)]
    assert sold[0] is not None and sold[1] is not None
    assert sold[0][1] == sold[1][1]
    assert "$25.00" in once.text
    browser.get(f"/till/returns?sale={sold[0][1]}")
    back = browser.post(f"/till/returns/{sold[0][1]}", back_1="1")
    assert back.status_code == 201
    assert "$12.50" in back.text


@pytest.mark.parametrize("status", [500, 503])
def test_a_sale_whose_answer_was_lost_is_not_sold_again(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    answered, sold = InProcessApi._answered, []

    def lost_once(api: InProcessApi, environ: Any) -> Answer:
        answer = answered(api, environ)
        if environ["PATH_INFO"] != "/v1/sales":
            return answer
        sold.append(answer.document["sale_id"])
        problem = {"code": "storage-unavailable", "title": ""}
        return answer if len(sold) > 1 else Answer(status, problem, "application/problem+json")

    monkeypatch.setattr(InProcessApi, "_answered", lost_once)
    browser = enter("cashier")
    browser.get("/till")
    fields = {"amount_1": "12.50", "quantity_1": "2", "act": "sell"}
    lost = browser.post("/till", **fields)
    assert (lost.status_code, 'value="12.50"' in lost.text) == (status, True)
    browser.hidden = hidden_of(lost)
    assert browser.post("/till", **fields).status_code == 201
    assert len(sold) == 2
    assert sold[0] == sold[1]


def test_only_an_answer_of_unknown_outcome_keeps_the_key_of_a_form() -> None:
    sent = "0" * 32
    assert [once_of({"once": sent}, status) == sent for status in (200, 201, 409, 422, 429, 500, 503)] == [
        False, False, False, False, False, True, True,
    ]  # fmt: skip
    for marked in (f"{sent}-{'a' * 12}", sent + "2"):
        assert once_of({"once": marked}, 503) == sent
    for strange in ("", "x" * 32, sent + "0", sent + "\n"):
        assert re.fullmatch("[0-9a-f]{32}", once_of({"once": strange}, 503))
    assert once_of({}, 200) != once_of({}, 200)


def test_pieces_that_are_none_are_refused_and_take_nothing_back(enter: Enter) -> None:
    for wrong in ("-1", "1.5", "x", "٣", "9" * 5_000):
        with pytest.raises(Mistyped):
            returned_of({"back_1": wrong, "back_2": "1"})
        with pytest.raises(Mistyped):
            basket_of({"amount_1": "1", "quantity_1": wrong}, 2)
    assert returned_of({"back_1": "0", "back_2": " 2", "csrf": "9"}) == [{"line": "2", "quantity": 2}]
    browser = enter("cashier")
    browser.get("/till")
    assert browser.post(f"/till/returns/{'0' * 32}", back_1="9" * 5_000).status_code == 422


def test_what_cannot_be_read_is_told_at_the_till_and_nothing_is_sold(enter: Enter) -> None:
    browser = enter("cashier")
    browser.get("/till")
    for fields in ({}, {"amount_1": "1.234"}, {"amount_1": "-1"}, {"amount_1": "1", "quantity_1": "x"}):
        assert browser.post("/till", act="sell", **fields).status_code == 422
    refused = browser.post("/till", act="sell", amount_1="1", member="999999")
    assert refused.status_code >= 400
    assert 'role="alert"' in refused.text


def test_a_path_that_is_none_is_a_page_and_one_of_the_api_a_problem(web_shop: Shop) -> None:
    assert "no such page" in web_shop.client.get("/me/nothing/here").text
    assert web_shop.client.get("/v1/nothing").json["code"] == "route-unknown"
    assert web_shop.client.get("/nothing").json["code"] == "route-unknown"
    static = re.search(r'href="(/static/[0-9a-f]+/alliance.css)"', web_shop.client.get("/enter").text)
    assert static is not None
    assert "immutable" in web_shop.client.get(static[1]).headers["Cache-Control"]
    assert web_shop.client.get("/static/0/alliance.css").status_code == 404


def test_the_languages_have_the_same_words_with_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = words("en")
    for language in LANGUAGES:
        other = words(language)
        assert english.keys() == other.keys()
        assert [k for k in english if places(english[k]) != places(other[k])] == []


def test_money_and_numbers_are_written_as_the_language_does() -> None:
    english, chinese = Formats("en", "USD", 2), Formats("zh-Hant", "TWD", 2)
    assert (english.money(123_456), english.micros("-1999999"), english.number(1234567)) == (
        "$1,234.56", "-$1.99", "1,234,567",
    )  # fmt: skip
    assert [english.signed(points) for points in (1_234, -1_234, 0)] == ["+1,234", "-1,234", "+0"]
    assert "1,234.56" in chinese.money(123_456)
    assert Formats("en", "JPY", 0).money(500) == "¥500"
    assert (english.date("2017-01-03"), chinese.date("2017-01-03")) == ("Jan 3, 2017", "2017年1月3日")
    assert (english.exact(5_000), english.exact(10_000)) == ("$0.005", "$0.01")
    nets = [english.exact(one) for one in ("-34127450", "0", 100_000_000, None)]
    assert nets == ["-$34.12745", "$0.00", "$100.00", "–"]


@pytest.mark.parametrize(("chosen", "accepts", "language"), [
    (None, "zh-TW,zh;q=0.9", "zh-Hant"), (None, "de, zh-CN;q=0.8, en;q=0.2", "zh-Hans"),
    ("zh-Hans", "en", "zh-Hans"), ("xx", "", "en"), (None, ";q=,;;q=x", "en"),
    (None, "en;q=0.1, zh-Hant-HK;q=0.9", "zh-Hant"),
])  # fmt: skip
def test_a_visitor_gets_the_language_it_wants(chosen: str | None, accepts: str, language: str) -> None:
    assert best_language(chosen, accepts) == language


def test_a_till_reads_what_is_typed() -> None:
    assert [minor_of(t, 2, "f") for t in ("12.50", "12,5", "0", "7")] == [1250, 1250, 0, 700]
    for wrong in ("", ".5", "1.234", "-1", "1e3", "٣", "1" * 10):
        with pytest.raises(Mistyped):
            minor_of(wrong, 2, "f")
    lines = basket_of({"amount_1": "2", "quantity_1": "3", "article_1": "4006381333931", "amount_2": ""}, 2)
    assert lines == [
        {"line": "1", "quantity": 3, "amount_minor": 600, "category": "general", "gtin": "04006381333931"}
    ]
    assert member_of("9520 0000 0000 0002 17") == {"number": "952000000000000217"}
    assert [member_of(t) for t in ("", "+8613800138000", "123456789012345678", "4000123", "AL1abc")] == [
        None, {"phone": "+8613800138000"}, {"pay_code": "123456789012345678"}, {"card": "4000123"},
        {"pay_code": "AL1abc"},
    ]  # fmt: skip


def test_sessions_end_by_themselves() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    office = Session("s", "k", "operator", "computer", at, at, at + timedelta(hours=12))
    assert not is_over(office, at + timedelta(minutes=30))
    assert is_over(office, at + timedelta(minutes=31))
    assert office.fresh(at + FRESH) and not office.fresh(at + FRESH + timedelta(seconds=1))
    assert (device_class("Mozilla/5.0 (iPhone; …)"), device_class("curl")) == ("phone", "computer")
    assert own_path("/me?a=1", "/") == "/me?a=1"
    # What no browser sends is refused, and is no bug of ours.
    assert (own_origin("http://[", "[::1]"), path_of("http://[")) == (False, None)
    assert (own_origin(None, "x"), own_origin("https://x", "x"), own_origin("null", "x")) == (
        True, True, False,
    )  # fmt: skip


@pytest.mark.parametrize(("error", "status"), [
    (exc.OperationalError("SELECT 林", {}, Exception("server closed the connection")), 503),
    (KeyError("林"), 500),
])  # fmt: skip
def test_a_failure_is_a_page_that_tells_nothing_of_itself(
    error: Exception, status: int, enter: Enter, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    browser = enter("member")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Sessions, "find", fail)
    answer = browser.get("/me")
    assert (answer.status_code, "林" in answer.text, "Traceback" in answer.text) == (status, False, False)
    told = re.search(r"Request ([0-9a-f]{16})", answer.text)
    assert told is not None
    logged = capfd.readouterr().err
    assert told[1] in logged and "林" not in logged
    monkeypatch.undo()
    assert browser.get("/me").status_code == 200


def test_a_form_that_is_too_long_is_not_read(enter: Enter) -> None:
    browser = enter("cashier")
    browser.get("/till")
    answer = browser.post("/till", act="quote", reference="x" * 70_000)
    assert (answer.status_code, "nothing was done" in answer.text) == (413, True)
