"""Consents over HTTP: another merchant reads on one and no longer; the member sees every reading."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.kernel.gs1 import with_check_digit
from tests.api.service import FUEL, GROCER, Shop, basket
from tests.api.test_administration import NEXT_PHONE, with_phone
from tests.api.test_pages import all_pages

USE = {"owner": GROCER, "reader": FUEL, "purpose": "analytics"}
NOBODY = f"/v1/members/{with_check_digit('95200000000000999')}"
ASKED = f"purchases?merchant={GROCER}&purpose=analytics"


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


@pytest.fixture
def bought(any_shop: Shop) -> tuple[Shop, str, str]:
    """A member with three purchases at the grocer; the shop, its key and its path."""
    number = with_phone(any_shop)["number"]
    for _ in range(3):
        any_shop.must("grocer-till", "/v1/sales", basket() | {"member": {"number": number}})
    any_shop.must("grocer-till", "/v1/sales", basket())
    return any_shop, any_shop.key_for("member", number), f"/v1/members/{number}"


def test_a_merchant_reads_anothers_facts_on_a_consent_and_no_longer(bought: tuple[Shop, str, str]) -> None:
    shop, own, base = bought
    assert len(all_pages(shop, "grocer", f"{base}/{ASKED}", "purchases")) == 3
    assert code_of(shop.get("fuel", f"{base}/{ASKED}")) == (403, "consent-missing")
    nobody = f"{NOBODY}/{ASKED}"
    assert code_of(shop.get("fuel", nobody)) == (403, "consent-missing")
    assert shop.get("grocer", nobody).json["purchases"] == []
    consent = shop.must(own, f"{base}/consents", USE)
    assert shop.must(own, f"{base}/consents", USE) == consent
    assert code_of(shop.get("fuel", f"{base}/purchases?merchant={GROCER}&purpose=marketing")) == (
        403,
        "consent-missing",
    )
    seen = all_pages(shop, "fuel", f"{base}/{ASKED}", "purchases")
    assert [row["total_minor"] for row in seen] == [10_000] * 3
    assert set(seen[0]) == {"sale", "store", "currency", "total_minor", "occurred_at"}
    revoked = shop.must(own, f"{base}/consents/{consent['consent']}/revoke")
    assert revoked["revoked_by"].startswith("member:")
    assert code_of(shop.get("fuel", f"{base}/{ASKED}")) == (403, "consent-missing")
    reads = all_pages(shop, own, f"{base}/reads", "reads", 1)
    assert [(r["what"], r["reader"], r["purpose"]) for r in reads] == [
        ("list-purchases", FUEL, "analytics")
    ] * 2
    again = shop.must(own, f"{base}/consents", USE)
    assert again["consent"] != consent["consent"]
    assert len(all_pages(shop, own, f"{base}/consents", "consents", 1)) == 2


def test_what_the_operator_and_the_auditor_read_is_on_record(bought: tuple[Shop, str, str]) -> None:
    shop, own, base = bought
    for who, what in (("operator", "/entries"), ("auditor", "/balance"), ("auditor", f"/{ASKED}")):
        assert shop.get(who, base + what).status_code == 200
    assert shop.get("operator", NOBODY).status_code == 404
    shop.get(own, f"{base}/entries")
    shop.get("grocer", f"{base}/{ASKED}")
    reads = shop.get(own, f"{base}/reads").json["reads"]
    assert [(r["what"], r["by_whom"], r["consent"]) for r in reads] == [
        ("list-purchases", "auditor:au", None), ("balance", "auditor:au", None),
        ("entries", "operator:op", None),
    ]  # fmt: skip


def test_consents_are_the_members_alone(bought: tuple[Shop, str, str]) -> None:
    shop, own, base = bought
    consents = f"{base}/consents"
    other = shop.key_for("member", with_phone(shop, NEXT_PHONE)["number"])
    assert code_of(shop.post(other, consents, USE)) == (403, "not-yours")
    assert code_of(shop.post("operator", consents, USE)) == (403, "scope-missing")
    assert code_of(shop.post(own, consents, USE | {"reader": GROCER})) == (422, "consent-refused")
    assert code_of(shop.post(own, consents, USE | {"reader": "4006381333931"})) == (404, "merchant-unknown")
    assert code_of(shop.post(own, f"{consents}/{'0' * 32}/revoke")) == (404, "consent-unknown")
    consent = shop.must(own, consents, USE)["consent"]
    assert code_of(shop.post(other, f"{consents}/{consent}/revoke")) == (403, "not-yours")
    assert shop.get(other, f"{base}/reads").status_code == 403
