"""A member sees rate, spread and what it would get of another programme's points, before its phone signs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger_service.web.screens.member_convert import _end, percent
from tests.api.service import Shop, basket
from tests.api.test_conversions import told
from tests.web.conftest import Browser

Enter = Callable[..., Browser]


@pytest.mark.parametrize(("bps", "text"), [(0, "0"), (5, "0.05"), (150, "1.5"), (200, "2"), (10_000, "100")])
def test_hundredths_of_a_percent_are_told_without_idle_zeros(bps: int, text: str) -> None:
    assert percent(bps) == text


def test_the_end_of_a_programme_names_what_takes_over_the_rest() -> None:
    end = {"ends_at": "2027-01-01T00:00:00Z", "converts_into": 2, "spread_bps": 150}
    leaving = {"name": "茶點", "end": end}
    told_so = {"name": "茶點", "ends_at": end["ends_at"], "percent": "1.5"}
    assert _end(leaving, {2: {"name": "Fuel"}}) == {**told_so, "into": "Fuel"}
    assert _end(leaving, {}) == {**told_so, "into": ""}


def test_rate_spread_and_what_comes_are_seen_before_anything_is_signed(enter: Enter, web_shop: Shop) -> None:
    member = {"number": web_shop.keys["member-number"]}
    web_shop.must("grocer-till", "/v1/sales", basket(member=member))
    browser = enter("member")
    assert "None of your points convert" in browser.get("/me/convert").text
    told(web_shop)
    page = browser.get("/me/convert").text
    assert 'value="GROC:FUEL"' in page
    quoted = browser.get("/me/convert?way=GROC:FUEL&points=100").text
    for part in ("You get 98 points", "2 %", "$1.00", "sign these points"):
        assert part in quoted
    for odd in ("way=FUEL:GROC&points=100", "way=GROC:FUEL&points="):
        assert "You get" not in browser.get(f"/me/convert?{odd}").text
    refused = browser.get("/me/convert?way=GROC:FUEL&points=-1")
    assert (refused.status_code, 'role="alert"' in refused.text) == (400, True)
    assert "兌換點數" in enter("member", "zh-Hant").get("/me/convert").text
