"""How far an import is, and whose card it is, over HTTP."""

from __future__ import annotations

from pathlib import Path

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.custody.local import LocalCustody
from ledger_service.members.enrolment import EnrolmentDesk, Register
from ledger_service.members.identities import IdentityVault
from ledger_service.moving_in.room import Room
from ledger_service.moving_in.service import MovingIn
from tests.api.service import GROCER_STORE, Shop, basket
from tests.integration.checkout.shop import DOMAIN, StandingClock
from tests.integration.moving_in.office import old_programme, write_folder


def moved_in(shop: Shop, folder: Path) -> MovingIn:
    """The room beside the service, with the service's own secret of identities."""
    parts = shop.serving.foundations
    assert isinstance(parts.custody, LocalCustody)
    vault = IdentityVault(parts.custody.service_secret("identity"))
    desk = EnrolmentDesk(SystemRandom(), vault, parts.custody, DOMAIN)
    return MovingIn(Room(parts.database, StandingClock(), desk, Register("9520001", bytes(32))))


def test_a_tills_scan_of_an_old_card_finds_the_member(any_shop: Shop, tmp_path: Path) -> None:
    shop = any_shop
    tables = {kind: old_programme()[kind] for kind in ("members", "cards")}
    room, folder = moved_in(shop, tmp_path), write_folder(tmp_path / "first", tables)
    assert shop.get("operator", "/v1/imports").json == {"imports": []}
    room.check(folder)
    room.load(folder)
    listed = shop.get("operator", "/v1/imports").json["imports"]
    assert [(one["name"], one["state"]) for one in listed] == [("first", "loaded")]
    assert [(f["kind"], f["rows"], f["accepted"]) for f in listed[0]["files"]] == [
        ("members", 6, 6), ("cards", 6, 6),
    ]  # fmt: skip
    wanted = {"kind": "card", "value": "6001-00000002"}
    assert shop.post("grocer-till", "/v1/members/identify", wanted).json["code"] == "member-unknown"
    by_card = shop.post("grocer-till", "/v1/members/identify", {"kind": "card", "value": "6001 0000 0002"})
    by_id = shop.post("grocer-till", "/v1/members/identify", {"kind": "social:oldcard", "value": "M-0002"})
    assert by_card.json["number"] == by_id.json["number"]
    number = by_card.json["number"]
    sold = shop.must("grocer-till", "/v1/sales", basket(GROCER_STORE, member={"number": number}))
    assert sold["earned"][0]["points"] == 100
    shop.must("operator", f"/v1/members/{number}/erase", {})
    gone = shop.post("grocer-till", "/v1/members/identify", {"kind": "card", "value": "6001 0000 0002"})
    assert gone.json["code"] == "member-unknown", "erased with the member"


def test_who_may_not_operate_does_not_see_imports(any_shop: Shop) -> None:
    assert any_shop.get("grocer-till", "/v1/imports").status_code == 403
