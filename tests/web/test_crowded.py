"""Lists of ten thousand rows: each page is short, small and soon there, and its link leads on to others."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select

from ledger_service.chain.models import chain_applied, chain_operation
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.members.models import member
from ledger_service.members.segments.models import segment, segment_member, segment_version
from ledger_service.merchants.models import act, merchant, store, terminal
from ledger_service.outbox.models import intent
from ledger_service.traceability.goods.models import trace_product
from tests.api.service import GROCER, GROCER_STORE, Shop
from tests.api.test_settlement import redemption, settled
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
MANY, SOME = 10_000, 300
_AT = datetime(2017, 1, 1, tzinfo=UTC)
_MORE = re.compile(r'<p class="more"><a href="([^"]+)"')
_ROW = re.compile(r'<li class="row">|<tr><td')
_MOST_BYTES, _MOST_ROWS = 100_000, 200
LISTS = {
    "/operator/merchants": "operator", "/operator/set-aside": "operator", "/audit/books": "auditor",
    "/merchant/places": "merchant", "/merchant/tills": "merchant", "/acts": "operator",
    "/merchant/coupons/definitions": "merchant", "/merchant/items": "merchant",
    "/merchant/settlement/2": "merchant", "/settlement/2/lines": "merchant",
    f"/merchant/segments/{'5e' * 16}": "merchant",
}  # fmt: skip
_MOST_STATEMENTS = 40


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
        conn.execute(insert(act), [_act(n) for n in range(MANY)])
        conn.execute(insert(coupon_definition), [_coupon(n, grocer) for n in range(MANY)])
        conn.execute(insert(trace_product), [_product(n, grocer) for n in range(MANY)])
        _fill_segment(conn, grocer)
    settled(web_shop)
    with web_shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(chain_applied).values(
            number=4, period=2, count=MANY, root=bytes(32), block_number=9))  # fmt: skip
        conn.execute(insert(chain_operation), [redemption(4, n) for n in range(MANY)])
    return web_shop


def _fill_segment(conn: Connection, merchant_id: int) -> None:
    """A segment of the merchant's that ten thousand members are in."""
    first = (conn.execute(select(func.max(member.c.member_id))).scalar() or 0) + 1
    ours = b"\x5e" * 16
    conn.execute(insert(member), [_member(first + n) for n in range(MANY)])
    conn.execute(insert(segment).values(
        segment_id=ours, merchant_id=merchant_id, code="ALL", name="所有客人 everybody", version=1,
        created_at=_AT, size=MANY, counted_at=_AT))  # fmt: skip
    conn.execute(insert(segment_version).values(
        segment_id=ours, version=1, body="{}", written_by="m", written_at=_AT))  # fmt: skip
    conn.execute(insert(segment_member), [
        {"segment_id": ours, "member_id": first + n, "since": _AT} for n in range(MANY)])  # fmt: skip


def _member(number: int) -> dict[str, Any]:
    return {"member_id": number, "member_number": with_check_digit(f"95299{number:012}"),
            "account": number.to_bytes(20, "big"), "salt": bytes(32), "status": "active",
            "custody": "custodial", "ledger_base": 10**12 + number * 10**6, "created_at": _AT}  # fmt: skip


def _act(number: int) -> dict[str, Any]:
    return {"act_id": number.to_bytes(16, "big"), "name": "set-day-start", "target": "9" * 13,
            "subject": "operator:o", "key_id": "k", "merchant_id": None,
            "occurred_at": _AT + timedelta(seconds=number)}  # fmt: skip


def _coupon(number: int, merchant_id: int) -> dict[str, Any]:
    return {"definition_id": 10**9 + number, "merchant_id": merchant_id, "code": f"MANY-{number}",
            "names": '{"en":"Many 很多 coupons of one merchant"}', "jurisdiction": "HK", "created_by": "m",
            "created_at": _AT}  # fmt: skip


def _product(number: int, merchant_id: int) -> dict[str, Any]:
    names = dict.fromkeys(("name_en", "name_zh_hans", "name_zh_hant"), f"Tea 茶 {number}")
    return names | {"gtin": with_check_digit(f"0952{number:09}"), "merchant_id": merchant_id, "brand": "b",
                    "markets": "[]", "made_at": _AT}  # fmt: skip


def _refused(number: int, merchant_id: int) -> dict[str, Any]:
    return {"intent_id": number, "op_id": number.to_bytes(16, "big"), "kind": 2, "merchant_id": merchant_id,
            "programme_ids": "1", "payload": "{}", "leaf": bytes(32), "state": "set_aside",
            "reason": "ProgrammeCap(1)", "created_at": _AT}  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_a_long_list_comes_in_short_pages(enter: Enter, crowded: Shop, path: str) -> None:
    browser, here, seen = enter(LISTS[path]), path, set[str]()
    counter = crowded.serving.foundations.database.statements
    for _ in range(4):
        before = counter.count
        answer = browser.get(here)
        assert counter.count - before < _MOST_STATEMENTS
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
