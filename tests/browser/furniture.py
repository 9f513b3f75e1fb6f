"""What browsers find: offices with something on every page, a member with points, a friend, a paper code."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert, select, update

from ledger_service.chain import standings
from ledger_service.chain.models import chain_applied, chain_operation
from ledger_service.coupons.terms.values import Limits, Ticket
from ledger_service.kernel.merkle import root_of
from ledger_service.outbox.models import intent
from tests.api.offices import chain_refuses, furnished
from tests.api.service import FUEL, GROCER, NOON, Shop, basket
from tests.api.test_coupons import codes_of, offer
from tests.api.test_settlement import STANDING
from tests.api.test_sharing import live, refused_reward
from tests.api.test_tickets import TICKETS, sold
from tests.api.test_value_cards import CARDS, TILL, money, printed

CAMPAIGN = {"code": "SUMMER", "names": {"en": "Summer"}, "starts_at": "2017-03-02T00:00:00Z",
            "ends_at": "2017-04-01T00:00:00Z", "arms": [{"weight": 1, "definitions": ["TEN"]}]}  # fmt: skip
EARNED = 100_000
_BATCH = 4


def furnish(shop: Shop) -> dict[str, str]:
    """Something on every page; returns what pages are about by the places of their paths."""
    places = furnished(shop)
    shop.must("grocer", f"/v1/merchants/{GROCER}/coupon-campaigns", CAMPAIGN)
    for who, name in (("member", "林美玲"), ("friend", "Ngozi")):
        number = person(shop, who, name)
        places[who] = number
    sold = shop.must(
        "grocer-till",
        "/v1/sales",
        basket(amount=EARNED, member={"number": places["member"]}, reference="first"),
    )
    _read(shop, f"/v1/members/{places['member']}")
    live(shop)
    link = shop.must("member", "/v1/share/links", {"campaign": "SPRING", "channel": "paper"})
    places["link"] = link["code"]
    definition = offer(shop, limits=Limits(per_member=3))
    paper, own, spare = codes_of(shop, definition)
    taken = shop.must("member", f"/v1/members/{places['member']}/coupons", {"code": own})
    places |= {"paper": paper, "spare": spare, "coupon": taken["coupon"], "operation": sold["operations"][0]}
    places["receipt"] = sold["sale_id"]
    with shop.serving.foundations.database.begin() as conn:
        standings.note(conn, 1, 9, STANDING)
    places |= {"campaign": "SPRING", "by": "channel"}
    places["reward"] = refused_reward(shop, shop.keys["member"], places["member"], link["code"])
    places["card"] = _paid_for(shop, places["member"])
    places["hold"] = _held_for(shop, person(shop, "holder", "Held"))
    mine(shop)
    chain_refuses(shop, [places["refused"]], "MerchantSuspendedAt(0, 1, 2, 3)")
    shop.keys |= {"merchant": shop.keys["grocer"], "cashier": shop.keys["grocer-till"]}
    return places


def person(shop: Shop, who: str, name: str) -> str:
    """A member whose pay codes custody signs, with a key of its own under ``who``; its number."""
    body = {"custody": "custodial", "display_name": name}
    number = str(shop.must("grocer", "/v1/members", body)["number"])
    shop.keys[who] = shop.key_for("member", number)
    return number


def _paid_for(shop: Shop, number: str) -> str:
    """The member has a card with money, whose id is returned, and a ticket to a ball."""
    ball = Ticket("舞會", NOON + timedelta(days=3), 2_500, refund_minutes=60)
    shop.must(TILL, TICKETS, sold(printed(shop, 1, "HK", ball)[0], member=number))
    return str(shop.must(TILL, CARDS, money(printed(shop)[0], 1_000, member=number))["card"])


def _held_for(shop: Shop, number: str) -> str:
    """A sale for which the till holds some of the points of a member of its own: a pay code is good once."""
    shop.must("grocer-till", "/v1/sales", basket(amount=2_000, member={"number": number}, reference="before"))
    code = shop.get("holder", f"/v1/members/{number}/code").json["digits"]
    body = basket(amount=900, member={"pay_code": code}, reference="held", spend={"max_value_minor": 10})
    return str(shop.must("grocer-till", "/v1/authorisations", body)["hold_id"])


def _read(shop: Shop, member: str) -> None:
    """One consent stands, another is over; a merchant has read on the first, the alliance for itself."""
    use = {"owner": GROCER, "reader": FUEL, "purpose": "analytics"}
    shop.must("member", f"{member}/consents", use)
    ended = shop.must("member", f"{member}/consents", use | {"purpose": "marketing"})["consent"]
    shop.must("member", f"{member}/consents/{ended}/revoke", {})
    for who, what in (("fuel", f"purchases?merchant={GROCER}&purpose=analytics"), ("operator", "entries")):
        shop.get(who, f"{member}/{what}")


def mine(shop: Shop) -> None:
    """Every intent so far is in one batch of a final block, as the mirror would have it."""
    with shop.serving.foundations.database.begin() as conn:
        rows = conn.execute(select(intent).order_by(intent.c.intent_id)).all()
        leaves = [row.leaf for row in rows]
        batch = {
            "number": _BATCH,
            "period": 2,
            "count": len(leaves),
            "root": root_of(leaves),
            "block_number": 9,
        }
        conn.execute(insert(chain_applied).values(batch))
        for index, row in enumerate(rows):
            place = {"batch_number": _BATCH, "batch_index": index, "state": "final"}
            conn.execute(update(intent).where(intent.c.op_id == row.op_id).values(place))
            told = {"op_id": row.op_id, "kind": row.kind, "account": bytes(20), "leaf": row.leaf, "data": b""}
            conn.execute(insert(chain_operation).values(batch=_BATCH, position=index, **told))
