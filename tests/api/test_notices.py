"""Notices of expiry over HTTP: set by the issuer, read by the member, paged."""

from __future__ import annotations

from datetime import timedelta

from ledger_service.kernel.clock import format_instant, parse_instant
from tests.api.service import GROCER_STORE, Shop, basket
from tests.api.test_administration import with_phone
from tests.api.test_pages import all_pages


def test_the_issuer_sets_the_days_and_the_member_reads_its_own_notices(any_shop: Shop) -> None:
    shop = any_shop
    listed = shop.get("auditor", "/v1/programmes").json["programmes"]
    assert listed[0]["notice_days"] == [60, 30, 7]
    path = "/v1/programmes/GROC/notices"
    assert shop.post("fuel", path, {"notice_days": [1]}).json["code"] == "not-yours"
    assert shop.post("grocer", path, {"notice_days": [0]}).json["code"] == "malformed-field"
    assert shop.post("operator", "/v1/programmes/NONE/notices", {"notice_days": []}).json["code"] == (
        "programme-unknown"
    )
    assert shop.must("grocer", path, {"notice_days": [7, 45, 7]})["notice_days"] == [45, 7]
    number, other = (with_phone(shop)["number"], shop.must("grocer", "/v1/members", {})["number"])
    shop.must("grocer-till", "/v1/sales", basket(GROCER_STORE, member={"number": number}))
    lot = shop.get("auditor", f"/v1/members/{number}/balance").json["balances"][0]["lots"][0]
    end = parse_instant(lot["expires_at"], "end")
    points = shop.serving.points
    for days in (40, 3):
        while points.write_notices(end - timedelta(days=days)):
            pass
    own = shop.key_for("member", number)
    notices = all_pages(shop, own, f"/v1/members/{number}/notices", "notices", 2)
    last_day = (end - timedelta(hours=12)).date().isoformat()
    assert [(n["days_before"], n["points"], n["last_day"]) for n in notices] == [
        (7, 100, last_day), (45, 100, last_day),
    ]  # fmt: skip
    assert notices[1]["noticed_at"] == format_instant(end - timedelta(days=40))
    assert shop.get(own, f"/v1/members/{other}/notices").json["code"] == "not-yours"
