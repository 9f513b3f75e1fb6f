"""What a merchant's customers are worth: fitted by the command, shown by endpoint and page, with its test."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from ledger_service.checkout.models import sale
from ledger_service.cli import value as command
from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.ids import derive_id
from ledger_service.ledger.rules import ledger_base_of
from ledger_service.members.models import member
from ledger_service.web.wording import LANGUAGES, words
from tests.api.offices import browser
from tests.api.service import GROCER, GROCER_STORE, Shop
from tests.api.test_segments import MARCH, MAY


def regulars(shop: Shop) -> None:
    """Two hundred who buy at the grocer, one in three once, the others again and again over four months."""
    begun = parse_instant("2017-01-01T12:00:00Z", "at")
    members: list[dict[str, Any]] = []
    sales: list[dict[str, Any]] = []
    for place in range(200):
        who = 10_000 + place
        members.append({
            "member_id": who, "member_number": f"{who:018d}", "status": "active", "custody": "device",
            "ledger_base": ledger_base_of(who), "created_at": begun,
        })  # fmt: skip
        days = [place % 30 + step * (5 + place % 40) for step in range(1 if place % 3 == 0 else 12)]
        for day in (one for one in days if one < 120):
            sales.append({
                "sale_id": derive_id("regular", who, day), "kind": "sale", "merchant_id": int(GROCER),
                "store_gln": int(GROCER_STORE), "terminal_id": "t", "member_id": who, "reference": f"{day}",
                "currency": "USD", "total_minor": 500 + place * 10 + day, "lines": "[]", "spent": "",
                "earned": "", "returned": "", "receipt": "", "occurred_at": begun + timedelta(days=day),
            })  # fmt: skip
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(member), members)
        conn.execute(insert(sale), sales)


def test_the_page_says_what_customers_are_worth_and_how_well_it_would_have_said_so(
    any_shop: Shop, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shop, model = any_shop, f"/v1/merchants/{GROCER}/value-model"
    shop.at = MAY
    page, heading = browser(shop, "grocer"), words("en")["segments.value"]
    assert heading not in page.open("/merchant/segments").text, "nothing was fitted yet"
    regulars(shop)
    monkeypatch.setattr(command, "settings_from_environment", lambda: shop.serving.foundations.settings)
    clock = type("Fixed", (), {"now": staticmethod(lambda: parse_instant(MAY, "at"))})
    monkeypatch.setattr(command, "background_clock", lambda *_: clock)
    assert command.main(["--merchant", GROCER]) == 0
    assert capfd.readouterr().out.startswith(f"{GROCER}: 200 customers, ")
    told = shop.get("grocer", model).json or {}
    tested = told["tested"]
    assert (told["customers"], tested["days"]) == (200, 60)
    # Of customers as regular as these the sum is foretold well.
    assert abs(tested["purchases_expected"] - tested["purchases"]) * 4 < tested["purchases"]
    assert "customer-value-unknown" in shop.get("grocer", f"{model}?at={MARCH}").get_data(as_text=True)
    for language in LANGUAGES:
        text = page.open("/merchant/segments", **{"Accept-Language": language}).text
        for name in ("fitted", "customers", "back", "often", "spent", "missed"):
            assert words(language)[f"segments.value_{name}"] in text
    assert f"{tested['purchases_expected']:,} / {tested['purchases']:,}" in text
    assert heading not in browser(shop, "fuel").open("/merchant/segments").text, "another merchant's own"
