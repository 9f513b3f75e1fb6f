"""What a till, a member and an auditor are told of what has moved into an archive, over HTTP."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from sqlalchemy import text

from ledger_service.archive.room import Room
from ledger_service.archive.service import archive
from ledger_service.kernel.clock import parse_instant
from tests.api.service import GROCER, Shop, basket
from tests.api.test_checkout import member

BEFORE = "2017-04-01T00:00:00Z"
SUMMER = "2017-07-01T12:00:00Z"


class Summer:
    def now(self) -> datetime:
        return parse_instant(SUMMER, "now")


@pytest.fixture
def archived(shop: Shop) -> tuple[str, str]:
    """A sale in March under the key ``march``, archived in July; the member's number and the sale's id.

    The replay's clock stands in March all the while: what is archived does not depend on who asks when.
    """
    shop.must("grocer", f"/v1/merchants/{GROCER}/return-policy", {"within_days": 30})
    number = str(member(shop)["number"])
    sale = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}), key="march")["sale_id"]
    shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    database = shop.serving.foundations.database
    with database.begin() as conn:
        conn.execute(text("UPDATE intent SET state = 'final', batch_number = 1, batch_index = intent_id"))
    folder = shop.serving.foundations.settings.state_dir / "archive"
    room = Room(database, Summer(), folder, lambda _conn, batches: frozenset(batches))
    done = archive(room, parse_instant(BEFORE, "before"), lambda _what, _moved: None)
    assert (done.entries, done.sales) == (1, 2)
    time.sleep(1.1)  # a till looks for newer rules once a second
    return number, str(sale)


def test_an_old_key_is_told_where_its_answer_stands_and_books_nothing(
    shop: Shop, archived: tuple[str, str]
) -> None:
    number, _ = archived
    again = shop.post("grocer-till", "/v1/sales", basket(member={"number": number}), key="march")
    assert (again.status_code, again.json["code"]) == (410, "answer-archived")
    assert again.json["params"]["archive"].startswith("archive-000001.jsonl.gz#")
    other = shop.post("grocer-till", "/v1/sales", basket(amount=1), key="march")
    assert other.json["code"] == "idempotency-key-reused"


def test_an_old_sale_is_neither_shown_nor_taken_back_and_named(shop: Shop, archived: tuple[str, str]) -> None:
    _, sale = archived
    for answer in (
        shop.get("grocer-till", f"/v1/sales/{sale}"),
        shop.post("grocer-till", f"/v1/sales/{sale}/refunds", {"reference": "back"}),
        shop.post("grocer-till", f"/v1/sales/{sale}/events", {"event": "stayed"}),
    ):
        assert (answer.status_code, answer.json["code"]) == (410, "sale-archived")
        assert answer.json["params"]["archive"].startswith("archive-000001.jsonl.gz#")
    assert shop.get("fuel-till", f"/v1/sales/{sale}").json["code"] == "unknown-sale"


def test_a_statement_says_where_it_ends_and_a_balance_of_then_is_refused(
    shop: Shop, archived: tuple[str, str]
) -> None:
    number, _ = archived
    page = shop.get("auditor", f"/v1/members/{number}/entries").json
    assert (page["archived"], [one["sequence"] for one in page["entries"]]) == (1, [2])
    now = shop.get("auditor", f"/v1/members/{number}/balance?as_of={SUMMER}").json
    assert now["balances"][0]["available"] == 200
    then = shop.get("auditor", f"/v1/members/{number}/balance?as_of=2017-02-28T00:00:00Z")
    assert (then.status_code, then.json["code"]) == (410, "history-archived")
    assert then.json["params"]["file"] == "archive-000001.jsonl.gz"


def test_points_of_months_that_are_all_archived_are_none(shop: Shop, archived: tuple[str, str]) -> None:
    number, _ = archived
    path = f"/v1/members/{number}/past-points"
    assert [one["points"] for one in shop.get("auditor", path).json["past"]][-1:] == [200]
    shop.at = "2017-02-28T00:00:00Z"
    assert shop.get("auditor", path).json["past"] == []
