"""The network of a campaign over HTTP: measured by a command and drawn for whom it concerns."""

from __future__ import annotations

from ledger_service.kernel.clock import parse_instant
from ledger_service.referrals.network.report import ENROLLED, PURCHASE
from ledger_service.referrals.network.service import keep, measured
from tests.api.service import GROCER, Shop, basket
from tests.api.test_sharing import BASE, code_of, job, live, newcomer, sharer


def test_a_network_is_measured_by_a_command_and_drawn_for_whom_it_concerns(any_shop: Shop) -> None:
    shop = any_shop
    live(shop)
    key, code, own = sharer(shop)
    friend, number = newcomer(shop, code)
    shop.at = "2017-03-01T14:00:00Z"
    shop.must("grocer-till", "/v1/sales", basket() | {"member": {"number": number}})
    job(shop)
    path = f"{BASE}/SPRING/network"
    assert code_of(shop.get("grocer", path)) == (404, "share-network-unmeasured")
    at, database = parse_instant(shop.at, "at"), shop.serving.foundations.database
    for _ in range(2):
        with database.begin() as conn:
            keep(conn, "SPRING", at, measured(conn, "SPRING", at))
    report = shop.get("grocer", path).json
    assert (report["members"], report["ties"], report["levels"]) == (2, 1, [1, 1])
    assert report["deepest"] == [own, number]
    assert [(one["member"], one["value"]) for one in report["strength"]] == [(own, ENROLLED + PURCHASE)]
    assert report["influence"][0]["member"] == own
    assert code_of(shop.get("fuel", path)) == (404, "share-campaign-unknown")
    drawn = shop.get("auditor", f"{BASE}/SPRING/spread")
    assert (drawn.mimetype, drawn.data.count(b"<circle")) == ("image/svg+xml", 3)
    shop.must("grocer", f"/v1/members/{own}/tags", {"merchant": GROCER, "tag": "vip", "on": True})
    for fact, size in (("friends", 1), ("friends_of_friends", 0)):
        rule = {"merchant": GROCER, "rule": {"fact": fact, "at_least": 1}}
        assert shop.post("grocer", "/v1/segments/dry-run", rule).json["size"] == size
    by_place = shop.get("grocer", f"{BASE}/SPRING/spread?by=place")
    assert b"elsewhere 1" in by_place.data
    tree = f"/v1/members/{own}/share-tree"
    assert shop.get(key, tree).data.count(b"<path") == 1
    assert code_of(shop.get(friend, tree)) == (403, "not-yours")
    assert number.encode() not in shop.get(key, tree).data
    shop.must("operator", f"/v1/members/{number}/erase")
    assert shop.get("grocer", path).json["deepest"] == [own, None]
