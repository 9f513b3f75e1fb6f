"""The liability report over HTTP: whose it is, as of which day, and what is refused."""

from __future__ import annotations

import pytest

from ledger_service.bootstrap.liabilities import liability_document
from ledger_service.kernel.clock import parse_instant
from tests.api.service import GROCER, Shop, basket, programme_body
from tests.api.test_administration import with_phone

PATH = "/v1/settlement/liabilities/GROC"


def sold(shop: Shop) -> None:
    shop.must("grocer-till", "/v1/sales", basket(member={"number": with_phone(shop)["number"]}))


def test_an_issuer_reads_what_the_command_prints(any_shop: Shop) -> None:
    sold(any_shop)
    told = any_shop.get("grocer", PATH).json
    assert told["outstanding"] > 0
    assert told["as_of"] == any_shop.at[:10]
    day = parse_instant(any_shop.at, "at").date()
    with any_shop.serving.foundations.database.snapshot() as conn:
        assert told == liability_document(conn, "GROC", day)
    for who in ("operator", "auditor"):
        assert any_shop.get(who, f"{PATH}?as_of={day}").json == told
    file = any_shop.get("grocer", f"{PATH}/csv")
    assert f"liability-GROC-{day}.csv" in file.headers["Content-Disposition"]
    assert f"GROC,total,{day},outstanding,{told['outstanding']}" in file.text
    assert any_shop.get("grocer", f"{PATH}?as_of=2016-12-31").json["outstanding"] == 0


ISSUER = f"/v1/settlement/issuers/{GROCER}/liability"


def test_an_issuer_s_programmes_are_summed_and_each_told(shop: Shop) -> None:
    sold(shop)
    told = shop.get("grocer", PATH).json
    assert shop.get("grocer", ISSUER).json["programmes"] == [told]
    shop.must("operator", "/v1/programmes", {**programme_body("TEA", GROCER), "name": "茶點"})
    summed = shop.get("operator", f"{ISSUER}?as_of=2017-04-30").json
    assert [one["programme"] for one in summed["programmes"]] == ["GROC", "TEA"]
    assert summed["outstanding"] == told["outstanding"] == sum(p["outstanding"] for p in summed["programmes"])
    for month in summed["revenue"]:
        parts = [one for p in summed["programmes"] for one in p["revenue"] if one["month"] == month["month"]]
        for name in ("opening", "deferred", "redemption", "closing"):
            assert month[name] == sum(one[name] for one in parts)
    assert shop.get("fuel", ISSUER).json["code"] == "not-yours"
    assert shop.get("grocer-till", ISSUER).json["code"] == "scope-missing"
    assert shop.get("grocer", f"{ISSUER}?as_of=soon").json["code"] == "malformed-field"


@pytest.mark.parametrize("path", [PATH, f"{PATH}/csv"])
def test_reports_of_others_of_no_programme_and_of_no_day_are_refused(shop: Shop, path: str) -> None:
    assert shop.get("fuel", path).json["code"] == "not-yours"
    assert shop.get("grocer-till", path).json["code"] == "scope-missing"
    assert shop.get("operator", path.replace("GROC", "NONE")).json["code"] == "programme-unknown"
    for day in ("2017-02-30", "1999-12-31", "soon"):
        assert shop.get("grocer", f"{path}?as_of={day}").json["code"] == "malformed-field"
