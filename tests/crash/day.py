"""Acts of a shop's day that are no plain sale, each a few writes in a fixed order under fixed keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ledger_service.care.queries import find_case
from tests.api.service import GROCER, GROCER_STORE, NOON, Shop, basket
from tests.api.test_adjustments import LIMITS, ask
from tests.api.test_administration import NEXT_PHONE, PHONE, new_device, with_phone
from tests.api.test_cases import case_of, merge_of
from tests.api.test_claims import RECEIPT
from tests.api.test_households import OURS, House
from tests.api.test_offline import UPLOAD, earn, enrol, equip, later, spend


class Noting(Shop):
    """A shop whose client keeps notes."""

    def noted(self, name: str, ask: Callable[[], str]) -> str:
        """What was answered the first time; ``name`` is a number that no later write has."""
        raise NotImplementedError


def goodwill(shop: Shop) -> None:
    """A limit is agreed on, a claim granted, goodwill given by two people."""
    number = with_phone(shop)["number"]
    limit = shop.must("grocer", "/v1/adjustment-limits", {"funder": GROCER, **LIMITS})["limit"]
    shop.must("operator", f"/v1/adjustment-limits/{limit}/decision", {"approve": True})
    shop.must("grocer-till", "/v1/sales", basket(amount=5_000))
    own = shop.key_for("member", number)
    claim = shop.must(own, f"/v1/members/{number}/claims", RECEIPT | {"amount_minor": 5_000})["claim"]
    granted = shop.must("grocer", f"/v1/claims/{claim}/grant", {"programme": "GROC", "points": 50})
    shop.must("operator", f"/v1/adjustments/{granted['adjustment']}/decision", {"approve": True})
    asked = ask(shop, number, 7).json["adjustment"]
    shop.must("second", f"/v1/adjustments/{asked}/decision", {"approve": True})


def training_and_close(shop: Shop) -> None:
    """A till sells in training and in earnest; its day is closed, and closed again after a late return."""
    mode = f"/v1/terminals/{shop.keys['grocer-terminal']}/mode"
    number = with_phone(shop)["number"]
    shop.must("grocer", mode, {"training": True})
    practice = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}, training=True))
    back = f"/v1/sales/{practice['sale_id']}/refunds"
    shop.must("grocer-till", back, {"reference": "p", "training": True})
    shop.must("grocer", mode, {"training": False})
    sold = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))["sale_id"]
    close = f"/v1/stores/{GROCER_STORE}/days/2017-03-01/close"
    totals = [{"operation": "sale", "count": 1, "amount_minor": 10_000}]
    shop.must("grocer-till", close, {"totals": totals})
    piece = {"reference": "b", "lines": [{"line": "1", "quantity": 1}]}
    shop.must("grocer-till", f"/v1/sales/{sold}/refunds", piece)
    totals.append({"operation": "refund", "count": 1, "amount_minor": 2_500})
    shop.must("grocer-till", close, {"totals": totals})


def household(shop: Shop) -> None:
    """A household is begun and joined, earns, pays and is left."""
    jane, joe = (
        shop.must("grocer", "/v1/members", {"device": new_device(shop, key)})["number"]
        for key in (PHONE, NEXT_PHONE)
    )
    keys = [shop.key_for("member", number) for number in (jane, joe)]
    house = House(shop, keys[0], keys[1], {"jane": jane, "joe": joe})
    house.begin()
    house.join()
    assert house.sell(OURS, 100_000).status_code == 201
    assert house.sell(OURS, 2_000, 50).status_code == 201
    shop.must(keys[1], f"{house.path}/mates/{joe}/removal")


def offline(shop: Shop) -> None:
    """What a till sold alone is merged, twice and in another order."""
    member, _ = enrol(shop), equip(shop, "grocer")
    items = [spend(shop, "grocer", member, n) for n in (1, 2)]
    items += [earn(shop, member["number"], f"e{n}") for n in (1, 2)]
    later(shop, hours=8)
    shop.must("grocer-till", UPLOAD, {"sales": items}, status=200)
    shop.must("grocer-till", UPLOAD, {"sales": items[::-1]}, status=200)


def care(shop: Noting) -> None:
    """A lost phone's case is objected to; another member's account is merged into its other one."""
    lost = with_phone(shop, b"\x31" * 32)
    case = case_of(shop, lost)
    shop.must("operator", f"/v1/cases/{case}/objection")
    # Once they are one, nobody answers for the enrolment of the one that closed.
    closes = shop.noted("2000", lambda: with_phone(shop)["number"])
    stays = shop.noted("2100", lambda: with_phone(shop, NEXT_PHONE)["number"])
    for number in (closes, stays):
        shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": number}))
    merge = merge_of(shop, closes, stays)
    shop.must("second", f"/v1/cases/{merge}/approval")
    cases, ends = shop.serving.care.cases, NOON + timedelta(days=7)
    run, key = shop.serving.writer.run, bytes.fromhex(merge)
    with shop.serving.foundations.database.read() as conn:
        heard = find_case(conn, key)
    # As the bridge's clerk does it: what is written down is not written down again.
    if heard is not None and heard.state == "approved":
        run(lambda conn: cases.announced(conn, key, 1, ends, NOON))
    run(lambda conn: cases.carry_out(conn, key, NOON + timedelta(days=8)))


ACTS: dict[str, Callable[[Any], None]] = {
    "goodwill": goodwill,
    "training-and-close": training_and_close,
    "household": household,
    "offline": offline,
    "care": care,
}
