"""A service with something on every page of the back offices, and a browser's way through them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from flask.testing import FlaskClient
from sqlalchemy import insert, select, update
from werkzeug.test import TestResponse

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.segmenting import Segmenting
from ledger_service.chain import models as m
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.permits import nonce_of
from ledger_service.members.models import member
from ledger_service.outbox.models import intent
from ledger_service.risk.models import risk_challenge, risk_decision
from ledger_service.traceability.goods.service import Goods
from tests.api.service import FUEL, GROCER, GROCER_STORE, Shop, basket
from tests.api.test_administration import with_phone
from tests.api.test_risk import held_sale
from tests.api.test_settlement import settled

LONG = "Genossenschaft für Lebensmittel und Gemischtwaren 全国连锁超级市场股份有限公司 Nord"
LONG_GLN = with_check_digit("952099999990")
HIDDEN = re.compile(r'name="(csrf|once)" value="([^"]+)"')
LIMITS = {"funder": None, "per_case": 1000, "per_agent_day": 10_000, "per_member_month": 10_000,
          "per_funder_day": 10_000}  # fmt: skip
NAMES = {"en": "Ten percent off", "zh-Hans": "九折", "zh-Hant": "九折"}
EVIDENCE = "0x" + "e1" * 32
FIGURES = {"redeemed": 40, "restored": 5, "clawed_back": 10, "expired": 0}


@dataclass
class Browser:
    """Somebody with a session, who fills in the forms of the page that was opened last."""

    client: FlaskClient
    hidden: dict[str, str] = field(default_factory=dict)

    def open(self, path: str, **headers: str) -> TestResponse:
        answer = self.client.get(path, headers=headers)
        self.hidden = dict(HIDDEN.findall(answer.get_data(as_text=True)))
        return answer

    def send(self, path: str, **fields: str) -> TestResponse:
        return self.client.post(path, data={**self.hidden, **fields})


def browser(shop: Shop, who: str) -> Browser:
    """A session under somebody's key."""
    opened = Browser(shop.client.application.test_client())
    answer = opened.client.post("/enter", data={"key": shop.keys.get(who, who)})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return opened


def furnished(shop: Shop) -> dict[str, str]:
    """Something to see on every page; returns what pages are about by the places of their paths."""
    settled(shop)
    number = with_phone(shop)["number"]
    shop.must("operator", "/v1/merchants", {"merchant": LONG_GLN, "name": LONG})
    with shop.serving.foundations.database.begin() as conn:
        counters = [
            {"programme_id": 1, "epoch": epoch, "issued": 1000 * epoch, **FIGURES} for epoch in (1, 2, 3)
        ]
        conn.execute(insert(m.chain_counter), counters)
    sold = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    chain_refuses(shop, [sold["operations"][0]], "MerchantSuspendedAt(0, 1, 2, 3)")
    limit = shop.must("operator", "/v1/adjustment-limits", LIMITS)["limit"]
    shop.keys["second"] = shop.further_operator("second").token
    shop.must("second", f"/v1/adjustment-limits/{limit}/decision", {"approve": True})
    asked = {"member": number, "programme": "GROC", "points": 50, "reason": "goodwill", "note": "迟到 late",
             "funder": GROCER}  # fmt: skip
    adjustment = shop.must("operator", "/v1/adjustments", asked)["adjustment"]
    case = shop.must("operator", "/v1/cases", {"member": number, "kind": "lost_phone", "evidence": EVIDENCE})[
        "case"
    ]
    receipt = {
        "store": GROCER_STORE,
        "sold_on": "2017-03-01",
        "reference": "lost-receipt",
        "amount_minor": 500,
    }
    claim = shop.must("operator", f"/v1/members/{number}/claims", receipt)["claim"]
    own = f"/v1/merchants/{GROCER}"
    shop.must("grocer", f"{own}/coupon-definitions", {"code": "TEN", "names": NAMES})
    held_sale(shop, number)
    review = shop.get("operator", "/v1/risk/reviews").json["reviews"][0]["review"]
    return {"review": review, "number": number, "sale": sold["sale_id"], "adjustment": adjustment,
            "case": case, "claim": claim, "code": "GROC", "period": "1", "acceptor": FUEL,
            "operation": sold["operations"][0], "refused": sold["operations"][0],
            **refused(shop, number), **_offered(shop)}  # fmt: skip


def chain_refuses(shop: Shop, operations: list[str], reason: str) -> None:
    """The bridge found that the contract refuses these, and D7 was applied."""
    mine = intent.c.op_id.in_([bytes.fromhex(one) for one in operations])
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(intent).where(mine).values(state="set_aside", reason=reason))
    shop.serving.points.apply_set_aside(parse_instant(shop.at, "at"))


def refused(shop: Shop, number: str) -> dict[str, str]:
    """A payment that a rule refused the member, against which it appeals, and one that it is asked about."""
    at = parse_instant(shop.at, "at")
    facts = {"acts": ["sale", "spend"], "spend": 1250}
    hits = [{"rule": "much", "signal": "amount", "outcome": "refuse", "actual": 1250, "limit": 50}]
    row = {"member_id": member_id_of(shop, number), "merchant_id": int(FUEL)}
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(risk_decision).values(
            **row, decision_id=bytes(15) + b"\1", outcome="refuse", versions="{}", decided_at=at,
            facts=json.dumps(facts), hits=json.dumps(hits)))  # fmt: skip
        conn.execute(insert(risk_challenge).values(
            **row, challenge_id=bytes(15) + b"\2", decision_id=bytes(16), amount_minor=1250,
            nonce=nonce_of(1, 1 << 31).to_bytes(8, "big"), reason="confirm-payment", state="open",
            expires_at=seconds_floor(at) + 300))  # fmt: skip
    decision = "0" * 31 + "1"
    shop.must("operator", f"/v1/members/{number}/refusals/{decision}/appeal", {"reason": "这是我 it was me"})
    return {"decision": decision, "challenge": "0" * 31 + "2"}


def member_id_of(shop: Shop, number: str) -> int:
    """The row number of a member."""
    with shop.serving.foundations.database.read() as conn:
        wanted = select(member.c.member_id).where(member.c.member_number == number)
        return int(conn.execute(wanted).scalar_one())


def _offered(shop: Shop) -> dict[str, str]:
    """A segment of the merchant's customers, counted, and an address that is told what happens."""
    rule = {"merchant": GROCER, "code": "OFTEN", "name": "常客 often",
            "rule": {"fact": "frequency", "at_least": 1}}  # fmt: skip
    segment = shop.must("grocer", "/v1/segments", rule)["segment"]
    Segmenting(shop.serving.foundations.database, lambda: parse_instant(shop.at, "at")).step()
    told = {"merchant": GROCER, "url": "https://crm.example.org/hooks"}
    webhook = shop.must("grocer", "/v1/webhooks", told)["endpoint"]["webhook"]
    return {**_coded(shop), "segment": segment, "webhook": webhook}


def _coded(shop: Shop) -> dict[str, str]:
    """A product with a batch of three items that are made."""
    gtin, names = "09506000134352", {"en": "Tea", "zh-Hans": "茶", "zh-Hant": "茶"}
    shop.must("grocer", "/v1/products", {"gtin": gtin, "merchant": GROCER, "brand": "Leaf", "names": names})
    batch = shop.must("grocer", f"/v1/products/{gtin}/batches", {"lot": "L1", "size": 3})["batch"]
    goods = Goods(shop.serving.secrets.one_time, SystemRandom())
    with shop.serving.foundations.database.begin() as conn:
        goods.make_items(conn, batch)
    return {"gtin": gtin, "batch": str(batch)}
