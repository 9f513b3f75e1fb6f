"""How far an end has come, over HTTP and on screens: for its two merchants, the operator and the members."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert, select, update

from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.members.models import member
from ledger_service.outbox.models import intent
from ledger_service.points.conversion.models import rest_conversion
from ledger_service.points.models import member_programme
from tests.api.service import GROCER, Shop, basket
from tests.api.test_administration import with_phone
from tests.api.test_programme_ends import END, told

PATH = "/v1/programmes/GROC/end"
OP = bytes.fromhex("11" * 16)


def converted(shop: Shop, number: str, op_id: bytes = OP, points: int = 100) -> None:
    """A row as the job writes it with its entry; its operation is none of the outbox, so it stands."""
    with shop.serving.foundations.database.begin() as conn:
        who = conn.execute(
            select(member.c.member_id).where(member.c.member_number == number)
        ).scalar_one()
        row = {"op_id": op_id, "member_id": who, "programme_id": 1, "target_id": 2, "points": points,
               "received": points - 2, "converted_at": datetime(2017, 6, 1, tzinfo=UTC)}  # fmt: skip
        conn.execute(insert(rest_conversion).values(row))


def test_an_end_is_told_to_its_two_merchants_and_to_who_oversees_them(any_shop: Shop) -> None:
    shop = any_shop
    shop.must("grocer-till", "/v1/sales", basket(member={"number": with_phone(shop)["number"]}))
    goes_on = shop.get("operator", PATH).json
    assert (goes_on["stage"], goes_on["end"]) == ("goes-on", None)
    assert goes_on["rest"] == {"members": 1, "available": 100, "held": 0, "pending": 0}
    assert shop.get("fuel", PATH).json["code"] == "not-yours"
    told(shop)
    for reader in ("operator", "grocer", "fuel"):
        seen = shop.get(reader, PATH).json
        assert seen["stage"] == "announced"
        assert {name: seen["end"][name] for name in END} == END
    shop.at = "2017-06-01T00:00:00Z"
    assert (shop.get("operator", PATH).json["stage"], shop.get("operator", PATH).json["due"]["members"]) == (
        "converting",
        1,
    )


def test_what_is_left_before_a_merchant_has_left_is_its_own_and_the_operators(shop: Shop) -> None:
    told(shop)
    path = f"/v1/merchants/{GROCER}/leaving"
    seen = shop.get("grocer", path).json
    assert (seen["open"], [one["programme"] for one in seen["programmes"]]) == (True, ["GROC"])
    assert seen["unsettled"] == []
    assert shop.get("fuel", path).json["code"] == "not-yours"
    nobody = with_check_digit("952010000999")
    assert shop.get("operator", f"/v1/merchants/{nobody}/leaving").json["code"] == "merchant-unknown"
    shop.at = "2017-06-01T00:00:00Z"
    assert shop.get("operator", path).json["open"] is False


def test_a_member_reads_what_became_of_its_rest_and_nothing_that_was_refused(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    sale = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    told(shop)
    converted(shop, number)
    refused = bytes.fromhex(sale["operations"][0])
    converted(shop, number, refused, 50)
    with shop.serving.foundations.database.begin() as conn:
        words = {"state": "set_aside", "reason": "EpochEnded()"}
        conn.execute(update(intent).where(intent.c.op_id == refused).values(**words))
        conn.execute(update(member_programme).values(frozen=True))
    path = f"/v1/members/{number}/converted-rests"
    seen = shop.get("operator", f"{path}?limit=1").json
    assert seen == {"next_cursor": None, "converted": [
        {"programme": "GROC", "converts_into": "FUEL", "points": 100, "received": 98, "operation": OP.hex(),
         "converted_at": "2017-06-01T00:00:00Z"}]}  # fmt: skip
    done = shop.get("operator", PATH).json["converted"]
    assert done == {"members": 1, "points": 100, "received": 98, "under_way": 0, "refused": 1}
    other = shop.must("operator", "/v1/members", {"custody": "custodial"})["number"]
    assert shop.get("operator", f"/v1/members/{other}/converted-rests").json["converted"] == []
