"""Capturing a hold: part or all of its points are redeemed in a sale of its own (D3, D17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from ledger_service.checkout.couponing.holding import HeldCoupons
from ledger_service.checkout.earning import day_needs
from ledger_service.checkout.errors import HoldFrozen
from ledger_service.checkout.hold_commands import HoldCommand
from ledger_service.checkout.invoice_book import invoice_needs, record_invoice
from ledger_service.checkout.receipts import SERIES
from ledger_service.checkout.record_views import answer_of
from ledger_service.checkout.records import SpentRecord
from ledger_service.checkout.requests import CaptureRequest, Write
from ledger_service.checkout.rules import (
    NOTHING,
    Limits,
    Purse,
    SpendPlan,
    left_before_freeze,
    plan_explicit,
    plan_up_to,
)
from ledger_service.checkout.sale_command import Capture, book, operations_of_sale
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.spending import Permit, Redemption, spent_record
from ledger_service.checkout.stored.acts import act_of
from ledger_service.checkout.stored.holding import pay_held
from ledger_service.checkout.taking.rules import share_of_ticket
from ledger_service.checkout.tiering import applied_of_values, tier_needs
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.ids import id_text
from ledger_service.ledger import holds
from ledger_service.ledger.holds import HOLD, HoldView
from ledger_service.ledger.models import hold
from ledger_service.members.households.spending import MATES
from ledger_service.outbox.service import enqueue
from ledger_service.points.issuance import STANDING_OF_MEMBER
from ledger_service.points.parties import MEMBER_BY_ID, Holder


class CaptureCommand(HoldCommand):
    """Part or all of a hold becomes a sale of its own, with its own earn and receipt."""

    def __init__(self, write: Write, request: CaptureRequest, scene: Scene, coupons: HeldCoupons) -> None:
        """Take the request, the scene, and who knows the coupons of holds."""
        super().__init__(write, request.hold_id, coupons)
        self.request = self._asked = request
        self.scene = scene

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """Lots, standing, receipt series and blocks."""
        yield from super().reads_second(view)
        row = view.one(HOLD, self.hold_id)
        issuers = self.scene.catalogue.by_issuer.get(self.write.caller.merchant_id, ())
        if row is not None:
            yield from self.coupons.goods_needs(row, self._asked.lines)
            yield STANDING_OF_MEMBER.of(row["member_id"])
            yield from day_needs(row["member_id"], issuers, self.write.at)
            at = seconds_floor(self.write.at)
            yield from tier_needs(self.scene.ladders, row["member_id"], issuers, at)
            if row["body"].find('"mate"') > 0:
                yield MATES.of(row["member_id"])
        yield from self.scene.worker.needs(issuers)
        yield SERIES.of(self.scene.desk.worker)
        yield from invoice_needs(self.write, self.request.invoice)

    def operations(self) -> Sequence[bytes]:
        """Its redemption and what its member earns."""
        return operations_of_sale(self, self.scene)

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Redeem from the hold at the authorisation's acceptance time, then book the sale (ADR 0014).

        What the held coupons leave of the lines is what is paid and sold.
        """
        self.scene.check()
        view = holds.the_hold(draft, self.hold_id, self.write.caller.merchant_id)
        chosen = self.coupons.chosen(draft, view.row, self._asked.lines, self.scene.desk.currency)
        self.request = self._asked if chosen is None else replace(self._asked, lines=chosen.lines)
        answer = self._captured(draft, view)
        coupons = {} if chosen is None else chosen.consumed(draft, self.id_of("sale"), self.write)
        if answer["hold_state"] == "closed":
            self.free_beside(draft)
        return 201, answer | coupons

    def _captured(self, draft: Draft, view: HoldView) -> dict[str, Any]:
        request, held = self.request, orjson.loads(view.row["body"])
        scene = self.scene = self._as_held(self.scene, held)
        plan = self._plan(view, held)
        taken = {(g.programme, g.epoch): g.amount for g in plan.legs}
        amounts = [taken.get((g.programme, g.epoch), 0) for g in view.legs]
        final = request.final or not held["several"]
        holds.capture(draft, self.act("redeem")._replace(said=_said(request)), amounts, final=final)
        member = _member_row(draft, view.row["member_id"])
        self._check_freeze(member["frozen_at"], member["status"] == "frozen", view)
        if "mate" in held:
            mates = draft.find(MATES, view.row["member_id"])
            began = next((m["frozen_at"] for m in mates if m["member_id"] == held["mate"]), None)
            self._check_freeze(began, False, view)
        holder = Holder.of(member)
        spent = self._redeem(draft, holder, view, plan) if plan.legs else None
        day, sale_id = self._day(view.row["store_gln"]), self.id_of("sale")
        said, place = (request.reference, request.shift), (view.row["store_gln"], day)
        act = act_of(sale_id, self.write, said, place)
        capture = Capture(
            sale_id,
            "capture",
            view.row["store_gln"],
            request.reference,
            request.lines,
            holder,
            spent,
            self.hold_id,
            # As the authorisation decided, whatever was bought, refunded or published since.
            {int(key): applied_of_values(kept) for key, kept in held.get("tiers", {}).items()},
            pay_held(draft, self.hold_id, request.tenders, act),
            business_day=day,
            cashier=request.shift.cashier,
            held_at=view.row["accepted_at"],
        )
        record = book(draft, self.write, capture, scene)
        after = draft.get(hold, self.hold_id) or view.row
        answer = answer_of(record, scene.codes())
        answer |= record_invoice(draft, self.write, request.invoice, record.sale_id)
        return {**answer, "hold_id": id_text(self.hold_id), "hold_state": after["state"]}

    def _day(self, store_gln: int) -> int | None:
        """The business day of the store that the hold was made in, now."""
        places = self.scene.places
        said = self.request.shift.business_day
        return None if places is None else places.day_at(store_gln, self.scene.accepted_at, said)

    def _check_freeze(self, began: datetime | None, frozen: bool, view: HoldView) -> None:
        # Erasure keeps frozen_at, so that it does not set a thief's hold free.
        if began is None and not frozen:
            return
        if not left_before_freeze(self.request.delivered_at, view.row["accepted_at"], began):
            raise HoldFrozen(id_text(self.hold_id))

    def _plan(self, view: HoldView, held: Mapping[str, Any]) -> SpendPlan:
        lines, merchant_id, taking = self.request.lines, self.write.caller.merchant_id, self.scene.taking
        total = sum(self.scene.payable(lines, merchant_id))
        if taking is not None:
            payable = self.scene.payable_by_programmes(lines, merchant_id)
            total = share_of_ticket(taking.rules, lines, payable)
        limits = Limits(total, int(held["max_value_micros"]), self.scene.desk.exponent)
        purses = self._purses(view)
        spend = self.request.spend
        if not any(view.left):
            return NOTHING
        if spend is None or spend.max_value_minor is not None:
            most = total if spend is None else min(total, spend.max_value_minor or 0)
            return plan_up_to(purses, Limits(most, limits.permit_micros, limits.exponent))
        by_code = {purse.code: purse for purse in purses.values()}
        wanted = [(by_code.get(g.programme) or _empty(g.programme), g.points) for g in spend.legs]
        return plan_explicit(purses, wanted, limits)

    def _as_held(self, scene: Scene, held: Mapping[str, Any]) -> Scene:
        """The scene with the rules of taking points that the hold was judged by, whatever holds now."""
        number, places = held.get("taking"), scene.places
        if scene.taking is None and number is None:
            return scene
        known = () if places is None else places.taking.get(self.write.caller.merchant_id, ())
        return replace(scene, taking=next((one for one in known if one.version == number), None))

    def _purses(self, view: HoldView) -> dict[int, Purse]:
        found: dict[int, Purse] = {}
        for programme_id in sorted({g.programme for g in view.legs}):
            programme = self.scene.catalogue.programme(programme_id)
            legs = [(g, n) for g, n in zip(view.legs, view.left, strict=True) if g.programme == programme_id]
            version = legs[0][0].terms_version
            value = programme.version(version).point_value_micros
            lots = tuple((g.epoch, programme.epoch_ends[g.epoch - 1], n) for g, n in legs if n)
            found[programme_id] = Purse(programme_id, programme.code, version, value, lots)
        return found

    def _redeem(self, draft: Draft, holder: Holder, view: HoldView, plan: SpendPlan) -> SpentRecord:
        held = orjson.loads(view.row["body"])
        redemption = Redemption(
            self.id_of("redeem"),
            view.row["merchant_id"],
            _permit_of_hold(held, view.row),
            seconds_floor(view.row["accepted_at"]),
            plan.legs,
            series=held["several"],
        )
        operation = redemption.operation()
        leaf = enqueue(draft, operation, holder.member_id)
        return spent_record(redemption.op_id, leaf, plan, held.get("custodial"))


def _said(request: CaptureRequest) -> dict[str, Canonical]:
    return {} if request.delivered_at is None else {"delivered_at": format_instant(request.delivered_at)}


def _permit_of_hold(held: Mapping[str, Any], row: Mapping[str, Any]) -> Permit:
    return Permit(
        bytes.fromhex(held["account"]),
        int(held["nonce"]),
        int(held["max_value_micros"]),
        held["valid_until"],
        row["permit_digest"],
        bytes.fromhex(held["signature"]),
    )


def _member_row(draft: Draft, member_id: int) -> Mapping[str, Any]:
    row = draft.one(MEMBER_BY_ID, member_id)
    if row is None:
        raise LookupError(f"the member {member_id} of a hold is gone")
    return row


def _empty(code: str) -> Purse:
    return Purse(0, code, 0, 1, ())
