"""A shop whose tills go by published rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import insert, select, update

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.checkout.admission import Admission
from ledger_service.checkout.return_requests import parse_unreceipted
from ledger_service.checkout.service import CheckoutService, Store
from ledger_service.checkout.sources import Sources, Watch
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.secp256k1 import address_of_key, keccak256
from ledger_service.members.models import device, member
from ledger_service.risk import service, staff
from ledger_service.risk.documents import rules_of
from ledger_service.risk.models import risk_decision
from ledger_service.risk.rulebook import RuleBookCache
from ledger_service.risk.rules import ALLIANCE, RuleSet
from ledger_service.risk.service import Said
from tests.integration.checkout.held import held_coupons
from tests.integration.checkout.shop import (
    GROCER,
    Phone,
    Shop,
    StandingClock,
    line,
    loads,
)

Json = dict[str, Any]


class GuardedShop(Shop):
    """As the shop, with a rule book, and requests that name cashiers and challenges."""

    def __init__(self, database: Database, worker: str = "w1", clock: StandingClock | None = None) -> None:
        super().__init__(database, worker, clock)
        self.rules = RuleBookCache(database, lambda: 0.0)
        watch = Watch(self.rules, SystemRandom())
        sources = Sources(self.catalogue, self.directory, database, ladders=self.ladders, watch=watch)
        self.admission = Admission(self.desk, sources, self.writer.submit)
        self.service = CheckoutService(Store(self.writer, database), self.admission, held_coupons(database))

    def rule(self, *rules: Json, scope: int = ALLIANCE) -> None:
        """The rules are published and judge from now on."""
        at = self.clock.at
        given = RuleSet(scope, 0, seconds_floor(at), rules_of(list(rules)))
        with self.database.begin() as conn:
            version = service.propose(conn, given, Said("operator:a", at))
            service.decide(conn, scope, version, Said("operator:b", at), publish=True)
        self.rules.refresh()

    def staff(self, cashier: str, phone: Phone, merchant_id: int = GROCER) -> None:
        with self.database.begin() as conn:
            staff.link(conn, (merchant_id, cashier), phone.member_id, ("merchant:m", self.clock.at))
        self.rules.refresh()

    def age(self, phone: Phone, days: int, device_days: int | None = None) -> None:
        """The member joined so long ago, and the device came so long ago."""
        with self.database.begin() as conn:
            then = self.clock.at - timedelta(days=days)
            conn.execute(update(member).where(member.c.member_id == phone.member_id).values(created_at=then))
            since = self.clock.at - timedelta(days=days if device_days is None else device_days)
            mine = device.c.member_id == phone.member_id
            conn.execute(update(device).where(mine).values(created_at=since))

    def second_device(self, phone: Phone, flags: int = 0) -> Phone:
        """Another signer of the same member, registered now."""
        key = keccak256(b"second" + phone.account)
        row = {"device_id": 10_000 + phone.member_id, "member_id": phone.member_id, "lane": 2, "flags": flags}
        row |= {"signer": address_of_key(key), "status": "active", "active_from": self.clock.at}
        with self.database.begin() as conn:
            conn.execute(insert(device).values({**row, "created_at": self.clock.at}))
        return Phone(phone.member_id, phone.number, phone.account, key, lane=2)

    def earn(self, phone: Phone, amount: int, key: str | None = None, **more: Any) -> Json:
        """A sale with the member's number."""
        body = self.sale_body(line("1", amount), member={"number": phone.number}, **more)
        return loads(self.send_sale(body, key))

    def pay(self, phone: Phone, amount: int, spend: Any, key: str | None = None, **more: Any) -> Json:
        """A sale with a pay code; ``code`` says how that is signed."""
        code = phone.pay_code(self.clock.at, **more.pop("code", {}))
        body = self.sale_body(line("1", amount), member={"pay_code": code}, spend=spend, **more)
        return loads(self.send_sale(body, key))

    def take_back(self, phone: Phone, amount: int, cashier: str | None = None) -> Json:
        body = {"reference": "r", "currency": "USD", "member": {"number": phone.number}}
        body |= {"lines": [line("1", amount)]} | ({"cashier": cashier} if cashier else {})
        return loads(self.service.take_back(self.write("take-back", body), parse_unreceipted(body)))

    def decisions(self) -> list[tuple[str, list[str]]]:
        """(outcome, codes of the rules that hit) of every decision, in order."""
        with self.database.read() as conn:
            rows = conn.execute(select(risk_decision).order_by(risk_decision.c.decided_at)).all()
        return [(row.outcome, [hit["rule"] for hit in orjson.loads(row.hits)]) for row in rows]


def rule(code: str, signal: str, outcome: str, acts: str, **more: Any) -> Json:
    """A rule as JSON; ``acts`` are separated by spaces."""
    return {"code": code, "signal": signal, "outcome": outcome, "acts": acts.split(), **more}
