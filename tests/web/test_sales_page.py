"""A merchant finds the sales of a receipt's number, page by page."""

from __future__ import annotations

import re
from collections.abc import Callable

from ledger_service.web.wording import words
from tests.api.service import Shop, basket
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
MANY = 60


def test_sales_of_one_reference_are_found_to_the_last(enter: Enter, web_shop: Shop) -> None:
    """The page failed whenever there was something to show."""
    for cents in range(1, MANY + 1):
        web_shop.must("grocer-till", "/v1/sales", basket(amount=cents, reference="A & B"))
    browser, here, seen = enter("merchant"), "/merchant/sales?reference=A+%26+B", list[str]()
    while here:
        answer = browser.get(here)
        assert answer.status_code == 200
        seen += re.findall(r'class="number" data-name="Total">([^<]+)<', answer.text)
        more = re.search(r'class="more"><a href="([^"]+)"', answer.text)
        here = more[1].replace("&amp;", "&") if more else ""
    assert sorted(seen) == sorted(f"${cents / 100:.2f}" for cents in range(1, MANY + 1))


def test_nothing_is_said_of_sales_that_nobody_asked_for(enter: Enter, web_shop: Shop) -> None:
    browser, none = enter("merchant"), words("en")["sales.none"]
    assert none not in browser.get("/merchant/sales").text
    assert none in browser.get("/merchant/sales?reference=never").text
