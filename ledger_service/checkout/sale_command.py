"""The one-call sale: authorise and capture in one decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.checkout import guarding
from ledger_service.checkout.basket import Tender
from ledger_service.checkout.collecting.marking import mark
from ledger_service.checkout.earning import Purchase, day_needs, earn_of, issue_earn, issue_id, qualifying_of
from ledger_service.checkout.invoice_book import invoice_needs, record_invoice
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.models import sale
from ledger_service.checkout.permitted import check_points, spend_within
from ledger_service.checkout.presence import (
    Presence,
    check_permit,
    member_at_till,
    use_permit,
)
from ledger_service.checkout.receipts import SERIES, Promise, write_receipt
from ledger_service.checkout.record_views import answer_of
from ledger_service.checkout.records import EarnedRecord, SaleRecord, SpentRecord
from ledger_service.checkout.requests import Line, SaleRequest, Write
from ledger_service.checkout.rules import Limits
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.spending import Redemption, permit_of, plan_spend, redeem, spent_record
from ledger_service.checkout.stored.acts import act_of
from ledger_service.checkout.stored.paying import paying_of
from ledger_service.checkout.taking.judging import Counter, counter_of, taking_of
from ledger_service.checkout.tender_rules import check_tenders, points_parts, with_points
from ledger_service.checkout.tiering import NOT_TIERED, Applied, count_purchase, decide, tier_needs
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import seconds_floor
from ledger_service.members.households.spending import count_spent
from ledger_service.members.rules import Device
from ledger_service.points.parties import Holder
from ledger_service.points.permits import count_custodial


@dataclass(frozen=True, slots=True)
class Capture:
    """A basket about to be booked; ``spent`` is its redemption, already in the draft.

    ``applied`` are the tiers that its hold was given; None where they are to be decided now. ``known_at`` is
    when a sale that was made without a connection came in; None for one that is made now. What it earns waits
    for a review until ``review_until``, where there is one. ``held_at`` is when its hold was authorised. What
    is ``answered`` counts towards tiers and earns nothing: a granted claim has given what it would earn.
    """

    sale_id: bytes
    kind: str
    store_gln: int
    reference: str
    lines: Sequence[Line]
    holder: Holder | None
    spent: SpentRecord | None = None
    hold_id: bytes | None = None
    applied: Mapping[int, Applied] | None = None
    tenders: tuple[Tender, ...] = ()
    known_at: datetime | None = None
    business_day: int | None = None
    cashier: str | None = None
    review_until: datetime | None = None
    held_at: datetime | None = None
    answered: bool = False


class SaleCommand(KeyedCommand):
    """A basket, perhaps with a member who earns, perhaps partly paid in points under a pay code."""

    def __init__(self, write: Write, request: SaleRequest, presence: Presence | None, scene: Scene) -> None:
        """Take what the request thread has worked out."""
        super().__init__(write)
        self.request = request
        self.presence = presence
        self.scene = scene
        self.paying = paying_of(request.tenders, scene.desk, write) if request.tenders else None

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, and the cards that pay."""
        cards = () if self.paying is None else self.paying.locks()
        if self.presence is None:
            return cards
        counter = None if self.scene.taking is None else self._counter()
        locks = self.presence.locks()
        return [*locks, *cards] if counter is None else [*locks, *cards, *counter.common_needs()]

    def reads(self, view: Workset) -> Iterable[Need]:
        """Receipt series, the member's rows, and blocks of the merchant's programmes."""
        needs = [SERIES.of(self.scene.desk.worker)]
        if self.request.invoice is not None:
            needs += invoice_needs(self.write, self.request.invoice)
        if self.presence is not None:
            needs += self.presence.reads(view, self.scene.accepted_at)
            issuers = self.scene.catalogue.by_issuer.get(self.write.caller.merchant_id, ())
            needs += self.scene.worker.needs(issuers)
            row = self.presence.row(view)
            if row is not None:
                needs += day_needs(row["member_id"], issuers, self.write.at)
                counter = None if self.scene.taking is None else self._counter()
                if counter is not None:
                    needs += counter.member_needs(row["member_id"])
                if self.scene.tiered(issuers):
                    at = seconds_floor(self.write.at)
                    needs += tier_needs(self.scene.ladders, row["member_id"], issuers, at)
                if self.scene.guard is not None:
                    shown = guarding.Shown(self.write, self.request, self.presence, row)
                    needs += guarding.sale_needs(self.scene.guard, shown)
        return needs

    def operations(self) -> Sequence[bytes]:
        """Its redemption and what its member earns."""
        return operations_of_sale(self, self.scene) if self.presence is not None else ()

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Check the permit, take the points, issue the earn, and write the sale."""
        self.scene.check()
        request, sale_id = self.request, self.id_of("sale")
        holder = member_at_till(draft, self.presence) if self.presence is not None else None
        spent, cleared = None, guarding.CLEAR
        if holder is not None and self.presence is not None and self.presence.pay_code is not None:
            spent, cleared = self._pay(draft, holder, self.presence, sale_id)
        elif holder is not None and self.presence is not None and self.scene.guard is not None:
            shown = self._shown(draft, self.presence)
            cleared = guarding.judge_sale(draft, self.scene.guard, shown, sale_id)
        tenders = request.tenders
        if self.paying is not None:
            said, place = (request.reference, request.shift), (request.store, self.scene.business_day)
            tenders = self.paying.pay(draft, tenders, act_of(sale_id, self.write, said, place))
        if tenders and spent is not None and request.spend is not None and request.spend.max_value_minor:
            tenders = with_points(tenders, spent.paid, self.scene.codes())
        capture = Capture(
            sale_id,
            "sale",
            request.store,
            request.reference,
            request.lines,
            holder,
            spent,
            tenders=tenders,
            business_day=self.scene.business_day,
            cashier=request.shift.cashier,
            review_until=cleared.review_until,
        )
        record = book(draft, self.write, capture, self.scene)
        answer = answer_of(record, self.scene.codes())
        if request.invoice is not None:
            answer |= record_invoice(draft, self.write, request.invoice, sale_id)
        return 201, answer

    def _pay(
        self, draft: Draft, holder: Holder, presence: Presence, sale_id: bytes
    ) -> tuple[SpentRecord | None, guarding.Cleared]:
        scene = self.scene
        signer, caller = self.signer(draft, presence), self.write.caller
        custodial = signer is None or signer.custodial
        permit = permit_of(presence)
        payable = sum(scene.payable(self.request.lines, caller.merchant_id))
        limits = Limits(payable, permit.max_value_micros, scene.desk.exponent)
        spend, cleared = spend_within(caller, self.request.spend), guarding.CLEAR
        counter = None if scene.taking is None else self._counter()
        taking = None if counter is None else taking_of(draft, counter, holder.member_id)
        if taking is not None:
            limits = taking.limits(limits, spend)
        till = caller.merchant_id, scene.accepted_at
        if scene.guard is not None and signer is not None:
            payer = guarding.Payer(scene.desk, scene.catalogue, till, signer, limits.total_minor)
            shown = self._shown(draft, presence)
            cleared = guarding.judge_code(draft, scene.guard, (shown, holder, payer), sale_id)
        plan = plan_spend(draft, holder, scene.catalogue, spend if cleared.pays else None, (limits, till))
        if taking is not None:
            plan = taking.count(draft, plan, spend)
        check_points(caller, plan.value_minor)
        use_permit(draft, presence, sale_id, self.write.at)
        if not plan.legs:
            return None, cleared
        if custodial:
            count_custodial(draft, holder.account, plan.value_micros, scene.desk.limits, scene.accepted_at)
        if holder.household and signer is not None:
            count_spent(draft, holder.member_id, signer.device_id, plan.value_micros, self.write.at)
        op_id = self.id_of("redeem")
        redemption = Redemption(op_id, caller.merchant_id, permit, scene.accepted_at, plan.legs)
        leaf = redeem(draft, holder, redemption, self.write.at)
        return spent_record(op_id, leaf, plan, presence.custodial_by if custodial else None), cleared

    def _counter(self) -> Counter | None:
        """The rules of taking points over the basket, where it may be paid with any."""
        if self.presence is None or self.presence.pay_code is None:
            return None
        basket = self.request.store, self.request.lines
        return counter_of(self.scene, self.write.caller.merchant_id, basket)

    def _shown(self, draft: Draft, presence: Presence) -> guarding.Shown:
        return guarding.Shown(self.write, self.request, presence, presence.row(draft))

    def signer(self, draft: Draft, presence: Presence) -> Device | None:
        """The device whose pay code serves; None where custody would have signed and was not asked.

        Raises:
            DomainError: what ``check_permit`` raises.
        """
        return check_permit(draft, presence, self.scene.desk, self.scene.accepted_at)


def operations_of_sale(command: KeyedCommand, scene: Scene) -> Sequence[bytes]:
    """The ids of what a basket may redeem and issue under the command's key."""
    sale_id = command.id_of("sale")
    issuers = scene.catalogue.by_issuer.get(command.write.caller.merchant_id, ())
    return [command.id_of("redeem"), *(issue_id(sale_id, p.programme_id) for p in issuers)]


def book(draft: Draft, write: Write, capture: Capture, scene: Scene) -> SaleRecord:
    """The capture is a sale: its earn is issued, its receipt signed, its row written.

    Raises:
        TendersDoNotAddUp, PointsTenderDiffers: the tenders are not what is paid.
        BlockEmpty: a block of the cap must be refilled first.
    """
    paid = capture.spent.value_minor if capture.spent is not None else 0
    merchant_id = write.caller.merchant_id
    parts = points_parts(capture.lines, scene.payable(capture.lines, merchant_id), paid)
    total = _checked_total(capture, scene)
    earned = _earn(draft, write, (capture, parts), scene)
    leaves = [capture.spent.leaf] if capture.spent is not None else []
    leaves += [bytes.fromhex(e.leaf) for e in earned if e.leaf]
    custodial = capture.spent.custodial if capture.spent is not None else None
    promise = Promise(capture.sale_id, capture.kind, merchant_id, total, leaves, write.at, custodial)
    record = SaleRecord(
        capture.sale_id,
        capture.kind,
        merchant_id,
        capture.store_gln,
        write.caller.terminal_id,
        capture.holder.member_id if capture.holder is not None else None,
        capture.hold_id,
        capture.reference,
        scene.desk.currency,
        tuple(zip(capture.lines, parts, strict=True)),
        capture.spent,
        tuple(earned),
        write_receipt(draft, promise, scene.desk),
        write.at,
        tenders=capture.tenders,
        business_day=capture.business_day,
        cashier=capture.cashier,
    )
    draft.add(sale, record.row())
    if record.member_id is not None and merchant_id in scene.collecting:
        mark(draft, record.sale_id, record.sale_id, record.member_id, write.at)
    return record


def _earn(draft: Draft, write: Write, basket: tuple[Capture, list[int]], scene: Scene) -> list[EarnedRecord]:
    """The basket's earn is issued by the member's tiers, and counts towards them."""
    capture, parts = basket
    holder, ladders = capture.holder, scene.ladders
    if holder is None:
        return []
    issuers = scene.catalogue.by_issuer.get(write.caller.merchant_id, ())
    applied, visit = capture.applied, None
    if scene.tiered(issuers):
        visit = scene.visit(holder, write.caller.merchant_id, write.at, capture.store_gln)
        if applied is None:
            applied = {key: one.applied for key, one in decide(draft, ladders, visit).items()}
    cash = [line.amount_minor - part for line, part in zip(capture.lines, parts, strict=True)]
    purchase = Purchase(
        holder, capture.sale_id, capture.lines, cash, write.at, applied or NOT_TIERED, capture.tenders,
        capture.known_at,
        capture.review_until, capture.hold_id, capture.held_at,
    )  # fmt: skip
    earns = earn_of(draft, purchase, issuers)
    if visit is not None:
        climbing = [by for by in earns if by.programme.programme_id in ladders.by_programme]
        now = visit.at if capture.known_at is None else seconds_floor(capture.known_at)
        count_purchase(draft, ladders, visit, qualifying_of(purchase, climbing), max(now, visit.at))
    return [] if capture.answered else issue_earn(draft, purchase, earns, scene.worker)


def _checked_total(capture: Capture, scene: Scene) -> int:
    total = sum([line.amount_minor for line in capture.lines])
    if capture.tenders:
        codes = scene.codes()
        spent = capture.spent.paid if capture.spent is not None else ()
        check_tenders(capture.tenders, total, {codes[programme]: value for programme, _, value in spent})
    return total
