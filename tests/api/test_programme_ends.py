"""The end of a programme over HTTP: announced once with notice, told to members, for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from ledger_service.db.models import alliance
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.events import EndAnnounced
from ledger_service.points.conversion.service import note
from ledger_service.points.models import pending_issue
from tests.api.service import TERMS, Shop, basket
from tests.api.test_administration import with_phone

PATH = "/v1/programmes/GROC/end"
UNTIL, ENDS = "2017-04-01T00:00:00Z", "2017-06-01T00:00:00Z"
END = {"target": "FUEL", "issues_until": UNTIL, "ends_at": ENDS, "spread_bps": 200}


def second(text: str) -> int:
    return seconds_floor(parse_instant(text, "at"))


def told(shop: Shop, source: int = 1, target: int = 2, until: str = UNTIL, ends: str = ENDS) -> None:
    """What the index would tell."""
    words = (200, 2, 10_000, 0, 12, second(shop.at))
    with shop.serving.foundations.database.begin() as conn:
        note(conn, [EndAnnounced(source, target, second(until), second(ends), *words)])
    shop.serving.catalogue.refresh()


def test_an_end_is_announced_once_and_nothing_changes_after_it(any_shop: Shop) -> None:
    shop = any_shop
    made = shop.must("operator", PATH, END, key="once")
    assert made == {"programme": "GROC", **END}
    acts = len(shop.registry.acts)
    assert shop.must("operator", PATH, END, key="once") == made
    told(shop)
    assert shop.must("operator", PATH, END) == made  # asked again after a lost answer, by another key
    assert len(shop.registry.acts) == acts
    for other in ({"ends_at": "2017-07-01T00:00:00Z"}, {"spread_bps": 0}):
        assert shop.post("operator", PATH, END | other).json["code"] == "programme-ends"
    terms = {"effective_from": "2017-08-01T00:00:00Z", **TERMS}
    assert shop.post("operator", "/v1/programmes/GROC/terms", terms).json["code"] == "programme-ends"
    known = shop.get("grocer-till", "/v1/programmes").json["programmes"]
    assert known[0]["end"] == {
        "issues_until": UNTIL, "ends_at": ENDS, "converts_into": 2, "spread_bps": 200,
    }  # fmt: skip
    assert (known[1]["end"], len(known[0]["terms"])) == (None, 1)


@pytest.mark.parametrize(
    ("change", "status", "code", "reason"),
    [
        ({"target": "GROC"}, 422, "programme-end-invalid", "same-programme"),
        ({"target": "NONE"}, 404, "programme-unknown", None),
        ({"issues_until": "2017-06-01T00:00:01Z"}, 422, "programme-end-invalid", "issues-outlast"),
        (
            {"ends_at": "2017-03-31T11:59:59Z", "issues_until": "2017-03-20T00:00:00Z"},
            422,
            "notice-too-short",
            None,
        ),
        ({"issues_until": "2017-03-09T11:59:59Z"}, 422, "notice-too-short", None),
        ({"spread_bps": 10_000}, 400, "malformed-field", None),
    ],
)
def test_an_end_that_cannot_be_is_refused_before_the_chain_hears_of_it(
    shop: Shop, change: dict[str, Any], status: int, code: str, reason: str | None
) -> None:
    acts = list(shop.registry.acts)
    answer = shop.post("operator", PATH, END | change)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    if reason is not None:
        assert answer.json["params"]["reason"] == reason
    assert shop.registry.acts == acts


def test_an_end_breaks_no_promise_and_leaves_nobody_behind(shop: Shop) -> None:
    later = {"effective_from": "2017-05-01T00:00:00Z", **TERMS}
    shop.must("operator", "/v1/programmes/GROC/terms", later)
    assert shop.post("operator", PATH, END).json["params"]["reason"] == "terms-follow"
    member = with_phone(shop)
    number = shop.serving.catalogue.refresh().by_code["FUEL"].programme_id
    found = int(member["number"][-1])
    assert found >= 0
    waiting = {
        "op_id": bytes(16), "member_id": 1, "programme_id": number, "epoch": 5, "amount": 1, "left": 1,
        "vests_at": parse_instant(UNTIL, "at") + timedelta(days=1), "sale_id": bytes(16), "rule_version": 1,
    }  # fmt: skip
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(pending_issue).values(waiting))
    path, end = "/v1/programmes/FUEL/end", END | {"target": "GROC"}
    assert shop.post("operator", path, end).json["params"]["reason"] == "promises-outlast"
    told(shop)
    assert shop.post("operator", path, end).json["params"]["reason"] == "target-ends"
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(alliance).values(converts=False))


def test_an_older_registry_takes_no_end_and_only_the_operator_announces_one(shop: Shop) -> None:
    for who in ("grocer", "grocer-till", "auditor"):
        assert shop.post(who, PATH, END).status_code == 403
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(alliance).values(converts=False))
    assert shop.post("operator", PATH, END).json["code"] == "registry-too-old"


def test_a_member_reads_that_the_programme_ends_and_what_its_points_become(shop: Shop) -> None:
    member = with_phone(shop)
    shop.must("grocer-till", "/v1/sales", basket(member={"number": member["number"]}))
    told(shop)
    while shop.serving.points.write_notices(parse_instant(shop.at, "at")):
        pass
    own = shop.key_for("member", member["number"])
    notices = shop.get(own, f"/v1/members/{member['number']}/notices").json["notices"]
    ends = [n for n in notices if n["epoch"] == 0]
    assert [(n["programme"], n["converts_into"], n["points"]) for n in ends] == [("GROC", "FUEL", 100)]
