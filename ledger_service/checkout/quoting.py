"""What a basket would spend and earn now; reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from ledger_service.checkout.basket import Tender
from ledger_service.checkout.earning import EarnedBy, Purchase, day_needs, earn_of
from ledger_service.checkout.permitted import check_points, spend_within
from ledger_service.checkout.presence import Presence, check_permit, member_at_till
from ledger_service.checkout.quote_views import QuotedBasket, meant_view
from ledger_service.checkout.record_views import spent_view
from ledger_service.checkout.requests import Caller, SaleRequest
from ledger_service.checkout.rules import NOTHING, Limits, SpendPlan, points_part_of_lines
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.spending import frozen_of, plan_spend, purses_of
from ledger_service.checkout.taking.judging import Counter, Taking, counter_of, taking_of
from ledger_service.checkout.taking.views import acceptance_view
from ledger_service.checkout.tender_rules import check_tenders, with_points
from ledger_service.checkout.tiering import decide, tier_needs
from ledger_service.db.workset import Draft, Workset
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.kernel.money import minor_of_micros_floor
from ledger_service.kernel.points import GREATEST_AMOUNT, NEVER_SECONDS
from ledger_service.ledger.book import Book
from ledger_service.members.households.spending import count_spent, free_lots
from ledger_service.points.catalogue import Programme
from ledger_service.points.parties import Holder
from ledger_service.points.pending_rules import waiting_of
from ledger_service.points.rules import epoch_of_issue, rule_in_force, terms_in_force


class Quote:
    """One quote: the request, who is there, and the scene; ``of`` answers on a connection."""

    def __init__(self, request: SaleRequest, presence: Presence | None, scene: Scene) -> None:
        """Take what the request thread has worked out."""
        self.request = request
        self.presence = presence
        self.scene = scene

    def of(self, conn: Connection, caller: Caller) -> dict[str, Any]:
        """The quote as the till sees it.

        Raises:
            DomainError: what the sale itself would refuse.
        """
        self.scene.check()
        draft = self._draft(conn, self.scene.catalogue.by_issuer.get(caller.merchant_id, ()), caller)
        lines = self.request.lines
        total = sum(line.amount_minor for line in lines)
        amounts = self.scene.payable(lines, caller.merchant_id)
        holder, plan, taking = None, NOTHING, None
        payable: list[dict[str, Any]] = []
        if self.presence is not None:
            holder = member_at_till(draft, self.presence)
            if self.presence.pay_code is not None:
                counter = self._counter(caller)
                taking = None if counter is None else taking_of(draft, counter, holder.member_id)
                plan = self._plan(draft, holder, sum(amounts), (caller, taking))
                payable = self._payable(draft, holder, caller)
                if taking is not None:
                    payable = [{**view, "acceptance": acceptance_view(taking, view)} for view in payable]
        paid = tuple((p.programme, p.points, p.value_minor) for p in plan.paid)
        codes = self.scene.codes()
        tenders = self.request.tenders
        if self.request.spend is not None and self.request.spend.max_value_minor:
            tenders = with_points(tenders, paid, codes)
        check_tenders(tenders, total, {codes[p]: value for p, _, value in paid})
        parts = points_part_of_lines(amounts, plan.value_minor)
        return {
            "currency": self.request.currency,
            "total_minor": total,
            "spent": spent_view(plan.legs, paid, codes),
            "points_value_minor": plan.value_minor,
            "due_minor": total - plan.value_minor,
            "payable": payable,
            "earned": [] if holder is None else self._earned(draft, holder, parts, caller),
            **self._quoted(caller, plan, (amounts, parts), tenders).views(),
        }

    def _quoted(
        self,
        caller: Caller,
        plan: SpendPlan,
        split: tuple[list[int], list[int]],
        tenders: tuple[Tender, ...],
    ) -> QuotedBasket:
        amounts, parts = split
        catalogue, at = self.scene.catalogue, self.scene.accepted_at
        own = catalogue.by_issuer.get(caller.merchant_id, ())
        in_force = [(programme, rule_in_force(programme.rules, at)) for programme in own]
        return QuotedBasket(
            caller.merchant_id,
            self.request.lines,
            amounts,
            parts,
            plan.paid,
            tenders,
            [(programme, rule) for programme, rule in in_force if rule is not None],
            catalogue.programmes,
            at,
        )

    def _draft(self, conn: Connection, issuers: Sequence[Programme], caller: Caller) -> Draft:
        work = Workset(conn)
        if self.presence is not None:
            work.load(self.presence.locks())
            needs = self.presence.reads(work, self.scene.accepted_at)
            row = self.presence.row(work)
            if row is not None:
                needs += day_needs(row["member_id"], issuers, instant_of_seconds(self.scene.accepted_at))
                at = self.scene.accepted_at
                needs += tier_needs(self.scene.ladders, row["member_id"], issuers, at)
                counter = self._counter(caller)
                if counter is not None:
                    needs += [*counter.common_needs(), *counter.member_needs(row["member_id"])]
            work.load(needs)
        return Draft(work)

    def _counter(self, caller: Caller) -> Counter | None:
        return counter_of(self.scene, caller.merchant_id, (self.request.store, self.request.lines))

    def _plan(self, draft: Draft, holder: Holder, total: int, by: tuple[Caller, Taking | None]) -> SpendPlan:
        scene, presence, (caller, taking) = self.scene, self.presence, by
        most, signed = GREATEST_AMOUNT, None
        if presence is not None and presence.pay_code is not None and presence.digits is None:
            if presence.approved is None:
                signed = check_permit(draft, presence, scene.desk, scene.accepted_at)
            most = presence.pay_code.permit.max_value_micros
        limits = Limits(total, most, scene.desk.exponent)
        spend = spend_within(caller, self.request.spend)
        if taking is not None:
            limits = taking.limits(limits, spend)
        till = caller.merchant_id, scene.accepted_at
        plan = plan_spend(draft, holder, scene.catalogue, spend, (limits, till))
        if taking is not None:
            plan = taking.count(draft, plan, spend)
        check_points(caller, plan.value_minor)
        if holder.household and signed is not None and plan.legs:
            at = instant_of_seconds(scene.accepted_at)
            count_spent(draft, holder.member_id, signed.device_id, plan.value_micros, at)
        return plan

    def _payable(self, draft: Draft, holder: Holder, caller: Caller) -> list[dict[str, Any]]:
        lots = Book(draft).lots(holder.member_id)
        if holder.household:
            lots = free_lots(draft, holder.member_id, lots, instant_of_seconds(self.scene.accepted_at))
        frozen = frozen_of(draft, holder.member_id, {lot.programme for lot in lots})
        till, catalogue = (caller.merchant_id, self.scene.accepted_at), self.scene.catalogue
        purses = purses_of(lots, catalogue, till, frozen)
        return [
            {
                "programme": purse.code,
                "points": purse.available,
                "value_minor": minor_of_micros_floor(
                    purse.available * purse.value_micros, self.scene.desk.exponent
                ),
                "terms_version": purse.terms_version,
                "point_value_micros": purse.value_micros,
                "fee_bps": catalogue.programme(purse.programme).version(purse.terms_version).fee_bps,
            }
            for purse in purses.values()
            if purse.available
        ]

    def _earned(self, draft: Draft, holder: Holder, parts: list[int], caller: Caller) -> list[dict[str, Any]]:
        lines = self.request.lines
        cash = [line.amount_minor - part for line, part in zip(lines, parts, strict=True)]
        at = instant_of_seconds(self.scene.accepted_at)
        visit = self.scene.visit(holder, caller.merchant_id, at, self.request.store)
        decided = decide(draft, self.scene.ladders, visit)
        applied = {key: one.applied for key, one in decided.items()}
        purchase = Purchase(holder, bytes(16), lines, cash, at, applied, self.request.tenders)
        views = _views(earn_of(draft, purchase, visit.programmes), seconds_floor(at))
        tiers = {self.scene.codes()[key]: one.view() for key, one in decided.items()}
        return [{**view, "tier": tiers.get(view["programme"])} for view in views]


def _views(earns: Iterable[EarnedBy], at: int) -> Iterable[dict[str, Any]]:
    for by in earns:
        programme = by.programme
        waiting = waiting_of(programme.pending_of(by.rule), at)
        vests_at = at if waiting is None else waiting.vests_at
        terms = terms_in_force(programme.terms, at)
        epoch = epoch_of_issue(programme.epoch_ends, vests_at, terms.validity_epochs) if terms else None
        ends_at = programme.epoch_ends[epoch - 1] if epoch is not None else NEVER_SECONDS
        yield {
            "programme": programme.code,
            "points": by.earned.points if epoch is not None else 0,
            "rule_version": by.rule.version,
            "base_minor": by.earned.base_minor,
            "capped": by.earned.points < by.earned.uncapped_points,
            "conditions": [meant_view(one) for one in by.meant],
            "epoch": epoch,
            "expires_at": format_instant(instant_of_seconds(ends_at)) if ends_at < NEVER_SECONDS else None,
            "state": "available" if waiting is None else "pending",
            "vests_at": None if waiting is None else format_instant(instant_of_seconds(waiting.vests_at)),
            "awaits": None if waiting is None else waiting.event,
        }
