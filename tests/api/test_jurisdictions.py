"""A programme under a law that lets no points end by time alone: what may be created, published, set."""

from __future__ import annotations

import pytest

from tests.api.service import FUEL, GROCER, TERMS, Shop, programme_body

LATER = "2017-06-01T00:00:00Z"


@pytest.mark.parametrize("law", ["CA-ON", "CA-QC"])
def test_terms_that_end_points_by_time_alone_are_refused_before_the_chain_hears_of_them(
    shop: Shop, law: str
) -> None:
    acts = len(shop.registry.acts)
    refused = shop.post("operator", "/v1/programmes", programme_body("ROLL", FUEL) | {"jurisdiction": law})
    assert (refused.status_code, refused.json["code"]) == (422, "expiry-by-time-alone")
    assert refused.json["params"] == {"jurisdiction": law}
    assert len(shop.registry.acts) == acts
    ever = programme_body("EVER", FUEL) | {"jurisdiction": law, "cycle": "never", "expiry": "never"}
    made = shop.must("operator", "/v1/programmes", ever)
    assert (made["expiry"], made["jurisdiction"]) == ("never", law)


def test_a_programme_comes_under_a_law_once_its_points_have_no_end(any_shop: Shop) -> None:
    shop = any_shop
    law, path = {"jurisdiction": "CA-ON"}, "/v1/programmes/GROC/jurisdiction"
    listed = shop.get("auditor", "/v1/programmes").json["programmes"][0]
    assert (listed["expiry"], listed["jurisdiction"]) == ("calendar", "none")
    assert shop.post("operator", path, law).json["code"] == "expiry-by-time-alone"
    assert shop.post("grocer", path, law).json["code"] == "scope-missing"
    assert shop.post("operator", "/v1/programmes/NONE/jurisdiction", law).json["code"] == "programme-unknown"
    for both in ({}, {"count": 1, "never": True}):
        assert shop.post("operator", "/v1/programmes/GROC/epochs", both).json["code"] == "malformed-field"
    grown = shop.must("operator", "/v1/programmes/GROC/epochs", {"never": True})
    assert grown["epochs"][-1]["ends_at"] is None
    new = {"effective_from": LATER, **TERMS, "validity_epochs": 1_000}
    assert shop.must("operator", "/v1/programmes/GROC/terms", new)["expiry"] == "never"
    assert shop.post("operator", path, law).json["code"] == "expiry-by-time-alone"  # not until they count
    shop.at = LATER
    assert shop.must("operator", path, law)["jurisdiction"] == "CA-ON"
    back = {"effective_from": "2017-08-01T00:00:00Z", **TERMS}
    acts = len(shop.registry.acts)
    refused = shop.post("operator", "/v1/programmes/GROC/terms", back)
    assert (refused.json["code"], len(shop.registry.acts)) == ("expiry-by-time-alone", acts)


def test_a_programme_says_what_its_points_do(shop: Shop) -> None:
    wrong = programme_body("ROLL", GROCER) | {"expiry": "rolling"}
    refused = shop.post("operator", "/v1/programmes", wrong)
    assert (refused.json["code"], refused.json["params"]["field"]) == ("malformed-field", "expiry")
    assert shop.must("operator", "/v1/programmes", wrong | {"cycle": "month"})["expiry"] == "rolling"
