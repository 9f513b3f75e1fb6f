"""Points that lapse through inactivity, over HTTP: who sets it, what a law asks, and extensions by hand."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from ledger_service.db.models import alliance
from tests.api.service import FUEL, GROCER, Shop, basket, programme_body
from tests.api.test_administration import with_phone

PATH = "/v1/programmes/GROC/inactivity"


def older_house(shop: Shop) -> None:
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(alliance).values(extends=False))


def test_the_issuer_lets_points_lapse_through_inactivity_and_can_only_add_activities(any_shop: Shop) -> None:
    shop = any_shop
    assert shop.get("auditor", "/v1/programmes").json["programmes"][0]["inactivity"] == []
    assert shop.post("fuel", PATH, {"activities": ["earn"]}).json["code"] == "not-yours"
    assert shop.post("grocer-till", PATH, {"activities": ["earn"]}).json["code"] == "scope-missing"
    for wrong in ([], ["sleep"]):
        assert shop.post("grocer", PATH, {"activities": wrong}).json["code"] == "malformed-field"
    unknown = shop.post("operator", "/v1/programmes/NONE/inactivity", {"activities": ["earn"]})
    assert unknown.json["code"] == "programme-unknown"
    set_once = shop.must("grocer", PATH, {"activities": ["redeem", "earn"]}, key="once")
    assert (set_once["expiry"], set_once["inactivity"]) == ("inactivity", ["earn", "redeem"])
    assert shop.must("grocer", PATH, {"activities": ["redeem", "earn"]}, key="once") == set_once
    more = shop.must("operator", PATH, {"activities": ["redeem", "earn", "gift"]})
    assert more["inactivity"] == ["earn", "gift", "redeem"]
    less = shop.post("operator", PATH, {"activities": ["earn"]})
    assert (less.status_code, less.json["code"]) == (422, "activity-withdrawn")


@pytest.mark.parametrize(("validity", "code"), [(11, "inactivity-too-short"), (12, None)])
def test_quebec_asks_for_a_year_without_activity(shop: Shop, validity: int, code: str | None) -> None:
    body = programme_body("QC", FUEL) | {
        "cycle": "month", "jurisdiction": "CA-QC", "inactivity": ["earn", "redeem"],
        "validity_epochs": validity, "expiry": "inactivity",
    }  # fmt: skip
    acts = len(shop.registry.acts)
    answer = shop.post("operator", "/v1/programmes", body)
    if code is None:
        assert (answer.json["expiry"], answer.json["jurisdiction"]) == ("inactivity", "CA-QC")
        return
    assert (answer.status_code, answer.json["code"]) == (422, code)
    few = shop.post("operator", "/v1/programmes", body | {"inactivity": ["earn"]})
    assert (few.status_code, few.json["code"]) == (422, "activities-too-few")
    assert len(shop.registry.acts) == acts


def test_a_programme_comes_under_a_law_through_inactivity(shop: Shop) -> None:
    law = {"jurisdiction": "CA-ON"}
    refused = shop.post("operator", "/v1/programmes/GROC/jurisdiction", law)
    assert refused.json["code"] == "expiry-by-time-alone"
    shop.must("operator", PATH, {"activities": ["earn", "redeem"]})
    assert shop.must("operator", "/v1/programmes/GROC/jurisdiction", law)["jurisdiction"] == "CA-ON"


def test_under_an_older_house_nothing_is_promised_that_it_cannot_do(shop: Shop) -> None:
    older_house(shop)
    number = with_phone(shop)["number"]
    acts = len(shop.registry.acts)
    new = programme_body("NEW", FUEL) | {"inactivity": ["earn"]}
    wish = {
        "member": number, "programme": "GROC", "points": 5, "reason": "extension", "note": "ill",
        "funder": GROCER, "epoch": 1, "into_epoch": 2,
    }  # fmt: skip
    for path, body in (
        (PATH, {"activities": ["earn"]}), ("/v1/programmes", new), ("/v1/adjustments", wish),
    ):  # fmt: skip
        refused = shop.post("operator", path, body)
        assert (refused.status_code, refused.json["code"]) == (422, "house-takes-no-extensions")
    assert len(shop.registry.acts) == acts


def test_an_operator_extends_one_member_s_points_when_another_agrees(shop: Shop) -> None:
    phone = with_phone(shop)
    shop.must("grocer-till", "/v1/sales", basket(member={"number": phone["number"]}))
    (held,) = shop.get("auditor", f"/v1/members/{phone['number']}/balance").json["balances"]
    (lot,) = held["lots"]
    wish = {
        "member": phone["number"], "programme": "GROC", "points": 5, "reason": "extension", "note": "ill",
        "funder": GROCER, "epoch": lot["epoch"], "into_epoch": lot["epoch"] + 1,
    }  # fmt: skip
    for changed in ({"reason": "goodwill"}, {"into_epoch": lot["epoch"]}):
        assert shop.post("operator", "/v1/adjustments", wish | changed).json["code"] == "malformed-field"
    half = {name: value for name, value in wish.items() if name != "epoch"}
    assert shop.post("operator", "/v1/adjustments", half).json["code"] == "malformed-field"
    second = shop.further_operator("second").token
    for expected in ("approved", "nothing-to-extend"):
        asked = shop.must("operator", "/v1/adjustments", wish | {"points": held["available"]})["adjustment"]
        answer = shop.post(second, f"/v1/adjustments/{asked}/decision", {"approve": True}).json
        assert answer.get("state", answer.get("code")) == expected
    (after,) = shop.get("auditor", f"/v1/members/{phone['number']}/balance").json["balances"]
    assert [one["epoch"] for one in after["lots"]] == [lot["epoch"] + 1]
