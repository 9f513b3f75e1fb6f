"""A member sees on its pages who wants to move its account, and stops it."""

from __future__ import annotations

from collections.abc import Callable

from ledger_service.care.rules import KINDS, MERGE, STATES
from ledger_service.web.wording import LANGUAGES, words
from tests.api.service import Shop
from tests.web.conftest import Browser


def test_a_member_is_shown_a_case_where_it_looks_first_and_stops_it(
    enter: Callable[..., Browser], web_shop: Shop
) -> None:
    browser = enter("member")
    assert "Nobody has asked" in browser.get("/me/cases").text
    assert "Somebody asked that your account move" not in browser.get("/me").text
    asked = {"member": web_shop.keys["member-number"], "kind": "death", "evidence": "0x" + "1" * 64}
    case = web_shop.must("operator", "/v1/cases", asked)["case"]
    assert 'href="/me/cases"' in browser.get("/me").text.partition("Somebody asked that your account move")[2]
    assert "The notice has not begun" in browser.get("/me/cases").text
    stopped = browser.post(f"/me/cases/{case}/objection").text
    assert ("Your objection stands" in stopped, "It was not me" in stopped) == (True, False)
    browser.get("/me/cases")
    late = browser.post(f"/me/cases/{case}/objection")
    assert (late.status_code, 'role="alert"' in late.text) == (409, True)


def test_every_kind_and_state_of_a_case_has_a_word() -> None:
    for language in LANGUAGES:
        assert {f"word.{one}" for one in (*KINDS, MERGE, *STATES)} <= words(language).keys()
