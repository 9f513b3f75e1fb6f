"""Named queries and subscriptions of EPCIS 2.0: what one may see, brought once, in order, signed."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from ledger_service.webhooks.ports import Answer
from ledger_service.webhooks.subscriptions.courier import ReportCourier
from ledger_service.webhooks.subscriptions.service import TokenSafe
from tests.api.service import NOON, Shop
from tests.api.test_epcis import ITEM, document, event, events_of, problem

BASE, DEST = "/epcis/queries", "https://partner.example.com/epcis"
STORING = {"name": "storing", "query": {"EQ_bizStep": ["storing", "shipping"], "eventType": ["ObjectEvent"]}}
STREAM = {"dest": DEST, "stream": True, "signatureToken": "tok"}


class Partner:
    """A subscriber: what came, and what it says."""

    def __init__(self) -> None:
        self.status: int | None = 204
        self.came: list[tuple[Mapping[str, str], bytes]] = []
        self.tries: list[int] = []

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        assert url == DEST
        self.tries.append(len(self.events(body)))
        if self.status == 204:
            self.came.append((headers, body))
        return Answer(self.status)

    @staticmethod
    def events(body: bytes) -> list[Any]:
        results = json.loads(body)["epcisBody"]["queryResults"]
        return list(results["resultsBody"]["eventList"])

    def seconds(self) -> list[list[str]]:
        """Of each message the last digits of its events' times."""
        return [[e["eventTime"][17:19] for e in self.events(body)] for _, body in self.came]


class Clock:
    """An instant that a test moves."""

    at = NOON + timedelta(days=1)

    def now(self) -> Any:
        return self.at

    def later(self, **by: float) -> None:
        self.at += timedelta(**by)


class Reports:
    """The bridge's job over a shop, and the partner."""

    def __init__(self, shop: Shop) -> None:
        self.partner, self.clock = Partner(), Clock()
        master = hmac.digest(shop.serving.secrets.one_time, b"alliance webhooks v1", sha256)
        database = shop.serving.foundations.database
        self.courier = ReportCourier(database, self.partner, self.clock, TokenSafe(master))

    def run(self) -> None:
        while self.courier.step():
            self.courier.finish()
        self.courier.close()


def capture(shop: Shop, who: str, *numbers: int, **parts: Any) -> None:
    assert shop.post(who, "/epcis/capture", document(*(event(n, **parts) for n in numbers))).json["success"]


def subscribed(shop: Shop, who: str = "grocer", query: Any = STORING, **terms: Any) -> str:
    assert shop.post(who, BASE, query).status_code == 201
    made = shop.post(who, f"{BASE}/{query['name']}/subscriptions", terms or STREAM)
    assert made.status_code == 201, made.json
    return str(made.headers["Location"])


def test_a_named_query_is_defined_asked_and_deleted(any_shop: Shop) -> None:
    shop = any_shop
    made = shop.post("grocer", BASE, STORING)
    assert (made.status_code, made.headers["Location"], made.json) == (201, f"{BASE}/storing", STORING)
    assert problem(shop.post("grocer", BASE, STORING)) == (
        409, "ResourceAlreadyExistsException", "query-name-taken")  # fmt: skip
    capture(shop, "grocer", 1, 2, 3)
    capture(shop, "fuel", 4)
    capture(shop, "grocer", 5, bizStep="packing")
    first = shop.get("grocer", f"{BASE}/storing/events?perPage=2")
    assert first.json["epcisBody"]["queryResults"]["queryName"] == "storing"
    link = first.headers["Link"]
    rest = events_of(shop.get("grocer", f"{BASE}/storing/events{link[1 : link.index('>')]}"))
    assert [e["eventTime"][17:19] for e in events_of(first) + rest] == ["03", "02", "01"]
    shop.post("grocer", BASE, {"name": "two", "query": {"orderBy": "eventTime", "eventCountLimit": 2}})
    few = shop.get("grocer", f"{BASE}/two/events?perPage=1")
    after = shop.get("grocer", f"{BASE}/two/events{few.headers['Link'].partition('>')[0][1:]}")
    assert (len(events_of(few)), len(events_of(after)), "Link" in after.headers) == (1, 1, False)
    assert [one["name"] for one in shop.get("grocer", BASE).json] == ["storing", "two"]
    assert "nextPageToken" in shop.get("grocer", f"{BASE}?perPage=1").headers["Link"]
    # Somebody else's names are none of one's own.
    assert shop.get("fuel", BASE).json == []
    assert problem(shop.get("fuel", f"{BASE}/storing")) == (404, "NoSuchNameException", "query-unknown")
    assert problem(shop.get("fuel", f"{BASE}/storing/events"))[0] == 404
    assert problem(shop.delete("fuel", f"{BASE}/storing"))[2] == "query-unknown"
    assert shop.delete("grocer", f"{BASE}/storing").status_code == 204
    assert problem(shop.get("grocer", f"{BASE}/storing"))[2] == "query-unknown"


def test_what_is_no_query(shop: Shop) -> None:
    for wrong in ({"name": "a/b"}, {"name": ""}, {"name": 1}, {"query": []}, {"query": {"EQ_unknown": "1"}},
                  {"query": {"GE_eventTime": "yesterday"}}, {"query": {"EQ_bizStep": []}},
                  {"query": {"EQ_bizStep": ["a|b"]}}, {"query": {"eventType": {"a": 1}}}):  # fmt: skip
        refused = problem(shop.post("grocer", BASE, {**STORING, **wrong}))
        assert refused[:2] == (400, "QueryValidationException"), wrong
    for number in range(100):
        assert shop.post("grocer", BASE, {**STORING, "name": f"q{number}"}).status_code == 201
    assert problem(shop.post("grocer", BASE, STORING))[2] == "query-limit-reached"


def test_a_stream_brings_each_event_once_in_order_and_signed(any_shop: Shop) -> None:
    shop, capture_of = any_shop, lambda *n, who="grocer": capture(any_shop, who, *n)
    capture_of(1)
    path = subscribed(shop)
    # A retry finds the one that there is; other terms for the same address are refused.
    again = shop.post("grocer", f"{BASE}/storing/subscriptions", STREAM)
    assert again.headers["Location"] == path
    other = shop.post("grocer", f"{BASE}/storing/subscriptions", {**STREAM, "signatureToken": "x"})
    assert problem(other) == (409, "ResourceAlreadyExistsException", "subscription-known")
    reports = Reports(shop)
    capture_of(2, 3)
    capture_of(4, who="fuel")
    reports.run()
    assert reports.partner.seconds() == [["02", "03"]]
    headers, body = reports.partner.came[0]
    assert headers["GS1-Signature"] == "sha256=" + hmac.digest(b"tok", body, "sha256").hex()
    assert headers["webhook-signature"].startswith("v1,")
    results = json.loads(body)["epcisBody"]["queryResults"]
    assert (results["queryName"], results["subscriptionID"]) == ("storing", path.rpartition("/")[2])
    reports.run()
    reports.courier.safe, right = TokenSafe(b"x" * 32), reports.courier.safe
    capture_of(5)
    reports.run()
    assert (len(reports.partner.tries), shop.get("grocer", path).json["lastError"]) == (1, "token")
    reports.courier.safe = right
    reports.clock.later(seconds=6)
    reports.run()
    assert reports.partner.seconds()[1:] == [["05"]]
    shown = shop.get("grocer", path).json
    assert (shown["stream"], shown["state"], "lastNotifiedAt" in shown) == (True, "active", True)
    assert "tok" not in json.dumps(shown)
    assert [one["subscriptionID"] for one in shop.get("grocer", path.rpartition("/")[0]).json] == [
        shown["subscriptionID"]]  # fmt: skip
    assert problem(shop.get("fuel", path)) == (404, "NoSuchNameException", "subscription-unknown")
    assert problem(shop.delete("fuel", path))[2] == "subscription-unknown"
    assert problem(shop.get("grocer", path + "x"))[2] == "subscription-unknown"
    assert shop.delete("grocer", path).status_code == 204
    capture_of(6)
    reports.run()
    assert len(reports.partner.came) == 2


def test_who_is_away_gets_what_waited_and_who_is_gone_nothing(shop: Shop) -> None:
    path, reports = subscribed(shop), Reports(shop)
    partner, clock = reports.partner, reports.clock
    capture(shop, "grocer", 1, 2, 3, 4)
    partner.status = 503
    reports.run()
    reports.run()
    assert (partner.tries, shop.get("grocer", path).json["lastError"]) == ([4], "503")
    clock.later(seconds=6)
    # Too large for it: it gets smaller ones until it takes them.
    partner.status = 413
    for _ in range(6):
        reports.run()
        clock.later(seconds=6)
    assert partner.tries[-3:] == [4, 4, 3]
    partner.status = 204
    reports.run()
    assert [second for message in partner.seconds() for second in message] == ["01", "02", "03", "04"]
    # Somebody who takes nothing for a week loses what was tried, and no more.
    capture(shop, "grocer", 5)
    partner.status = 400
    reports.run()
    clock.later(days=8)
    reports.run()
    partner.status = 204
    capture(shop, "grocer", 6)
    clock.later(days=1)
    reports.run()
    assert partner.seconds()[-1] == ["06"]
    partner.status = 410
    capture(shop, "grocer", 7)
    reports.run()
    assert shop.get("grocer", path).json["state"] == "gone"
    partner.status = 204
    clock.later(days=1)
    reports.run()
    assert partner.seconds()[-1] == ["06"]


def test_a_schedule_reports_at_its_times_and_if_it_likes_of_nothing(shop: Shop) -> None:
    capture(shop, "grocer", 1)
    subscribed(shop, dest=DEST, schedule={"hour": "18"}, reportIfEmpty=True)
    reports = Reports(shop)
    reports.clock.at = NOON
    capture(shop, "grocer", 2)
    reports.run()
    assert reports.partner.came == []
    reports.clock.later(hours=7)
    reports.run()
    capture(shop, "grocer", 3)
    reports.run()
    assert reports.partner.seconds() == [["02"]]
    assert not {"webhook-signature", "GS1-Signature"} & reports.partner.came[0][0].keys()
    reports.clock.later(days=1)
    reports.run()
    reports.clock.later(days=1)
    reports.run()
    assert reports.partner.seconds() == [["02"], ["03"], []]


def test_one_is_told_what_one_may_ask_and_while_one_may(shop: Shop) -> None:
    capture(shop, "fuel", 1)
    everything, one = {"name": "all", "query": {}}, {"name": "one", "query": {"MATCH_epc": [ITEM.format(1)]}}
    since = {"dest": DEST, "stream": True, "initialRecordTime": "2017-01-01T00:00:00Z"}
    for who, query in (("grocer", everything), ("grocer", one), ("auditor", everything)):
        subscribed(shop, who, query, **since)
    reports = Reports(shop)
    capture(shop, "fuel", 2, 3)
    reports.run()
    # Of the fuel merchant's events the grocer hears those of the item that it named; the auditor hears all.
    told = {(r["queryName"], len(r["resultsBody"]["eventList"])) for r in (
        json.loads(body)["epcisBody"]["queryResults"] for _, body in reports.partner.came)}  # fmt: skip
    assert told == {("one", 2), ("all", 3)}
    key = shop.keys["auditor"].split("_")[1]
    shop.must("operator", f"/v1/keys/{key}/revoke", {})
    capture(shop, "fuel", 4)
    reports.run()
    assert len(reports.partner.came) == 2


def test_what_is_no_subscription(shop: Shop) -> None:
    shop.post("grocer", BASE, STORING)
    path = f"{BASE}/storing/subscriptions"
    for wrong in ({"stream": False}, {"schedule": {"hour": "1"}}, {"stream": False, "schedule": {}},
                  {"stream": False, "schedule": {"month": "2", "dayOfMonth": "30"}}, {"reportIfEmpty": True},
                  {"initialRecordTime": "now"}, {"trigger": "x"}):  # fmt: skip
        refused = problem(shop.post("grocer", path, {**STREAM, **wrong}))
        assert refused[:2] == (400, "SubscriptionControlsException"), wrong
    for address in ("http://partner.example.com/", "https://10.0.0.1/", "https://localhost/"):
        refused = problem(shop.post("grocer", path, {**STREAM, "dest": address}))
        assert refused[::2] == (422, "webhook-address-refused")
    assert problem(shop.post("grocer", f"{BASE}/none/subscriptions", STREAM))[2] == "query-unknown"
    assert problem(shop.get("grocer", f"{BASE}/none/subscriptions"))[2] == "query-unknown"
    shop.post("grocer", BASE, {"name": "few", "query": {"orderBy": "eventTime", "eventCountLimit": 3}})
    assert problem(shop.post("grocer", f"{BASE}/few/subscriptions", STREAM))[2] == "subscription-unfit"
    for number in range(20):
        assert shop.post("grocer", path, {**STREAM, "dest": f"{DEST}/{number}"}).status_code == 201
    assert problem(shop.post("grocer", path, STREAM))[2] == "subscription-limit-reached"
