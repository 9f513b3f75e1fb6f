"""The public page of an item: verdicts in three languages, the way, a recall, the claim of a member."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from ledger_service.kernel.clock import parse_instant
from ledger_service.traceability.cases.rules import KINDS
from ledger_service.traceability.scanning.rules import Verdict
from ledger_service.web.wording import LANGUAGES, has
from tests.api.service import GROCER, Shop
from tests.integration.traceability.stock import GTIN, Stock, stock_up
from tests.web.conftest import Browser

Enter = Callable[..., Browser]


@pytest.fixture(scope="module")
def stock(web_shop: Shop) -> Stock:
    serving = web_shop.serving
    at = parse_instant(web_shop.at, "at")
    found = stock_up(serving.foundations.database, serving.secrets.one_time, int(GROCER), at)
    web_shop.put("grocer", f"/v1/products/{GTIN}/claim-terms", {"programme": "GROC", "points": 7})
    event = {"type": "ObjectEvent", "eventTime": web_shop.at, "eventTimeZoneOffset": "+00:00",
             "action": "ADD", "bizStep": "commissioning", "epcList": [found.code(0)],
             "bizLocation": {"id": "https://id.gs1.org/414/9506000134352"},
             "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]}  # fmt: skip
    assert web_shop.post("grocer", "/epcis/events", event).status_code == 201
    return found


def path_of(code: str) -> str:
    return f"/item?code={quote(code, safe='')}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_anybody_sees_verdict_product_and_way(web_shop: Shop, stock: Stock, language: str) -> None:
    browser = Browser(web_shop.client, language)
    page = browser.get(path_of(stock.code(0)))
    assert page.status_code == 200 and f'<html lang="{language}">' in page.text
    assert {"en": "Tea", "zh-Hans": "茶", "zh-Hant": "茶"}[language] in page.text
    assert 'class="way"' in page.text and "9506000134352" in page.text
    for key in ("verdict.", "step.", "scan.", "reason."):
        assert f">{key}" not in page.text
    odd = browser.get(path_of("<script>alert(1)</script>"))
    assert odd.status_code == 200 and "<script>alert" not in odd.text
    assert browser.get("/item").status_code == 200


def test_every_verdict_has_words_in_every_language() -> None:
    for language in LANGUAGES:
        assert all(has(language, f"verdict.{verdict}") for verdict in Verdict)
        assert has(language, "reason.history-contradicts") and "contradiction" in KINDS


def test_a_member_claims_with_the_pin_and_a_recall_is_said_first(
    enter: Enter, web_shop: Shop, stock: Stock
) -> None:
    browser, code = enter("member"), stock.code(1)
    browser.get(path_of(code))
    wrong = browser.post("/item", code=code, pin="00000000")
    assert "item-pin-refused" in wrong.text
    assert 'pattern="[0-9]{4} ?[0-9]{4}" maxlength="9"' in wrong.text
    printed = f"{stock.pin(1)[:4]} {stock.pin(1)[4:]}"
    done = browser.post("/item", code=code, pin=printed, once="a" * 32)
    assert "7 GROC" in done.text
    assert web_shop.post("grocer", f"/v1/batches/{stock.batch_no}/recall").status_code == 200
    recalled = Browser(web_shop.client).get(path_of(stock.code(2)))
    assert "Recalled: do not use it." in recalled.text and "alert" in recalled.text
