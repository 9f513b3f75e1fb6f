"""A phone is asked and confirms or declines; a refusal is appealed, and a person answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from ledger_service.kernel.clock import parse_instant
from ledger_service.members.merging import Merge
from ledger_service.members.models import member
from ledger_service.risk.merging import follow_merge
from tests.api.service import FUEL, FUEL_STORE, Shop, basket
from tests.api.test_pay_codes import Holder, holder
from tests.api.test_risk import BIG, code_of, held_sale, publish

__all__ = ["holder"]


def test_a_payment_by_custodys_code_is_confirmed_or_declined_by_the_member_alone(shop: Shop) -> None:
    number, phone = digits_payer(shop)
    publish(shop, BIG)

    def pay(**more: Any) -> Any:
        digits = shop.get(phone, f"/v1/members/{number}/code").json["digits"]
        paid = {"member": {"pay_code": digits}, "spend": [{"programme": "GROC", "points": 100}]}
        return shop.post("fuel-till", "/v1/sales", basket(FUEL_STORE, 1_000, **paid, **more))

    asked = pay().json["params"]["challenge"]
    shown = shop.get(phone, f"/v1/members/{number}/challenges").json["challenges"][0]
    assert (shown["challenge"], shown["state"], shown["answered_by"]) == (asked, "open", "page")
    path = f"/v1/members/{number}/challenges/{asked}/answer"
    assert code_of(shop.post("operator", path, {"confirm": True})) == "scope-missing"
    assert code_of(pay(step_up=asked)) == "step-up-required"
    assert shop.must(phone, path, {"confirm": True}) == {"state": "met"}
    assert pay(step_up=asked).status_code == 201
    assert code_of(shop.post(phone, path, {"confirm": True})) == "challenge-unknown"
    shop.at = "2017-03-01T12:05:00Z"  # the next digits
    second = pay().json["params"]["challenge"]
    path = path.replace(asked, second)
    assert shop.must(phone, path, {"confirm": False}) == {"state": "declined"}
    assert code_of(shop.post(phone, path, {"confirm": True})) == "challenge-unknown"
    assert code_of(pay(step_up=second)) == "payment-declined"
    left = shop.get(phone, f"/v1/members/{number}/challenges").json["challenges"]
    assert second not in [one["challenge"] for one in left]


def digits_payer(shop: Shop) -> tuple[str, str]:
    """A member with points, for whom custody signs; number and key."""
    number = str(shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"])
    shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": number}))
    return number, shop.key_for("member", number)


def test_no_page_confirms_in_place_of_a_phone_that_signs(holder: Holder) -> None:
    shop, number = holder.shop, holder.member["number"]
    publish(shop, BIG)
    asked = holder.pay(holder.code()).json["params"]["challenge"]
    phone, path = shop.key_for("member", number), f"/v1/members/{number}/challenges/{asked}/answer"
    assert code_of(shop.post(phone, path, {"confirm": True})) == "challenge-needs-phone"
    assert shop.must(phone, path, {"confirm": False}) == {"state": "declined"}


def test_a_refusal_is_appealed_and_a_person_answers(holder: Holder) -> None:
    shop, number = holder.shop, holder.member["number"]
    publish(shop, {**BIG, "outcome": "refuse"})
    assert code_of(holder.pay(holder.code())) == "refused-by-rules"
    phone, own = shop.key_for("member", number), f"/v1/members/{number}/refusals"
    (told,) = shop.get(phone, own).json["refusals"]
    assert (told["merchant"], told["amount_minor"], told["appeal"]) == (FUEL, 100, None)
    assert told["reason"] == "limit-reached"
    decision = told["decision"]
    desk = f"/v1/risk/appeals/{decision}"
    assert code_of(shop.get("operator", desk)) == "appeal-unknown"
    assert code_of(shop.post("operator", f"{desk}/answer", {"answer": "stands", "words": "x"})) == (
        "appeal-unknown"
    )
    said = {"reason": "这是我 it was me"}
    assert code_of(shop.post(phone, f"{own}/{'0' * 32}/appeal", said)) == "refusal-unknown"
    assert shop.must(phone, f"{own}/{decision}/appeal", said) == {"state": "open"}
    assert code_of(shop.post(phone, f"{own}/{decision}/appeal", said)) == "appeal-decided"
    (waits,) = shop.get("operator", "/v1/risk/appeals").json["appeals"]
    assert (waits["member"], waits["said"]) == (number, said["reason"])
    whole = shop.get("operator", desk).json
    assert whole["decision"]["hits"][0]["rule"] == "big"
    shop.must("operator", f"{desk}/answer", {"answer": "lifted", "words": "Sorry 抱歉"})
    again = shop.post("operator", f"{desk}/answer", {"answer": "stands", "words": "no"})
    assert code_of(again) == "appeal-decided"
    answered = shop.get(phone, own).json["refusals"][0]["appeal"]
    assert (answered["state"], answered["words"]) == ("lifted", "Sorry 抱歉")
    assert shop.get("operator", "/v1/risk/appeals").json["appeals"] == []


def test_what_was_booked_under_review_is_no_refusal(shop: Shop) -> None:
    number = str(shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"])
    held_sale(shop, number)
    assert shop.get("operator", f"/v1/members/{number}/refusals").json["refusals"] == []


def test_who_stays_after_a_merge_reads_the_answer_to_the_appeal_of_who_closed(holder: Holder) -> None:
    shop, number = holder.shop, str(holder.member["number"])
    publish(shop, {**BIG, "outcome": "refuse"})
    holder.pay(holder.code())
    phone, own = shop.key_for("member", number), f"/v1/members/{number}/refusals"
    decision = shop.get(phone, own).json["refusals"][0]["decision"]
    shop.must(phone, f"{own}/{decision}/appeal", {"reason": "it was me"})
    other = str(shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"])

    def merge(conn: Connection) -> None:
        found = select(member.c.member_id).where(member.c.member_number.in_((number, other)))
        closes, stays = conn.execute(found.order_by(member.c.member_id)).scalars()
        follow_merge(conn, Merge(closes, stays, parse_instant(shop.at, "at")))

    shop.serving.writer.run(merge)
    shop.must("operator", f"/v1/risk/appeals/{decision}/answer", {"answer": "lifted", "words": "Sorry"})
    (told,) = shop.get("operator", f"/v1/members/{other}/refusals").json["refusals"]
    assert (told["decision"], told["appeal"]["words"]) == (decision, "Sorry")
