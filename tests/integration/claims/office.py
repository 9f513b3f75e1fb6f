"""The claims room over the small alliance of the checkout's tests: members with receipts, care, operators."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import select

from ledger_service.checkout.claimed_sales import ReceiptSales
from ledger_service.claims import queries
from ledger_service.claims.late import late_sales
from ledger_service.claims.models import claim_event
from ledger_service.claims.requests import ClaimView, FileClaim, Grant, Said
from ledger_service.claims.service import ClaimsService
from ledger_service.kernel.ids import derive_id
from ledger_service.points.adjustments import Decision
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.receipts.late import LateSaleCommand
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.shop import DOMAIN, GROCER, Phone, Shop, line, loads


class Office:
    """Two workers' claims rooms."""

    def __init__(self, shop: Shop, other: Shop) -> None:
        self.shop, self.other, self.filed = shop, other, 0
        settings = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(1_000, 5_000), "w1")
        self.points = PointsService(shop.writer, shop.database, shop.catalogue, settings)
        self.claims = ClaimsService(self.points, ReceiptSales(shop.catalogue))

    def sale(self, reference: str, amount: int = 1_000, phone: Phone | None = None) -> dict[str, Any]:
        """A sale with this reference on its receipt, without a member unless one is given."""
        more = {} if phone is None else {"member": {"number": phone.number}}
        body = self.shop.sale_body(line("1", amount), **more) | {"reference": reference}
        return loads(self.shop.send_sale(body))

    def file(self, phone: Phone, reference: str, amount: int = 1_000, **more: Any) -> bytes:
        self.filed += 1
        worker = more.pop("worker", self.shop)
        day = more.pop("day", self.shop.clock.at.date())
        claim_id = derive_id("claim", f"member:{phone.member_id}", f"k{self.filed}")
        request = FileClaim(phone.number, GROCER, day, reference, amount, more.get("code"))
        said = Said(f"member:{phone.member_id}", f"k{self.filed}", self.shop.clock.at)
        worker.writer.run(lambda conn: self.claims.file(conn, claim_id, request, said))
        return claim_id

    def grant(self, claim_id: bytes, points: int = 10, merchant: int | None = GROCER) -> bytes:
        self.filed += 1
        said = Said(f"merchant:{GROCER}", f"g{self.filed}", self.shop.clock.at)
        grant = Grant("GROC", points, "found it", merchant)
        return self.shop.writer.run(lambda conn: self.claims.grant(conn, claim_id, grant, said))

    def refuse(self, claim_id: bytes, reason: str = "not-eligible") -> None:
        said = Said(f"merchant:{GROCER}", "r", self.shop.clock.at)
        self.shop.writer.run(lambda conn: self.claims.refuse(conn, claim_id, reason, said))

    def decide(self, adjustment: bytes, approve: bool = True) -> str:
        decision = Decision(adjustment, "operator:bob", approve, self.shop.clock.at)
        return str(self.points.decide_adjustment(decision))

    def view(self, claim_id: bytes) -> ClaimView:
        with self.shop.database.read() as conn:
            found = queries.find_claim(conn, claim_id)
        assert found is not None
        return replace(found)

    def state(self, claim_id: bytes) -> tuple[str, str | None]:
        view = self.view(claim_id)
        return view.state, view.reason

    def events(self, claim_id: bytes) -> list[str]:
        with self.shop.database.read() as conn:
            its = select(claim_event.c.kind).where(claim_event.c.claim_id == claim_id)
            return list(conn.execute(its.order_by(claim_event.c.position)).scalars())

    def job(self) -> int:
        at = self.shop.clock.at
        done = self.shop.writer.run(lambda conn: self.claims.match_some(conn, at))
        return done + self.shop.writer.run(lambda conn: self.claims.escalate_some(conn, at))

    def late(self) -> int:
        """What has become known of answered claims; how many were news."""
        at, catalogue = self.shop.clock.at, self.shop.catalogue.current()
        found = self.shop.writer.run(lambda conn: late_sales(conn, self.claims.sales, at))
        return sum(self.shop.writer.submit(LateSaleCommand(one, catalogue, at)) for one in found)


YESTERDAY = date(2026, 3, 9)
