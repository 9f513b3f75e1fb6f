"""Every list comes in pages: each row once, in order, none of another merchant, however the pages are cut."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.api.endpoints import epcis_shapes
from ledger_service.api.paging import MOST_ROWS, PAGE_QUERY
from ledger_service.api.routes import Route
from ledger_service.api.schema import Listing, Named, Record
from ledger_service.bootstrap.doors import all_routes
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.outbox.models import intent
from tests.api.service import FUEL, GROCER, GROCER_STORE, Shop, basket
from tests.api.test_administration import with_phone

# Answers that hold lists without being lists: of one thing, and bounded by what makes them.
OF_ONE_THING = {
    "list-live-code-shifts": "the next turns of one code, a fixed number",
    "list-jobs": "so many batches and recounts at most, in the order in which they come",
    "recompute-settlement-period": "the merchants of one period and their pairs, 256 merchants at most",
    "show-settlement-standing": "the merchants of one period, 256 at most, and payouts fewer than they",
    "list-passkeys": "ten at most",
    "show-issuer-liability": "months of the programmes of one issuer, 120 at most of each",
    "show-liability-report": "months of one programme, 120 at most",
    "list-member-cards": "at most so many cards are shown",
    "show-member": "at most so many devices are shown",
    "show-coupon": "what happened to one coupon, the latest of it",
    "show-household": "at most so many mates; lots of the epochs of a calendar",
    "show-claim": "the few events of one claim",
    "member-households": "the latest fifty; a member is in one at a time",
    "balance": "lots of the epochs of a calendar",
    "find-day": "totals of eight operations",
    "find-sale": "refunds and legs of one sale",
    "find-hold": "the lines of one basket",
    "alliance": "the houses of one line",
    "list-imports": "the latest; an alliance sees a few in its life",
    "show-risk-rules": "the latest versions of one scope's rules",
    "risk-reasons": "a fixed list",
    "past-points": "seven instants",
    "show-review": "the steps of one review, and the hits of one decision",
    "list-member-reviews": "the latest; a member sees a few in its life",
    "list-challenges": "those of the last minutes",
    "show-tiers": "the latest versions of one ladder",
    "show-member-tiers": "one of each programme with a ladder",
    "show-coupon-nets": "debts between the merchants of one period, payouts fewer than they",
    "show-settlement-period": "one net of each merchant, at most 256 of which take part",
    "show-set-aside": "what two people asked and decided about one operation, one request at a time",
    "chain-status": "the first of what /v1/chain/set-aside lists; alarms are bounded",
    "history-of-epc": "one item's steps, at most 2000, and `cut` says that there are more",
    "capture-job": "the first hundred errors of one document of at most 1000 events",
    "prove-item": "the proof of one item",
    "show-merchant-leaving": "the programmes of one merchant, and at most 120 periods that are unsettled",
    "show-prizes": "the prizes of one pool, at most 20 kinds",
    "prove-prizes": "the winners of one pool, at most 10,000: one file that is checked as a whole",
    "show-verdict": "the few reasons of one verdict",
    "item-journey": "the stops of one item, at most 100, and `cut` says that there are more",
    "show-item-case": "what happened to one case, at most 200 of it",
    "show-product-links": "the links of one product, at most 50",
    "show-share-campaign": "versions of one campaign, each approved by two people",
    "share-funnel": "one row of each channel and each outcome",
    "show-share-reward": "the steps of one review",
    "share-evidence": "the rewards of one purchase: two sides and two levels at most",
    "share-network": "one report, each list of which has an end",
    "show-value-accounts": "one row of each currency of one merchant",
    **dict.fromkeys(("list-resources", "list-eventtypes", "list-bizsteps", "list-dispositions"),
                    "words of the standard, a fixed list"),
    **{f"show-one-of-{name}": "what can be asked for behind it, one word" for name in (
        "bizlocations", "bizsteps", "dispositions", "epcs", "eventtypes", "readpoints")},
    "ready": "notes",
    "openapi": "the document",
}


def listings(schema: Any) -> bool:
    inner = schema.inner if isinstance(schema, Named) else schema
    if not isinstance(inner, Record):
        return False
    return any(isinstance(s, Listing) for s in (*inner.required.values(), *inner.optional.values()))


@pytest.mark.parametrize("route", [r for r in all_routes() if r.method == "GET"], ids=lambda r: r.name)
def test_no_list_is_answered_without_a_bound(route: Route) -> None:
    if route.name in OF_ONE_THING or not listings(route.success.schema):
        return
    # The standard of events has names of its own for the same.
    named = (PAGE_QUERY, epcis_shapes.PAGES)
    assert any(route.query.items() >= one.items() for one in named), f"{route.name} takes no cursor"


def all_pages(shop: Shop, who: str, path: str, name: str, limit: int = 2) -> list[dict[str, Any]]:
    """The rows of every page, following the cursors."""
    mark, rows, cursor = "&" if "?" in path else "?", [], ""
    while True:
        answer = shop.get(who, f"{path}{mark}limit={limit}{cursor}").json
        assert 1 <= len(answer[name]) <= limit
        rows += answer[name]
        if answer["next_cursor"] is None:
            return rows
        cursor = f"&cursor={answer['next_cursor']}"


@pytest.fixture
def crowded(any_shop: Shop) -> Shop:
    """The grocer has five stores, and five tills with five keys in the first."""
    for number in range(4):
        gln = with_check_digit(f"95201000005{number}")
        body = {"store": gln, "merchant": GROCER, "name": "s", "timezone": "UTC"}
        any_shop.must("grocer", "/v1/stores", body)
        any_shop.must("grocer", "/v1/terminals", {"store": GROCER_STORE, "label": "t"})
        any_shop.key_for("cashier", any_shop.keys["grocer-terminal"])
    return any_shop


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
def test_stores_tills_and_keys_come_each_once_whatever_the_page(crowded: Shop, limit: int) -> None:
    for name, row_id in (("stores", "store"), ("terminals", "terminal")):
        rows = all_pages(crowded, "grocer", f"/v1/{name}", name, limit)
        ids = [row[row_id] for row in rows]
        assert ids == sorted(set(ids))
        assert len(ids) == 5
        assert {row["merchant"] for row in rows} == {GROCER}
    path = f"/v1/keys?role=cashier&subject={crowded.keys['grocer-terminal']}"
    keys = [row["key_id"] for row in all_pages(crowded, "grocer", path, "keys", limit)]
    assert len(keys) == len(set(keys)) == 5


def test_the_operator_sees_everybodys_in_pages(crowded: Shop) -> None:
    assert {s["merchant"] for s in all_pages(crowded, "operator", "/v1/stores", "stores")} == {GROCER, FUEL}
    merchants = all_pages(crowded, "operator", "/v1/merchants", "merchants", 1)
    assert [m["merchant"] for m in merchants] == [GROCER, FUEL]
    programmes = all_pages(crowded, "grocer-till", "/v1/programmes", "programmes", 1)
    assert [p["programme"] for p in programmes] == ["GROC", "FUEL"]


def test_a_cursor_serves_its_own_list_and_caller(crowded: Shop) -> None:
    cursor = crowded.get("grocer", "/v1/stores?limit=1").json["next_cursor"]
    for who, path in (("grocer", "/v1/terminals"), ("operator", "/v1/stores")):
        assert crowded.get(who, f"{path}?cursor={cursor}").json["code"] == "cursor-refused"
    for limit in ("0", str(MOST_ROWS + 1), "x"):
        assert crowded.get("grocer", f"/v1/stores?limit={limit}").json["code"] == "malformed-field"


def test_what_was_set_aside_is_counted_and_listed_in_pages(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    for _ in range(3):
        shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(intent.update().values(state="set_aside", reason="No()"))
    rows = all_pages(shop, "auditor", "/v1/chain/set-aside", "set_aside", 3)
    assert [row["kind"] for row in rows] == ["signer", "issue", "issue", "issue"]
    status = shop.get("auditor", "/v1/chain/status").json
    known = [{name: row[name] for name in ("operation", "kind", "reason")} for row in rows]
    assert (status["set_aside_count"], status["set_aside"]) == (4, known)
    assert [row["hopeless"] for row in rows] == ["kind", None, None, None]
