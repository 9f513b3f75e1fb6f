"""Touch points over HTTP: rotas of live codes, who looks after whom, hand-overs."""

from __future__ import annotations

from tests.api.service import GROCER, Shop
from tests.api.test_pages import all_pages
from tests.api.test_sharing import code_of, live, newcomer, touch

ROTA = {"staff": ["ann", "bob"], "every_minutes": 60, "begins_at": "2017-03-01T12:00:00Z"}


def live_code(shop: Shop) -> tuple[str, str]:
    """A live code at the door that goes round ann and bob by the hour from noon on, and its path."""
    live(shop)
    till = {"campaign": "SPRING", "place": "door", "cashier": "zoe"}
    code = shop.must("grocer", "/v1/share/live-codes", till)["code"]
    path = f"/v1/share/live-codes/{code}"
    shop.must("grocer", f"{path}/rotas", ROTA)
    return code, path


def test_a_live_code_goes_round_the_staff_by_a_rota_that_was_told_before(any_shop: Shop) -> None:
    shop = any_shop
    code, path = live_code(shop)
    late = ROTA | {"begins_at": "2017-03-01T11:00:00Z"}
    assert code_of(shop.post("grocer", f"{path}/rotas", late)) == (422, "share-rota-refused")
    assert code_of(shop.post("fuel", f"{path}/rotas", ROTA)) == (404, "share-link-unknown")
    shifts = shop.get("grocer-till", f"{path}/shifts?at=2017-03-01T13:30:00Z").json
    assert (shifts["on_duty"], shifts["shifts"][1]["cashier"], len(shifts["shifts"])) == ("bob", "ann", 24)
    assert shop.get("grocer", f"{path}/shifts?at=2017-03-01T11:59:00Z").json["on_duty"] is None
    assert [one["staff"] for one in all_pages(shop, "auditor", f"{path}/rotas", "rotas")] == [["ann", "bob"]]
    assert shop.get("", f"/v1/share/links/{code}/offer").json["staff"] == "ann"
    nowhere = shop.get("grocer", f"/v1/share/live-codes/{'0' * 12}/shifts")
    assert code_of(nowhere) == (404, "share-link-unknown")


def test_who_comes_by_a_live_code_is_assigned_and_members_change_hands_on_record(shop: Shop) -> None:
    code, _ = live_code(shop)
    key, number = newcomer(shop, code)
    other = shop.must("grocer", "/v1/members", {
        "custody": "custodial", "touch": touch(shop, code, 2).json["touch"],
    })["number"]  # fmt: skip
    mine = all_pages(shop, "grocer", "/v1/share/assignments", "assignments")
    assert [(one["member"], one["cashier"], one["place"]) for one in mine] == [
        (number, "ann", "door"), (other, "bob", "door"),
    ]  # fmt: skip
    assert shop.get("fuel", "/v1/share/assignments").json["assignments"] == []
    over = {"merchant": GROCER, "from": "ann", "to": "bob", "reason": "on leave", "members": [number]}
    assert code_of(shop.post("fuel", "/v1/share/hand-overs", over)) == (403, "not-yours")
    wrong = over | {"members": [number, other]}
    assert code_of(shop.post("grocer", "/v1/share/hand-overs", wrong)) == (409, "share-not-assigned")
    moved = shop.must("grocer", "/v1/share/hand-overs", over, key="h")
    assert moved == shop.must("grocer", "/v1/share/hand-overs", over, key="h") == {"moved": 1, "more": False}
    back = {"merchant": GROCER, "from": "bob", "to": "cid", "reason": "left us"}
    assert shop.must("operator", "/v1/share/hand-overs", back)["moved"] == 2
    seen = all_pages(shop, key, f"/v1/members/{number}/staff", "events")
    assert [(one["kind"], one["before"], one["cashier"], one["reason"]) for one in seen] == [
        ("assigned", None, "ann", ""), ("handed-over", "ann", "bob", "on leave"),
        ("handed-over", "bob", "cid", "left us"),
    ]  # fmt: skip
    assert shop.get("fuel", f"/v1/members/{number}/staff").json["events"] == []
    assert code_of(shop.get(key, f"/v1/members/{other}/staff")) == (403, "not-yours")
    shop.must("operator", f"/v1/members/{number}/erase")
    assert len(shop.get("grocer", "/v1/share/assignments").json["assignments"]) == 1
