"""The shop floor of a replay: checkouts with points or without, receipts that phones read, returns."""

from __future__ import annotations

from functools import partial
from typing import Any

from ledger_service.demo.agenda import Due
from ledger_service.demo.alliance_plan import POINT_VALUES, Merchant
from ledger_service.demo.cut_off import CutOffTills
from ledger_service.demo.dataset import Basket
from ledger_service.demo.phones import Phone, earned_until
from ledger_service.demo.progress import DueRefund
from ledger_service.demo.rules import (
    MICROS_PER_CENT,
    SPEND_SHARE_BPS,
    draw,
    refund_for_checkout,
    spend_for_checkout,
)
from ledger_service.demo.service_client import Frame
from ledger_service.demo.story_rules import Outage, at_a_partner, outage_at, photographed
from ledger_service.demo.thief import show_photograph
from ledger_service.demo.town import Town
from ledger_service.demo.visits import MERCHANT_OF, Visit
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor


class Floor:
    """Sells and takes back; tills whose store is cut off sell alone."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.cut_off = CutOffTills(town, self._captured)

    def announce(self, basket: Basket) -> None:
        """A household sets out; where it will find the line down, the store's upload waits for it."""
        outage = self._outage(basket)
        if outage is not None:
            holder = self._town.holder(basket.household)
            self.cut_off.expect(seconds_floor(outage.end), basket.store, holder)

    def _outage(self, basket: Basket) -> Outage | None:
        town = self._town
        return outage_at(town.seed, basket.store, basket.at) if town.scenario.mishaps else None

    async def visit(self, basket: Basket) -> None:
        """A household's basket is sold, one checkout at each merchant."""
        town = self._town
        phone = town.phone(town.holder(basket.household))
        if not phone.joined:
            await town.alliance.join(phone, basket.at)
            town.counts["members"] += 1
            if town.mailing is not None:
                await town.mailing.welcome(phone, basket)
        phone.forget_expired(basket.at)
        outage = self._outage(basket)
        for key, lines in basket.checkouts.items():
            await self._checkout(Visit(phone, basket, MERCHANT_OF[key], lines), outage)
            phone.shops[key] = basket.store
        town.keep(phone)
        town.counts["baskets"] += 1

    async def _checkout(self, visit: Visit, outage: Outage | None) -> None:
        town, basket = self._town, visit.basket
        till = await town.alliance.till_key(visit.merchant, basket.store, basket.at)
        spend = spend_for_checkout(
            draw(town.seed, "spend", visit.name),
            visit.total_minor,
            visit.phone.spendable(basket.at, visit.merchant.key),
            POINT_VALUES,
        )
        body = visit.body()
        if spend:
            most = visit.total_minor * MICROS_PER_CENT * SPEND_SHARE_BPS // 10_000
            visit.show_pay_code(body, town.seed, town.alliance.domain, most)
            body["spend"] = [{"programme": code, "points": points} for code, points in spend]
        shown = [] if town.mailing is None else await town.mailing.shown(visit)
        coupons = {"coupons": {"ids": shown}} if shown else {}
        body |= coupons
        if outage is not None:
            await self.cut_off.sell(visit, body, spend, outage)
            return
        frame = Frame(till, f"{town.seed}:sale:{visit.name}", basket.at)
        answer = await town.service.post("/v1/sales", body, frame)
        if answer.status != 201 and spend:
            town.refused("points", visit.name, answer)
            frame = Frame(till, f"{frame.key}:cash", basket.at)
            answer = await town.service.post("/v1/sales", visit.body() | coupons, frame)
        elif spend and town.scenario.mishaps and photographed(town.seed, visit.name, cut_off=False):
            await show_photograph(town, visit, body["member"]["pay_code"])
        sold = answer.document if answer.status == 201 else None
        if town.mailing is not None:
            town.counts["paid cents"] -= town.mailing.read(shown, sold)
        if sold is None:
            town.refused("sale", visit.name, answer)
            return
        self._captured(visit, sold)
        if town.goods is not None:
            await town.goods.bought(visit, sold)

    def _captured(self, visit: Visit, document: dict[str, Any]) -> None:
        basket, counts, seed = visit.basket, self._town.counts, self._town.seed
        visit.phone.read_sale(document, self._town.alliance.ends)
        counts["checkouts"] += 1
        counts["lines"] += len(visit.lines)
        counts["lines of zero cents"] += sum(line.paid_minor == 0 for line in visit.lines)
        counts["lines without a product row"] += sum(line.department == "NONE" for line in visit.lines)
        counts["paid cents"] += visit.total_minor
        counts["cents paid with points"] += document["points_value_minor"]
        counts["checkouts paid with points"] += bool(document["spent"])
        quantities = [line.quantity for line in visit.lines]
        plan = refund_for_checkout(seed, visit.name, basket.at, quantities, self._town.scenario.last)
        if plan is None or visit.total_minor == 0:
            return
        due = DueRefund(
            seconds_floor(plan.at),
            visit.name,
            visit.phone.household,
            visit.merchant.key,
            basket.store,
            document["sale_id"],
            plan.lines,
            earned_until(document),
        )
        self.plan_refund(due)
        self._town.pending.refunds_planned.append(due)

    def plan_refund(self, due: DueRefund) -> None:
        """The goods come back on their day."""
        town = self._town

        def begin() -> Any:
            return (town.owner(due.household),), partial(self._refund, due)

        town.agenda.add(Due(due.due_seconds, f"refund {due.checkout}", begin))

    async def _refund(self, refund: DueRefund) -> None:
        town, at = self._town, instant_of_seconds(refund.due_seconds)
        phone = town.phone(town.owner(refund.household))
        merchant, store = self._where(phone, refund)
        till = await town.alliance.till_key(merchant, store, at)
        body = {
            "reference": f"return {refund.checkout}",
            "lines": [{"line": str(line), "quantity": quantity} for line, quantity in refund.lines],
        }
        frame = Frame(till, f"{town.seed}:refund:{refund.checkout}", at)
        answer = await town.service.post(f"/v1/sales/{refund.sale_id}/refunds", body, frame)
        town.pending.refunds_done.append(refund.checkout)
        if answer.status != 201:
            town.refused("refund", refund.checkout, answer)
            return
        town.counts["refunds"] += 1
        town.counts["returns at another store"] += store != refund.store
        town.counts["returns at a partner"] += merchant.key != refund.merchant
        town.counts["refunded cents"] += answer.document["refunded_minor"]
        if town.sharing is not None and answer.document["clawed"]:
            await town.sharing.heard(phone, at)
        phone.read_refund(answer.document, refund.earned_until, at)
        town.keep(phone)

    def _where(self, phone: Phone, refund: DueRefund) -> tuple[Merchant, int]:
        """Where the household shops by now: the same merchant's shop, or that of one that takes its goods."""
        merchant = MERCHANT_OF[refund.merchant]
        if not self._town.scenario.mishaps:
            return merchant, refund.store
        partner = merchant.returns_to
        if partner in phone.shops and at_a_partner(self._town.seed, refund.checkout):
            return MERCHANT_OF[partner], phone.shops[partner]
        return merchant, phone.shops.get(merchant.key, refund.store)
