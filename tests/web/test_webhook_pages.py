"""The pages of webhooks: what each fact carries stands there, and one delivery is told again."""

from __future__ import annotations

import re
from collections.abc import Callable

from ledger_service.web.screens import merchant_webhooks
from ledger_service.web.wording import LANGUAGES, words
from ledger_service.webhooks.rules import KINDS
from tests.api.service import GROCER, Shop, basket
from tests.api.test_webhooks import read_on
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
_AGAIN = re.compile(
    r'action="(/merchant/webhooks/[^"]+/again)".*?name="once" value="([^"]+)".*?'
    r'name="since" value="(\d+)".*?name="until" value="(\d+)"',
    re.S,
)


def test_every_kind_of_fact_is_told_in_every_language() -> None:
    assert sorted(merchant_webhooks.FACTS) == sorted(KINDS)
    wanted = {f"fact.{kind}.{what}" for kind in KINDS for what in ("when", "data")}
    for language in LANGUAGES:
        assert wanted <= set(words(language)), language


def test_what_a_fact_is_said_to_carry_is_what_it_carries_and_one_is_told_again(
    enter: Enter, web_shop: Shop
) -> None:
    hook = web_shop.must("grocer", "/v1/webhooks", {"merchant": GROCER, "url": "https://crm.example.org/h"})
    number = {"number": web_shop.keys["member-number"]}
    web_shop.must("grocer-till", "/v1/sales", basket(amount=500, member=number))
    read_on(web_shop)
    browser, page = enter("merchant"), f"/merchant/webhooks/{hook['endpoint']['webhook']}"
    path, once, since, until = _AGAIN.findall(browser.get(page).text)[0]
    assert since == until
    told = browser.post(path, once=once, since=since, until=until)
    assert (told.status_code, told.headers["Location"]) == (303, f"{page}?done=again-webhook")
    assert "told again" in browser.get(told.headers["Location"]).text
