"""The words of the screens: every act has a text, one thing has one name, zones fit the reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from zoneinfo import available_timezones

import pytest
from markupsafe import escape
from sqlalchemy import insert

import ledger_service
from ledger_service.bootstrap.doors import all_routes
from ledger_service.cli.catalogue import all_errors
from ledger_service.coupons.terms.values import Benefit
from ledger_service.merchants.acts import acts
from ledger_service.merchants.models import act
from ledger_service.merchants.rules import ROLE_SCOPES
from ledger_service.web.formats import Formats
from ledger_service.web.wording import LANGUAGES, words
from tests.api.service import GROCER, Shop
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
# An entry of the ledger as it is written: who names it, and its kind.
_ENTRY = re.compile(r"\.entry\(\s*[^,()]+,\s*\"(\w+)\"")
# What is noted goes by the route's name; what a till may do is never noted.
ACTS = {
    one.name for one in all_routes() if one.write and one.scopes and not one.scopes & ROLE_SCOPES["cashier"]
}
# Another word for what the pages of this language call otherwise.
STRANGERS: dict[str, tuple[str, ...]] = {
    "zh-Hans": ("商家", "收银机", "收据", "点数", "帐户", "复核", "登入", "新增", "个案", "债务方",
                "债权方"),
    "zh-Hant": ("商戶", "收銀機", "收銀臺", "積分", "賬", "計劃", "批准", "密鑰", "門店", "設備", "添加",
                "登錄", "佈", "鍊", "個案", "債務方", "債權方", "退出登",
                "二維碼", "郵箱"),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_act_that_is_noted_has_a_text(language: str) -> None:
    told = {key.removeprefix("act.") for key in words(language) if key.startswith("act.")}
    assert (ACTS - told, told - ACTS) == (set(), set())
    texts = [words(language)[f"act.{name}"] for name in sorted(ACTS)]
    assert len(set(texts)) == len(texts), "two acts that nobody can tell apart"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_words_of_each_language(language: str) -> None:
    said = words(language)
    assert [one.code for one in all_errors() if f"problem.{one.code}" not in said] == []
    if language != "en":
        told = [key for key in said if key.startswith("problem.") and said[key].isascii()]
        assert told == [], "a refusal that is told in English"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_entry_has_a_word(language: str) -> None:
    """Half of what a member's history tells stood there as the ledger's own word."""
    source = Path(ledger_service.__file__).parent
    written = {kind for file in source.rglob("*.py") for kind in _ENTRY.findall(file.read_text("utf-8"))}
    assert len(written) > 15
    kinds = written | {"capture", "void", "expire", "hold_expired"}
    assert [kind for kind in sorted(kinds) if f"kind.{kind}" not in words(language)] == []


def test_the_log_says_what_was_done_in_the_readers_words(enter: Enter, web_shop: Shop) -> None:
    web_shop.put("grocer", "/v1/cashiers/ann/pin", {"merchant": GROCER, "pin": "2580"})
    for language in LANGUAGES:
        page = enter("operator", language).get("/acts").text
        assert escape(words(language)["act.set-cashier-pin"]) in page and ">set-cashier-pin<" not in page


def test_the_log_goes_on_behind_its_first_page(enter: Enter, web_shop: Shop) -> None:
    told = web_shop.get("operator", "/v1/acts?limit=2").json
    seen = [one["act"] for one in told["acts"]]
    while told["next_cursor"]:
        told = web_shop.get("operator", f"/v1/acts?limit=2&cursor={told['next_cursor']}").json
        seen += [one["act"] for one in told["acts"]]
        assert len(seen) == len(set(seen)), "a page twice"
    assert seen == [one["act"] for one in web_shop.get("operator", "/v1/acts?limit=200").json["acts"]]


def test_an_act_of_a_route_that_is_no_more_goes_by_its_name(enter: Enter, web_shop: Shop) -> None:
    database = web_shop.serving.foundations.database
    with database.begin() as conn:
        last = acts(conn, None, None, 1)[0]
        row = {one.name: last[one.name] for one in act.c}
        row |= {"act_id": b"\x01" * 16, "name": "gone-route", "occurred_at": datetime(2099, 1, 1, tzinfo=UTC)}
        conn.execute(insert(act).values(row))
    assert "<code>gone-route</code>" in enter("operator", "zh-Hans").get("/acts").text


@pytest.mark.parametrize("language", STRANGERS)
def test_one_thing_has_one_name(language: str) -> None:
    strange = STRANGERS[language]
    assert [key for key, text in words(language).items() if any(word in text for word in strange)] == []


def test_the_example_of_a_time_zone_is_one_of_the_readers(enter: Enter) -> None:
    zones = {language: Formats(language, "USD", 2).zone for language in LANGUAGES}
    assert zones == {"en": "UTC", "zh-Hans": "Asia/Shanghai", "zh-Hant": "Asia/Taipei"}
    assert set(zones.values()) <= available_timezones()
    for language, zone in zones.items():
        page = enter("member", language).get("/me/consents").text
        assert page.count(zone) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_coupon_gives_has_a_word(language: str) -> None:
    kinds = {kind.__name__ for kind in get_args(Benefit)}
    assert len(kinds) > 10
    assert [kind for kind in kinds if f"word.{kind}" not in words(language)] == []
