"""Terms for one acceptor, over HTTP: the operator publishes them, the two parties see them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from ledger_service.chain.errors import AdminRefused, ChainUnavailable
from ledger_service.db.models import alliance
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.events import PairTermsAgreed
from ledger_service.kernel.gs1 import parse_gln, with_check_digit
from ledger_service.points.pairs.service import note
from tests.api.service import FUEL, GROCER, TERMS, Shop
from tests.api.test_pages import all_pages

PATH = "/v1/programmes/GROC/pair-terms"
JUNE, JULY = "2017-06-01T00:00:00Z", "2017-07-01T00:00:00Z"
AGREED = {"acceptor": FUEL, "effective_from": JUNE, "point_value_micros": 9_000, "fee_bps": 40}


def told(shop: Shop, version: int, start: str, terms: tuple[int, int], acceptor: str = FUEL) -> None:
    """What the index would tell."""
    number = shop.get("operator", "/v1/programmes").json["programmes"][0]["programme_id"]
    at = seconds_floor(parse_instant(start, "start"))
    with shop.serving.foundations.database.begin() as conn:
        note(conn, [PairTermsAgreed(number, version, parse_gln(acceptor, "a"), at, *terms)])
    shop.serving.catalogue.refresh()


def test_the_operator_publishes_the_terms_of_a_pair_and_their_end(any_shop: Shop) -> None:
    shop = any_shop
    made = shop.must("operator", PATH, AGREED, key="once")
    assert made == {
        "programme": "GROC", "acceptor": FUEL, "version": 2, "effective_from": JUNE, "ends": False,
        "point_value_micros": 9_000, "fee_bps": 40,
    }  # fmt: skip
    acts = len(shop.registry.acts)
    assert shop.must("operator", PATH, AGREED, key="once") == made
    told(shop, 2, JUNE, (9_000, 40))
    assert shop.must("operator", PATH, AGREED) == made  # asked again after a lost answer, by another key
    assert len(shop.registry.acts) == acts
    ended = shop.must("operator", PATH, {"acceptor": FUEL, "effective_from": JULY, "ends": True})
    assert (ended["ends"], ended["point_value_micros"], ended["fee_bps"]) == (True, 0, 0)
    assert shop.registry.acts[-1][1].previous == 2
    told(shop, 3, JULY, (0, 0))
    listed = shop.get("operator", PATH).json["pair_terms"]
    assert [(t["version"], t["ends"]) for t in listed] == [(2, False), (3, True)]
    general = {"effective_from": JULY, **TERMS}
    published = shop.must("operator", "/v1/programmes/GROC/terms", general)["terms"]
    assert [t["version"] for t in published] == [1, 4]


def test_without_a_value_of_its_own_a_pair_has_the_general_one_of_that_time(shop: Shop) -> None:
    later = TERMS | {"point_value_micros": 5_000}
    shop.must("operator", "/v1/programmes/GROC/terms", {"effective_from": JUNE, **later})
    for start, value in (("2017-05-31T23:59:59Z", 10_000), (JUNE, 5_000)):
        body = {"acceptor": FUEL, "effective_from": start, "fee_bps": 10_000}
        assert shop.must("operator", PATH, body)["point_value_micros"] == value


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"acceptor": GROCER}, 422, "pair-invalid"),
        ({"ends": True}, 400, "malformed-field"),
        ({"fee_bps": 10_001}, 400, "malformed-field"),
        ({"point_value_micros": 0}, 400, "malformed-field"),
        ({"acceptor": "1234567890123"}, 400, "malformed-field"),
        ({"acceptor": with_check_digit("952099000000")}, 404, "merchant-unknown"),
        ({"effective_from": "2017-03-09T11:59:59Z"}, 422, "notice-too-short"),
        ({"effective_from": "yesterday"}, 400, "malformed-field"),
    ],
)
def test_what_no_pair_can_have_is_refused_before_the_chain_hears_of_it(
    shop: Shop, change: dict[str, Any], status: int, code: str
) -> None:
    acts = list(shop.registry.acts)
    answer = shop.post("operator", PATH, AGREED | change)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert shop.registry.acts == acts


def test_an_end_needs_a_beginning_and_terms_follow_one_another(shop: Shop) -> None:
    end = {"acceptor": FUEL, "effective_from": JULY, "ends": True}
    assert shop.post("operator", PATH, end).json["params"]["reason"] == "nothing-to-end"
    nothing = {"acceptor": FUEL, "effective_from": JULY}
    assert shop.post("operator", PATH, nothing).json["code"] == "malformed-field"
    told(shop, 2, JULY, (9_000, 40))
    assert shop.post("operator", PATH, AGREED).json["code"] == "terms-out-of-order"
    assert shop.post("operator", "/v1/programmes/NONE/pair-terms", AGREED).json["code"] == "programme-unknown"


def test_what_the_chain_does_not_do_is_said_and_can_be_asked_again(shop: Shop) -> None:
    shop.registry.refusal = ChainUnavailable("eth_call", "down")
    assert shop.post("operator", PATH, AGREED, key="late").status_code == 503
    shop.registry.refusal = AdminRefused("pair", "RegistrySignatureInvalid")
    assert shop.post("operator", PATH, AGREED, key="late").json["code"] == "chain-admin-refused"
    assert shop.must("operator", PATH, AGREED, key="late")["version"] == 2


def test_an_alliance_whose_registry_is_older_has_none(shop: Shop) -> None:
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(alliance).values(pairs=False))
    refused = shop.post("operator", PATH, AGREED)
    assert (refused.status_code, refused.json["code"]) == (409, "registry-too-old")


def test_a_merchant_sees_the_pairs_that_it_is_a_party_to(shop: Shop) -> None:
    other = with_check_digit("952030000000")
    told(shop, 2, JUNE, (9_000, 40))
    told(shop, 3, JUNE, (8_000, 10), other)
    told(shop, 4, JULY, (0, 0))
    seen = {who: [t["version"] for t in all_pages(shop, who, PATH, "pair_terms")]
            for who in ("operator", "auditor", "grocer", "fuel")}  # fmt: skip
    assert seen == {"operator": [2, 3, 4], "auditor": [2, 3, 4], "grocer": [2, 3, 4], "fuel": [2, 4]}
    for who in ("grocer", "fuel", "auditor"):
        assert shop.post(who, PATH, AGREED).json["code"] == "scope-missing"


def test_general_terms_whose_answer_was_lost_are_found_behind_those_of_a_pair(shop: Shop) -> None:
    """They stand on chain as version 2; a pair's version 3 is known here first."""
    told(shop, 3, JUNE, (9_000, 40))
    general = {"effective_from": JULY, **TERMS}
    published = shop.must("operator", "/v1/programmes/GROC/terms", general)["terms"]
    assert [t["version"] for t in published] == [1, 2]
    assert shop.registry.acts[-1][:1] + shop.registry.acts[-1][2:] == ("terms", 2)
    later = {"effective_from": "2017-08-01T00:00:00Z", **TERMS}
    published = shop.must("operator", "/v1/programmes/GROC/terms", later)["terms"]
    assert [t["version"] for t in published] == [1, 2, 4]
