"""On which basis a programme is settled, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, update

from ledger_service.chain.basis.models import chain_basis
from ledger_service.db.models import alliance
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.gs1 import parse_gln, with_check_digit
from tests.api.service import FUEL, GROCER, Shop
from tests.api.test_pages import all_pages

PATH = "/v1/programmes/GROC/settlement-basis"
JUNE, JULY = "2017-06-01T00:00:00Z", "2017-07-01T00:00:00Z"
AT_ISSUE = {"basis": "issue", "pool": FUEL, "effective_from": JUNE}
RESERVE = {"basis": "reserve", "reserve_bps": 8_000, "pool": FUEL, "effective_from": JULY}


def told(shop: Shop, number: int, start: str, kind: int, share: int) -> None:
    """What the index would have mirrored."""
    row = {"programme_id": 1, "number": number, "kind": kind, "reserve_bps": share, "block_number": 1}
    at = seconds_floor(parse_instant(start, "start"))
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(chain_basis).values(row | {"effective_from": at, "pool": parse_gln(FUEL, "p")}))


def test_the_operator_publishes_bases_one_after_another(any_shop: Shop) -> None:
    shop = any_shop
    made = shop.must("operator", PATH, AT_ISSUE, key="once")
    assert made == {**AT_ISSUE, "programme": "GROC", "number": 1, "reserve_bps": 0}
    acts = len(shop.registry.acts)
    assert shop.must("operator", PATH, AT_ISSUE, key="once") == made
    told(shop, 1, JUNE, 1, 0)
    assert shop.must("operator", PATH, AT_ISSUE) == made  # asked again after a lost answer, by another key
    assert len(shop.registry.acts) == acts
    assert shop.must("operator", PATH, RESERVE)["number"] == 2
    told(shop, 2, JULY, 2, 8_000)
    for who in ("operator", "grocer", "fuel", "auditor"):
        rows = all_pages(shop, who, PATH, "bases", limit=1)
        seen = [(r["number"], r["basis"], r["reserve_bps"]) for r in rows]
        assert seen == [(1, "issue", 0), (2, "reserve", 8_000)]
    assert shop.post("grocer", PATH, AT_ISSUE).json["code"] == "scope-missing"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"pool": GROCER}, 422, "pair-invalid"),
        ({"pool": with_check_digit("952099000000")}, 404, "merchant-unknown"),
        ({"basis": "never"}, 400, "malformed-field"),
        ({"basis": "reserve"}, 400, "malformed-field"),
        ({"reserve_bps": 10}, 400, "malformed-field"),
        ({"effective_from": "2017-03-09T11:59:59Z"}, 422, "notice-too-short"),
    ],
)
def test_what_is_no_basis_is_refused_before_the_chain_hears_of_it(
    shop: Shop, change: dict[str, Any], status: int, code: str
) -> None:
    acts = list(shop.registry.acts)
    answer = shop.post("operator", PATH, AT_ISSUE | change)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert shop.registry.acts == acts


def test_a_basis_follows_the_one_before_with_the_same_pool(shop: Shop) -> None:
    told(shop, 1, JULY, 1, 0)
    earlier = AT_ISSUE | {"basis": "redemption"}
    assert shop.post("operator", PATH, earlier).json["code"] == "terms-out-of-order"
    florist = with_check_digit("952030000000")
    shop.must("operator", "/v1/merchants", {"merchant": florist, "name": "Florist"})
    other = AT_ISSUE | {"effective_from": "2017-08-01T00:00:00Z", "pool": florist}
    assert shop.post("operator", PATH, other).json["params"]["reason"] == "another-pool"


def test_an_alliance_whose_registry_is_older_settles_at_redemption(shop: Shop) -> None:
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(alliance).values(pairs=False))
    assert shop.post("operator", PATH, AT_ISSUE).json["code"] == "registry-too-old"
