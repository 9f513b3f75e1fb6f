"""Spend over time gives a coupon, by the jobs of the bridge, and the member sees why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ledger_service.bootstrap.jobs import open_jobs
from ledger_service.kernel.clock import parse_instant
from tests.api.service import FUEL_STORE, GROCER_STORE, Shop, basket
from tests.api.test_coupon_definitions import OWN, live
from tests.api.test_coupons import person
from tests.api.test_pages import all_pages


@dataclass
class ShopClock:
    """The shop's time, for jobs."""

    shop: Shop

    def now(self) -> datetime:
        return parse_instant(self.shop.at, "at")


def test_spend_over_time_gives_a_coupon_and_a_return_takes_it_back(shop: Shop) -> None:
    reward = {"type": "Reward", "spend_minor": 5_000, "days": 30, "minor": 500}
    wallet = person(shop, "anna")
    base, member = wallet.removesuffix("/coupons"), {"number": shop.keys["anna-number"]}
    definition = live(shop, {"benefit": reward, "funders": OWN}, "collect")
    shop.serving.wallets.offers.catalogue.refresh()
    jobs = open_jobs(shop.serving.foundations, shop.serving.secrets)
    add_up = replace(jobs, clock=ShopClock(shop)).steps()["spend-rewards"]
    assert add_up() is False
    shop.at = "2017-03-20T12:00:00Z"
    for amount in (3_000, 2_500):
        sold = shop.must("grocer-till", "/v1/sales", basket(GROCER_STORE, amount, member=member))
    shop.must("fuel-till", "/v1/sales", basket(FUEL_STORE, 9_000, member=member))
    add_up()
    (receipt, other) = all_pages(shop, "anna", f"{base}/spend-receipts", "receipts", 1)
    (granted,) = all_pages(shop, "operator", f"{base}/spend-rewards", "rewards", 1)
    assert {receipt["reward"], other["reward"]} == {granted["coupon"]}
    assert receipt["counts_minor"] + other["counts_minor"] == 5_500
    assert (granted["definition"], granted["state"], granted["ended_at"]) == (definition, "granted", None)
    assert [one["coupon"] for one in shop.get("anna", wallet).json["coupons"]] == [granted["coupon"]]
    shop.must("grocer-till", f"/v1/sales/{sold['sale_id']}/refunds", {"reference": "back"})
    add_up()
    jobs.close()
    assert [one["state"] for one in shop.get("anna", wallet).json["coupons"]] == ["void"]
    (taken,) = shop.get("anna", f"{base}/spend-rewards").json["rewards"]
    assert (taken["state"], taken["used_minor"], taken["debt_points"]) == ("taken", 0, 0)
