"""Booking one offline sale: as a sale online, but as of its own time, and with losses instead of refusals.

The goods have left the shop. So where points cannot be taken any more the sale stands without them, and the
merchant whose till took the code bears the rest; the allowance that it set beforehand bounds what that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.claimed_receipts import codes_of, look_for, numbers_of, sold_at
from ledger_service.checkout.days.models import store_day
from ledger_service.checkout.earning import day_needs
from ledger_service.checkout.errors import ClockSkew, IdempotencyKeyReused
from ledger_service.checkout.invoice_book import invoice_needs, record_invoice
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.models import idempotency, sale
from ledger_service.checkout.offline.errors import OfflineSaleTooLate
from ledger_service.checkout.offline.models import offline_sale
from ledger_service.checkout.offline.requests import OfflineSale
from ledger_service.checkout.offline.rules import (
    TOO_LATE_SECONDS,
    Cause,
    Loss,
    Timing,
    timing_of,
    written_off,
)
from ledger_service.checkout.offline.spending import Attempt, allowance_needs, take_points, window_need
from ledger_service.checkout.presence import Presence, member_at_till
from ledger_service.checkout.receipts import SERIES
from ledger_service.checkout.record_views import answer_of
from ledger_service.checkout.records import SpentRecord
from ledger_service.checkout.requests import Write
from ledger_service.checkout.sale_command import Capture, book, operations_of_sale
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.taking.judging import Counter, counter_of, taking_of
from ledger_service.checkout.taking.views import offline_beyond
from ledger_service.checkout.tender_rules import with_points
from ledger_service.checkout.tiering import tier_needs
from ledger_service.coupons.wallet.errors import CouponCodesLocked
from ledger_service.db.errors import WriterBusy
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.ids import id_text
from ledger_service.members.errors import MemberFrozen
from ledger_service.merchants.errors import MerchantSuspended
from ledger_service.points.errors import OperationAdopted
from ledger_service.points.models import permit_use
from ledger_service.points.parties import MERCHANT, Holder
from ledger_service.points.permits import nonce_key
from ledger_service.points.receipts.book import BY_MARK, Look, has_earned

SALE: Load = load_by(sale, "sale_id")
STORE_DAY: Load = load_by(store_day, "store_gln", "business_day")
# What time or an operator may mend: nothing is stored, and the till sends the sale again.
PASSING = (MerchantSuspended, MemberFrozen, ClockSkew, CouponCodesLocked, WriterBusy)
_REFUSED = 422


@dataclass(frozen=True, slots=True)
class Arrival:
    """An uploaded sale, who it names, and whether the till's key signed the acceptance."""

    item: OfflineSale
    presence: Presence | None
    signed: bool


class OfflineSaleCommand(KeyedCommand):
    """One offline sale is booked or refused for good, once for its key.

    Idempotency: by terminal and the sale's own key, which a sale online shares.
    Invariants: INV-1, INV-2, INV-9, INV-10, INV-11.
    """

    def __init__(self, write: Write, arrival: Arrival, scene: Scene) -> None:
        """Take what the request thread has worked out; ``write`` is of the upload, its key the sale's."""
        super().__init__(write)
        self.item = arrival.item
        self.presence = arrival.presence
        # The goods have left: what the merchant takes no more is counted and told, and refused to nobody.
        self.scene, self._taking = replace(scene, taking=None), scene.taking
        self.sale_id = self.id_of("sale")
        self._signed = arrival.signed
        # An invoice has the date on which it was printed, however late the sale arrives.
        self._sold = replace(write, at=arrival.item.sold_at)
        self._timing = timing_of(seconds_floor(arrival.item.sold_at), seconds_floor(write.at))
        # A day late a sale counts as if it were made now: the chain's window is short, rules have gone on.
        self.counts_at = write.at if self._timing is Timing.LATE else arrival.item.sold_at
        # Of what the till took off for coupons, what none covers.
        self.coupons_loss_minor = arrival.item.coupons_minor

    def probe(self) -> Iterable[Need]:
        """Claims of this very receipt, granted or asked for while the till was cut off."""
        return self._look(None).first()

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member; where points should pay, the terminal, whose window they count in; the seller, where
        the receipt was claimed: its row orders the sale against claims."""
        if self.item.offered_minor:
            yield from allowance_needs(self.write.caller.terminal_id)[:1]
            counter = self._counter()
            yield from () if counter is None else counter.common_needs()
        if self.presence is not None:
            yield from self.presence.locks()
        if any(view.find(BY_MARK, mark) for mark in self._look(None).marks):
            yield MERCHANT.of(self.write.caller.merchant_id)

    def reads(self, view: Workset) -> Iterable[Need]:
        """What a sale online reads, as of this one's time, and the terminal's allowances."""
        yield SERIES.of(self.scene.desk.worker)
        yield from invoice_needs(self._sold, self.item.sale.invoice)
        yield STORE_DAY.of(self.item.sale.store, self.scene.business_day or 0)
        if self.item.offered_minor:
            yield from allowance_needs(self.write.caller.terminal_id)[1:]
        yield from self._look(None).first()
        if self.presence is None:
            return
        yield from self.presence.reads(view, self.scene.accepted_at)
        issuers = self.scene.catalogue.by_issuer.get(self.write.caller.merchant_id, ())
        yield from self.scene.worker.needs(issuers)
        row = self.presence.row(view)
        if row is not None:
            yield from self._look(row["member_id"]).first()
            yield from day_needs(row["member_id"], issuers, self.counts_at)
            counter = self._counter()
            yield from () if counter is None else counter.member_needs(row["member_id"])
            counts_at = seconds_floor(self.counts_at)
            for at in {counts_at, max(counts_at, seconds_floor(self.write.at))}:
                yield from tier_needs(self.scene.ladders, row["member_id"], issuers, at)

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """What claims stand for, the window of the allowance, and the sale that has used the permit."""
        row = None if self.presence is None else self.presence.row(view)
        yield from self._look(None if row is None else row["member_id"]).second(view)
        if not self.item.offered_minor:
            return
        need = window_need(view, self._attempt(None))
        if need is not None:
            yield need
        used = self._used(view)
        if used is not None:
            yield SALE.of(used["used_by"])

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """The sale is booked, with what points still pay; the rest is a loss."""
        self._check_adopted(draft)
        if self._timing is Timing.TOO_LATE:
            raise OfflineSaleTooLate(format_instant(self.item.sold_at), TOO_LATE_SECONDS // 86_400)
        self.scene.check()
        if self._timing is Timing.AHEAD:
            raise ClockSkew(seconds_floor(self.item.sold_at), seconds_floor(self.write.at))
        holder = member_at_till(draft, self.presence) if self.presence is not None else None
        spent, loss = take_points(draft, self._attempt(holder))
        told = self._taken(draft, holder, spent)
        borne = loss.value_minor if loss is not None else 0
        lines, request = written_off(self.item.sale.lines, borne), self.item.sale
        tenders = with_points(request.tenders, spent.paid if spent is not None else (), self.scene.codes())
        capture = Capture(
            self.sale_id, "sale", request.store, request.reference, lines, holder, spent,
            tenders=tenders, known_at=self.write.at,
            business_day=self.scene.business_day, cashier=request.shift.cashier,
            answered=self._was_answered(draft, holder, sum(line.amount_minor for line in lines)),
        )  # fmt: skip
        record = book(draft, replace(self.write, at=self.counts_at), capture, self.scene)
        numbered = record_invoice(draft, self._sold, request.invoice, self.sale_id)
        self._note(draft, (holder, spent), loss, None)
        day = draft.one(STORE_DAY, request.store, self.scene.business_day or 0)
        closed = day is not None and day["closes"] > 0
        booked = {"sale": answer_of(record, self.scene.codes()) | numbered, "into_closed_day": closed, **told}
        if capture.answered:
            booked["already_claimed"] = True
        return 201, self._answer("certain", loss, booked)

    def refused(self, draft: Draft, error: DomainError) -> Answer:
        """A refusal that nothing will mend is an answer too: stored, listed, and a loss where points paid.

        Raises:
            DomainError: what may pass, a key that has served another body, and a redemption that was adopted
                from the chain: points have paid, so it is nobody's loss.
        """
        if isinstance(error, (*PASSING, IdempotencyKeyReused, OperationAdopted)):
            raise error
        offered = self.item.offered_minor
        loss = None
        if offered:
            _, loss = take_points(draft, replace(self._attempt(None), refusal=error.code))
        self._note(draft, (None, None), loss, error.code)
        body = orjson.dumps(self._answer("refused", loss, {"code": error.code, "params": error.params}))
        write = self.write
        kept = {"subject": write.caller.subject, "key": write.key, "body_hash": write.body_hash}
        answered = {"status": _REFUSED, "response": body, "created_at": write.at}
        draft.add(idempotency, kept | answered)
        return Answer(_REFUSED, body)

    def operations(self) -> Sequence[bytes]:
        """Its redemption and what its member earns."""
        return operations_of_sale(self, self.scene) if self.presence is not None else ()

    def _look(self, member_id: int | None) -> Look:
        request, merchant_id = self.item.sale, self.write.caller.merchant_id
        numbers = numbers_of(merchant_id, request.store, request.reference)
        return look_for(numbers, self._codes(), member_id)

    def _codes(self) -> frozenset[bytes]:
        given = self.item.sale.invoice
        invoices = [] if given is None else [given.number]
        return codes_of(self.write.caller.merchant_id, self.sale_id, invoices)

    def _was_answered(self, draft: Draft, holder: Holder | None, total_minor: int) -> bool:
        """Whether a claim of this receipt was granted while the till was cut off."""
        sold = sold_at(self.scene, (self.sale_id, self.item.sale.store), self.item.sold_at, total_minor)
        sold = replace(sold, codes=self._codes())
        look = self._look(None if holder is None else holder.member_id)
        return has_earned(draft, look, sold, self.write.at)

    def _check_adopted(self, draft: Draft) -> None:
        """A permit that this very redemption has used, without a sale, was adopted after a restore."""
        used = self._used(draft) if self.item.offered_minor else None
        if used is not None and used["used_by"] == self.id_of("redeem"):
            raise OperationAdopted(id_text(used["used_by"]), 0, 0)

    def _attempt(self, holder: Holder | None) -> Attempt:
        return Attempt(
            self.write, self.item, holder, self.presence, self.scene, self.sale_id, self._signed,
            late=self._timing in (Timing.LATE, Timing.TOO_LATE),
        )  # fmt: skip

    def _counter(self) -> Counter | None:
        scene, sale = replace(self.scene, taking=self._taking), self.item.sale
        return counter_of(scene, self.write.caller.merchant_id, (sale.store, sale.lines))

    def _taken(self, draft: Draft, holder: Holder | None, spent: SpentRecord | None) -> dict[str, Any]:
        """What the points have paid counts in the sums of the day, and is told where a rule was passed."""
        counter = self._counter()
        if counter is None or holder is None or spent is None:
            return {}
        taking = taking_of(draft, counter, holder.member_id)
        passed = offline_beyond(taking, spent)
        taking.note(draft, spent.value_minor)
        return {"beyond_acceptance": passed}

    def _used(self, view: Workset | Draft) -> Mapping[str, Any] | None:
        code = self.presence.pay_code if self.presence is not None else None
        if code is None or self.presence is None or self.presence.row(view) is None:
            return None
        return view.get(permit_use, (code.permit.account, nonce_key(code.permit.nonce)))

    def _note(
        self, draft: Draft, who: tuple[Holder | None, SpentRecord | None], loss: Loss | None, code: str | None
    ) -> None:
        (holder, spent), caller, item = who, self.write.caller, self.item
        within = loss.value_minor if loss is not None and not loss.beyond else 0
        beyond = loss.value_minor if loss is not None and loss.beyond else 0
        cause = (code or Cause.COUPONS_REFUSED) if self.coupons_loss_minor else None
        row = {
            "sale_id": self.sale_id, "merchant_id": caller.merchant_id, "terminal_id": caller.terminal_id,
            "key": self.write.key, "member_id": holder.member_id if holder is not None else None,
            "state": "certain" if code is None else "refused", "code": code, "sold_at": item.sold_at,
            "received_at": self.write.at, "offered_minor": item.offered_minor,
            "paid_minor": spent.value_minor if spent is not None else 0, "loss_minor": within,
            "beyond_minor": beyond, "cause": loss.cause if loss is not None else cause,
            "flagged": loss is not None and loss.flagged, "won_by": loss.won_by if loss is not None else None,
            "coupons_minor": item.coupons_minor, "coupons_loss_minor": self.coupons_loss_minor,
        }  # fmt: skip
        draft.add(offline_sale, row)

    def _answer(self, state: str, loss: Loss | None, rest: dict[str, Any]) -> dict[str, Any]:
        return {
            "key": self.write.key,
            "state": state,
            "late": self._timing is not Timing.IN_TIME,
            "sale_id": id_text(self.sale_id),
            "sold_at": format_instant(self.item.sold_at),
            "counts_from": format_instant(instant_of_seconds(seconds_floor(self.counts_at))),
            "loss": loss_view(loss),
            **rest,
        }


def loss_view(loss: Loss | None) -> dict[str, Any] | None:
    """What the till is told of a loss; None where there is none."""
    if loss is None:
        return None
    return {
        "value_minor": loss.value_minor,
        "cause": loss.cause,
        "within_allowance": not loss.beyond,
        "member_flagged": loss.flagged,
        "won_by": id_text(loss.won_by) if loss.won_by is not None else None,
    }
