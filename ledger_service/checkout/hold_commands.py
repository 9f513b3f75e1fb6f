"""Authorise, void, extend and expire: points held under a permit for one merchant (D17, INV-3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import orjson

from ledger_service.checkout import guarding
from ledger_service.checkout.couponing.holding import HeldCoupons
from ledger_service.checkout.days.models import day_void
from ledger_service.checkout.errors import NothingToHold
from ledger_service.checkout.held import body_of
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.permitted import check_points, spend_within
from ledger_service.checkout.presence import (
    Presence,
    check_permit,
    member_at_till,
    use_permit,
)
from ledger_service.checkout.record_views import shift_view, spent_view
from ledger_service.checkout.requests import (
    AuthoriseRequest,
    ExtendRequest,
    VoidRequest,
    Write,
)
from ledger_service.checkout.rules import Limits, SpendPlan
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.spending import Permit, permit_of, plan_spend
from ledger_service.checkout.stored import holding as cards
from ledger_service.checkout.stored.paying import held_view, paying_of
from ledger_service.checkout.taking.judging import Counter, counter_of, taking_of
from ledger_service.checkout.tiering import decide, tier_needs
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.permits import CAPTURE_WINDOW_SECONDS
from ledger_service.kernel.points import GREATEST_AMOUNT
from ledger_service.ledger import holds
from ledger_service.ledger.book import LOTS_OF_MEMBER
from ledger_service.ledger.holds import HOLD, HoldAct, NewHold
from ledger_service.members.households.spending import count_spent, mate_at_till
from ledger_service.points.parties import MEMBER_BY_ID, Holder
from ledger_service.points.permits import count_custodial


class AuthoriseCommand(KeyedCommand):
    """The points for a basket are held for the terminal's merchant until a deadline."""

    def __init__(self, write: Write, request: AuthoriseRequest, presence: Presence, scene: Scene) -> None:
        """Take what the request thread has worked out."""
        super().__init__(write)
        self.request = request
        self.presence = presence
        self.scene = scene
        # What else the hold must remember.
        self.beside: dict[str, Canonical] = {}
        self.paying = paying_of(request.sale.tenders, scene.desk, write)

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, the sums of the day that others count in too, and the cards to be held."""
        counter = self._counter()
        cards = () if self.paying is None else self.paying.locks()
        return [*self.presence.locks(), *([] if counter is None else counter.common_needs()), *cards]

    def reads(self, view: Workset) -> Iterable[Need]:
        """The member's rows, and where it stands on the merchant's ladders."""
        needs = self.presence.reads(view, self.scene.accepted_at)
        row = self.presence.row(view)
        if row is not None and self.scene.guard is not None:
            shown = guarding.Shown(self.write, self.request.sale, self.presence, row)
            needs += guarding.sale_needs(self.scene.guard, shown)
        counter = self._counter()
        if row is not None and counter is not None:
            needs += counter.member_needs(row["member_id"])
        if row is None or not self.scene.ladders.count:
            return needs
        issuers = self.scene.catalogue.by_issuer.get(self.write.caller.merchant_id, ())
        at = seconds_floor(self.write.at)
        return needs + tier_needs(self.scene.ladders, row["member_id"], issuers, at)

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Check the permit and move the points from available to held."""
        scene, sale, hold_id = self.scene, self.request.sale, self.id_of("hold")
        scene.check()
        holder = member_at_till(draft, self.presence)
        signed = check_permit(draft, self.presence, scene.desk, scene.accepted_at)
        permit = permit_of(self.presence)
        payable = sum(scene.payable(sale.lines, self.write.caller.merchant_id))
        limits = Limits(payable, permit.max_value_micros, scene.desk.exponent)
        spend, counter = spend_within(self.write.caller, sale.spend), self._counter()
        taking = None if counter is None else taking_of(draft, counter, holder.member_id)
        if taking is not None:
            limits = taking.limits(limits, spend)
        till = self.write.caller.merchant_id, scene.accepted_at
        if scene.guard is not None:
            payer = guarding.Payer(scene.desk, scene.catalogue, till, signed, limits.total_minor)
            shown = guarding.Shown(self.write, sale, self.presence, self.presence.row(draft))
            guarding.judge_code(draft, scene.guard, (shown, holder, payer), None)
        plan = plan_spend(draft, holder, scene.catalogue, spend, (limits, till))
        if taking is not None:
            plan = taking.count(draft, plan, spend)
        check_points(self.write.caller, plan.value_minor)
        if not plan.legs:
            raise NothingToHold
        use_permit(draft, self.presence, hold_id, self.write.at)
        if signed.custodial:
            count_custodial(draft, holder.account, plan.value_micros, scene.desk.limits, scene.accepted_at)
        if holder.household:
            count_spent(draft, holder.member_id, signed.device_id, plan.value_micros, self.write.at)
        body = {**body_of(permit, self.request, plan), **self._tiers(draft, holder), **self.beside}
        body |= {} if self.paying is None else self.paying.reserve(draft, sale.tenders, hold_id)
        if scene.taking is not None:
            body["taking"] = scene.taking.version
        if signed.custodial:
            body["custodial"] = self.presence.custodial_by
        if holder.household:
            body["mate"] = mate_at_till(draft, holder.member_id, signed.device_id, self.write.at)["member_id"]
        new = self._hold(hold_id, holder, plan, (permit, body))
        holds.open_hold(draft, new, self.write.at)
        return 201, self._answer(new, plan)

    def _counter(self) -> Counter | None:
        sale = self.request.sale
        return counter_of(self.scene, self.write.caller.merchant_id, (sale.store, sale.lines))

    def _tiers(self, draft: Draft, holder: Holder) -> dict[str, Canonical]:
        """By which tiers the captures will earn, where the merchant's programmes have any."""
        merchant_id = self.write.caller.merchant_id
        visit = self.scene.visit(holder, merchant_id, self.write.at, self.request.sale.store)
        decided = decide(draft, self.scene.ladders, visit)
        return {"tiers": {str(key): one.applied.values() for key, one in decided.items()}} if decided else {}

    def _hold(
        self, hold_id: bytes, holder: Holder, plan: SpendPlan, kept: tuple[Permit, dict[str, Canonical]]
    ) -> NewHold:
        permit, body = kept
        accepted = instant_of_seconds(self.scene.accepted_at)
        latest = accepted + timedelta(seconds=CAPTURE_WINDOW_SECONDS)
        ends = max(self.write.at, accepted) + timedelta(seconds=self.request.ttl_seconds)
        return NewHold(
            hold_id,
            holder.member_id,
            holder.ledger_base,
            self.write.caller.merchant_id,
            self.request.sale.store,
            self.write.caller.terminal_id,
            accepted,
            min(ends, latest),
            latest,
            plan.legs,
            permit.digest,
            min(permit.max_value_micros, GREATEST_AMOUNT),
            body,
        )

    def _answer(self, new: NewHold, plan: SpendPlan) -> dict[str, Any]:
        paid = tuple((p.programme, p.points, p.value_minor) for p in plan.paid)
        return {
            "hold_id": id_text(new.hold_id),
            "state": "open",
            "merchant": gln_text(new.merchant_id),
            "store": gln_text(new.store_gln),
            "reference": self.request.sale.reference,
            "currency": self.request.sale.currency,
            "held": spent_view(plan.legs, paid, self.scene.codes()),
            "held_value_minor": plan.value_minor,
            "several": self.request.several,
            "expires_at": format_instant(new.expires_at),
            "latest_at": format_instant(new.latest_at),
            **({"custodial": new.body["custodial"]} if "custodial" in new.body else {}),
            **held_view(new.body),
        }


class HoldCommand(KeyedCommand):
    """A write on one hold: its member is locked, since every other way to the hold locks it too.

    Locks: the member, the cards that it holds, and the counters of the coupons that it reserves.
    """

    def __init__(self, write: Write, hold_id: bytes, coupons: HeldCoupons) -> None:
        super().__init__(write)
        self.hold_id = hold_id
        self.coupons = coupons

    def probe(self) -> Iterable[Need]:
        """The hold, for its member."""
        return [HOLD.of(self.hold_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        row = view.one(HOLD, self.hold_id)
        if row is None:
            return []
        return [MEMBER_BY_ID.of(row["member_id"]), *self.coupons.locks(row), *cards.card_locks(row)]

    def reads(self, view: Workset) -> Iterable[Need]:
        """The hold."""
        return [HOLD.of(self.hold_id)]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """The lots of its member, its coupons, and what it holds of cards."""
        row = view.one(HOLD, self.hold_id)
        if row is None:
            return []
        return [LOTS_OF_MEMBER.of(row["member_id"]), *self.coupons.reads(row), *cards.card_reads(row)]

    def free_beside(self, draft: Draft) -> None:
        """What the hold, which is closed, still has of coupons and cards is available again."""
        self.coupons.free(draft, self.hold_id, self.write)
        cards.free_cards(draft, self.hold_id)

    def act(self, kind: str) -> HoldAct:
        """What the ledger is told of the write."""
        return HoldAct(self.hold_id, self.write.caller.merchant_id, self.id_of(kind), self.write.at)


class VoidCommand(HoldCommand):
    """The hold is closed, and its points and coupons are available again."""

    def __init__(self, write: Write, request: VoidRequest, scene: Scene, coupons: HeldCoupons) -> None:
        """Take the request, the scene, and who frees coupons."""
        super().__init__(write, request.hold_id, coupons)
        self.request = request
        self.scene = scene

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Release what is left, and note in which day it happened.

        Raises:
            HoldUnknown, HoldClosed, BusinessDateOutOfRange.
        """
        held = holds.the_hold(draft, self.hold_id, self.write.caller.merchant_id).row
        day = self._day(held["store_gln"])
        holds.release(draft, self.act("void"), "void")
        self.free_beside(draft)
        cashier = self.request.shift.cashier
        if day is not None:
            draft.add(day_void, {
                "hold_id": self.hold_id, "store_gln": held["store_gln"], "business_day": day,
                "terminal_id": self.write.caller.terminal_id, "cashier": cashier,
                "reference": orjson.loads(held["body"]).get("reference", ""), "occurred_at": self.write.at,
            })  # fmt: skip
        answer = {"hold_id": id_text(self.hold_id), "state": "closed", "closed_by": "void"}
        return 200, answer | shift_view(day, cashier)

    def _day(self, store_gln: int) -> int | None:
        places, said = self.scene.places, self.request.shift.business_day
        return None if places is None else places.day_at(store_gln, self.scene.accepted_at, said)


class ExtendCommand(HoldCommand):
    """The hold's deadline moves to so many seconds from now."""

    def __init__(self, write: Write, request: ExtendRequest, coupons: HeldCoupons) -> None:
        """Take the request; the coupons stay reserved."""
        super().__init__(write, request.hold_id, coupons)
        self.request = request

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Move the deadline."""
        until = self.write.at + timedelta(seconds=self.request.ttl_seconds)
        holds.extend(draft, self.act("extend"), until)
        return 200, {
            "hold_id": id_text(self.hold_id),
            "state": "open",
            "expires_at": format_instant(until),
        }


class ExpireHoldCommand(HoldCommand):
    """A job's step: a hold past its deadline is closed; its caller is the job and its key the hold."""

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Release what is left when the deadline has passed."""
        act = HoldAct(self.hold_id, None, self.id_of("expire"), self.write.at)
        expired = holds.expire(draft, act) is not None
        if expired:
            self.free_beside(draft)
        return 200, {"expired": expired}
