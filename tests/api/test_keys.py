"""API keys over HTTP: who may give what away, rotation, and the end that no key outlives."""

from __future__ import annotations

import threading
from typing import Any

from ledger_service.kernel.clock import parse_instant
from tests.api.service import GROCER, Shop, basket
from tests.api.test_administration import with_phone

SOON, LATER = "2017-03-01T13:00:00Z", "2017-03-01T14:00:00Z"


def issue(shop: Shop, who: str, role: str, subject: str, **more: Any) -> Any:
    return shop.post(who, "/v1/keys", {"role": role, "subject": subject, **more})


def narrow_key(shop: Shop, *scopes: str, **more: Any) -> dict[str, Any]:
    """A key of the grocer with these scopes only."""
    answer = issue(shop, "operator", "merchant", GROCER, scopes=list(scopes), **more)
    assert answer.status_code == 201
    return dict(answer.json)


def move_clock(shop: Shop, at: str) -> None:
    """The replay's clock, by which keys are judged, stands at the newest instant that it has seen."""
    shop.at = at
    assert shop.get("auditor", "/v1/chain/status").status_code == 200


def test_a_key_that_may_only_issue_keys_gives_nothing_that_it_lacks(shop: Shop) -> None:
    key = narrow_key(shop, "key:write", "quote")["token"]
    till = shop.keys["grocer-terminal"]
    for role, subject in (("merchant", GROCER), ("cashier", till)):
        refused = issue(shop, key, role, subject)
        assert (refused.status_code, refused.json["code"]) == (403, "grant-too-wide")
    refused = issue(shop, key, "cashier", till, scopes=["quote", "sell"])
    assert refused.json["params"] == {"part": "sell"}
    assert issue(shop, key, "cashier", till, scopes=["quote"]).status_code == 201


def test_a_narrow_key_does_not_rotate_its_way_to_a_wide_one(shop: Shop) -> None:
    narrow = narrow_key(shop, "key:write", "quote")
    keys = shop.get("grocer", f"/v1/keys?role=merchant&subject={GROCER}").json["keys"]
    wide = next(k for k in keys if "sell" in k["scopes"])
    refused = shop.post(narrow["token"], f"/v1/keys/{wide['key_id']}/rotate")
    assert (refused.status_code, refused.json["code"]) == (403, "grant-too-wide")
    assert shop.get("grocer", "/v1/stores").status_code == 200
    fresh = shop.must(narrow["token"], f"/v1/keys/{narrow['key_id']}/rotate")
    assert shop.get(fresh["token"], "/v1/stores").json["code"] == "scope-missing"


def test_a_key_with_an_end_gives_no_key_that_outlives_it(shop: Shop) -> None:
    key = narrow_key(shop, "key:write", "quote", expires_at=SOON)
    till = shop.keys["grocer-terminal"]
    longer = issue(shop, key["token"], "cashier", till, scopes=["quote"], expires_at=LATER)
    assert longer.json["params"] == {"part": "expires_at"}
    assert issue(shop, key["token"], "cashier", till, scopes=["quote"]).json["expires_at"] == SOON
    fresh = shop.must(key["token"], f"/v1/keys/{key['key_id']}/rotate")
    assert fresh["expires_at"] == SOON
    move_clock(shop, SOON)
    assert shop.post(fresh["token"], "/v1/quotes", basket()).json["code"] == "credentials-refused"


def test_a_rotated_key_keeps_its_end_whoever_rotates_it(shop: Shop) -> None:
    key = narrow_key(shop, "quote", expires_at=SOON)
    fresh = shop.must("operator", f"/v1/keys/{key['key_id']}/rotate", {"overlap_seconds": 86_400})
    assert fresh["expires_at"] == SOON
    move_clock(shop, SOON)
    for token in (key["token"], fresh["token"]):
        assert shop.post(token, "/v1/quotes", basket()).json["code"] == "credentials-refused"


def test_an_erased_members_keys_are_dead_at_once_and_none_is_issued_any_more(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    keys = [shop.key_for("member", number) for _ in range(2)]
    assert [shop.get(key, f"/v1/members/{number}/balance").status_code for key in keys] == [200, 200]
    shop.must("operator", f"/v1/members/{number}/erase")
    for key in keys:
        refused = shop.get(key, f"/v1/members/{number}/balance")
        assert (refused.status_code, refused.json["code"]) == (401, "credentials-refused")
    late = issue(shop, "operator", "member", number)
    assert (late.status_code, late.json["code"]) == (404, "member-unknown")


def test_a_key_asked_for_while_its_member_is_erased_is_not_issued(any_shop: Shop) -> None:
    shop, answers = any_shop, []
    number = with_phone(shop)["number"]
    asking = threading.Thread(target=lambda: answers.append(issue(shop, "operator", "member", number)))
    with shop.serving.foundations.database.begin() as conn:
        shop.serving.members.erase(conn, number, parse_instant(shop.at, "at"))
        asking.start()
        asking.join(0.3)
        assert answers == []
    asking.join()
    assert answers[0].json["code"] == "member-unknown"


def test_who_enrolled_a_member_is_not_told_its_account_again_after_the_erasure(shop: Shop) -> None:
    body = {"identities": [{"kind": "email", "value": "jane@example.com"}]}
    number = shop.must("grocer", "/v1/members", body, key="e")["number"]
    shop.must("operator", f"/v1/members/{number}/erase")
    again = shop.post("grocer", "/v1/members", body, key="e")
    assert (again.status_code, again.json["code"]) == (404, "member-unknown")
