"""Lists of ten thousand rows: each page is short, small and soon there, and its link leads on to others."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from ledger_service.merchants.models import merchant, store, terminal
from ledger_service.outbox.models import intent
from tests.api.service import GROCER, GROCER_STORE, Shop
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
MANY, SOME = 10_000, 300
_AT = datetime(2017, 1, 1, tzinfo=UTC)
_MORE = re.compile(r'<p class="more"><a href="([^"]+)"')
_ROW = re.compile(r'<li class="row">|<tr><td')
_MOST_BYTES, _MOST_ROWS = 100_000, 200
LISTS = {
    "/operator/merchants": "operator", "/operator/set-aside": "operator", "/audit/books": "auditor",
    "/merchant/places": "merchant", "/merchant/tills": "merchant",
}  # fmt: skip


@pytest.fixture(scope="module")
def crowded(web_shop: Shop) -> Shop:
    """More merchants than a page has, ten thousand stores, tills and operations that were set aside."""
    grocer, keys = int(GROCER), dict.fromkeys(("admin_key", "operations_key", "settlement_key"), bytes(20))
    own = {"merchant_id": grocer, "created_at": _AT, "status": "active"}
    with web_shop.serving.foundations.database.begin() as conn:
        first = (conn.execute(select(func.max(intent.c.intent_id))).scalar() or 0) + 1
        conn.execute(insert(merchant), [
            own | keys | {"merchant_id": 9_990_000_000_000 + n, "name": f"連鎖店 Chain {n}"}
            for n in range(SOME)])  # fmt: skip
        conn.execute(insert(store), [
            own | {"gln": 9_980_000_000_000 + n, "name": f"Store {n}", "timezone": "UTC"}
            for n in range(MANY)])  # fmt: skip
        conn.execute(insert(terminal), [
            own | {"terminal_id": f"till{n:05}", "store_gln": int(GROCER_STORE), "label": "t"}
            for n in range(MANY)])  # fmt: skip
        conn.execute(insert(intent), [_refused(first + n, grocer) for n in range(MANY)])
    return web_shop


def _refused(number: int, merchant_id: int) -> dict[str, Any]:
    return {"intent_id": number, "op_id": number.to_bytes(16, "big"), "kind": 2, "merchant_id": merchant_id,
            "programme_ids": "1", "payload": "{}", "leaf": bytes(32), "state": "set_aside",
            "reason": "ProgrammeCap(1)", "created_at": _AT}  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_a_long_list_comes_in_short_pages(enter: Enter, crowded: Shop, path: str) -> None:
    browser, here, seen = enter(LISTS[path]), path, set[str]()
    for _ in range(4):
        answer = browser.get(here)
        text = answer.text
        assert answer.status_code == 200 and len(answer.data) < _MOST_BYTES
        assert 1 < len(_ROW.findall(text)) <= _MOST_ROWS
        rows = text[text.index("<main"):]
        assert rows not in seen
        seen.add(rows)
        more = _MORE.search(text)
        assert more is not None, "a page of a long list leads on"
        here = more[1].replace("&amp;", "&")


def test_the_last_page_of_the_merchants_leads_no_further(enter: Enter, crowded: Shop) -> None:
    browser, here, names = enter("operator"), "/operator/merchants", []
    while here:
        text = browser.get(here).text
        names += re.findall(r"連鎖店 Chain (\d+)<", text)
        more = _MORE.search(text)
        here = more[1].replace("&amp;", "&") if more else ""
    assert sorted(map(int, names)) == list(range(SOME))
