"""Checkout for the front door: quote, sale, authorise, capture, void, extend, refund, revoke, find."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.capture_command import CaptureCommand
from ledger_service.checkout.couponing.holding import HeldCoupons
from ledger_service.checkout.couponing.service import CouponedCheckout
from ledger_service.checkout.desk import Desk
from ledger_service.checkout.event_command import EventCommand
from ledger_service.checkout.exchange_command import ExchangeCommand
from ledger_service.checkout.hold_commands import (
    AuthoriseCommand,
    ExpireHoldCommand,
    ExtendCommand,
    VoidCommand,
)
from ledger_service.checkout.permitted import permitted
from ledger_service.checkout.presence import REVOCATION, check_shown
from ledger_service.checkout.queries import SaleSearch, sale_for, sales_of_merchant
from ledger_service.checkout.quoting import Quote
from ledger_service.checkout.refund_command import RefundCommand
from ledger_service.checkout.requests import (
    AuthoriseRequest,
    Caller,
    CaptureRequest,
    EventRequest,
    ExtendRequest,
    RefundRequest,
    RevokeRequest,
    SaleRequest,
    VoidRequest,
    Write,
)
from ledger_service.checkout.return_requests import ExchangeRequest, UnreceiptedRequest
from ledger_service.checkout.return_rules import DEFAULT
from ledger_service.checkout.revoke_command import RevokeCommand, attempt_view, state_of
from ledger_service.checkout.sale_command import SaleCommand
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.stored.looking import quoted_cards
from ledger_service.checkout.stored.service import CardCheckout
from ledger_service.checkout.submission import Store, Submission
from ledger_service.checkout.training import Training, training_view
from ledger_service.checkout.unreceipted_command import UnreceiptedCommand
from ledger_service.coupons.codes.rules import Tagger
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.db.workset import Draft, Workset
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.paycode import LIFE_SECONDS
from ledger_service.ledger.models import hold
from ledger_service.merchants.errors import MerchantSuspended
from ledger_service.points.permits import DEVICES_OF_MEMBER, PERMIT_USE, nonce_key

__all__ = ["CheckoutService", "Store"]

_MOST_HOLDS = 200


class CheckoutService:
    """The commands of the checkout; one instance serves all request threads of a process."""

    def __init__(self, store: Store, admission: Admission, coupons: HeldCoupons) -> None:
        """Take the database, the door keeper that works out scenes and presences, and coupons of holds."""
        self._store = store
        self._coupons = coupons
        self._admission = admission
        self._submission = Submission(store, admission)
        self._training = Training(self._submission, admission)

    def with_coupons(self, catalogue: CouponCatalogueCache, tagger: Tagger) -> CouponedCheckout:
        """The same checkout, for baskets that bring coupons; ``tagger`` hashes their codes."""
        return CouponedCheckout(self._store, self._admission, catalogue, tagger)

    def with_cards(self, desk: Desk, catalogue: CouponCatalogueCache) -> CardCheckout:
        """The tills' side of stored-value cards; ``desk`` hashes their codes."""
        return CardCheckout(self._store, self._admission, desk, catalogue)

    def quote(self, caller: Caller, request: SaleRequest, at: datetime) -> bytes:
        """What this basket would spend and earn now, each with the rule that decided, as JSON.

        Uses no pay code up, and changes nothing but the count of wrong cards.

        Raises:
            DomainError: what the sale would refuse.
        """
        scene, presence = self._admission.quote(caller, request, at)
        with self._store.database.snapshot() as conn:
            quoted = Quote(request, presence, scene).of(conn, caller)
        if caller.training or request.shift.training:
            return orjson.dumps(training_view(quoted))
        cards = quoted_cards(self._store.writer, scene.desk, (caller, request.tenders, at))
        return orjson.dumps(quoted | cards)

    def sale(self, write: Write, request: SaleRequest) -> Answer:
        """The basket is sold, its points are spent and earned: 201.

        Raises:
            DomainError: store, currency, clock, pay code, member or points do not allow it; no effect.

        Idempotency: by caller and key; the first answer is replayed.
        Invariants: INV-1, INV-2, INV-9, INV-10, INV-11.
        """
        if write.caller.training or request.shift.training:
            return self._training.sale(write, request)
        with self._admission.admitted(write, request) as admitted:
            if admitted.known is not None:
                return admitted.known
            return self._submission.submit(SaleCommand(write, request, admitted.presence, admitted.scene))

    def authorise(self, write: Write, request: AuthoriseRequest) -> Answer:
        """The points are held for the terminal's merchant: 201.

        Raises:
            DomainError: as ``sale``; also NothingToHold.

        Idempotency: by caller and key.
        """
        write = permitted(write, "authorise")
        with self._admission.admitted(write, request.sale) as admitted:
            if admitted.known is not None:
                return admitted.known
            presence = admitted.presence or self._admission.nobody()
            return self._submission.submit(AuthoriseCommand(write, request, presence, admitted.scene))

    def capture(self, write: Write, request: CaptureRequest) -> Answer:
        """Part or all of a hold became a sale: 201.

        Raises:
            HoldUnknown, HoldClosed, HoldExpired: the hold does not serve.
            NotEnoughPoints: more points than the hold still has.
            MerchantSuspended: the merchant may not do business now.

        Idempotency: by caller and key.
        Invariants: INV-3.
        """
        write = permitted(write, "capture", request.shift, request.lines)
        # The chain would refuse what a suspended merchant's capture earns (D7).
        refusal = MerchantSuspended() if write.caller.suspended else None
        scene = replace(self._scene(write), refusal=refusal)
        return self._submission.submit(CaptureCommand(write, request, scene, self._coupons))

    def void(self, write: Write, request: VoidRequest) -> Answer:
        """The hold is closed and its points are free: 200.

        Raises:
            HoldUnknown, HoldClosed: the hold does not serve.
        """
        write = permitted(write, "void", request.shift)
        return self._submission.submit(VoidCommand(write, request, self._scene(write), self._coupons))

    def extend(self, write: Write, request: ExtendRequest) -> Answer:
        """The hold lives until the new deadline: 200.

        Raises:
            HoldUnknown, HoldClosed, HoldExpired, ExtensionRefused: the hold does not serve.
        """
        return self._submission.submit(ExtendCommand(permitted(write, "extend"), request, self._coupons))

    def refund(self, write: Write, request: RefundRequest) -> Answer:
        """The pieces are taken back, spend and earn reversed: 201.

        Raises:
            UnknownSale, SaleWasImported, UnknownLine, LineUnitDiffers, RefundExceedsSale, CalendarExhausted.
            ReturnAtAnotherMerchant, ReturnAtAnotherStore, ReturnTooLate: by the seller's rule.
            InvoiceNumberUsed: the allowance has the number of another.

        Idempotency: by caller and key.
        Invariants: INV-13.
        """
        if write.caller.training or request.shift.training:
            return self._training.refund(write, request)
        write = permitted(write, "refund", request.shift)
        scene = self._admission.scene_in(write.caller, request.shift, write.at)
        command = RefundCommand(write, request, scene, self._admission.policies())
        return self._submission.submit(command)

    def exchange(self, write: Write, request: ExchangeRequest) -> Answer:
        """Goods came back and others were sold for them, both or neither: 201.

        Raises:
            DomainError: as ``refund`` and ``sale``; also ExchangePriceDiffers.

        Idempotency: by caller and key, one for both.
        """
        write = permitted(write, "exchange", request.sale.shift)
        with self._admission.admitted(write, request.sale) as admitted:
            if admitted.known is not None:
                return admitted.known
            scene = admitted.scene
            back = RefundCommand(write, request.back, scene, self._admission.policies())
            forth = SaleCommand(write, request.sale, admitted.presence, scene)
            return self._submission.submit(ExchangeCommand(write, request, back, forth))

    def take_back(self, write: Write, request: UnreceiptedRequest) -> Answer:
        """Goods came back without a receipt, for store credit: 201.

        Raises:
            WrongCurrency, MemberUnknown, MemberFrozen.
            ReturnWithoutReceiptRefused, ReturnWithoutReceiptLimited: by the merchant's rule.

        Idempotency: by caller and key.
        """
        write = permitted(write, "return", request.shift)
        policy = self._admission.policies().get(write.caller.merchant_id, DEFAULT)
        scene = self._admission.scene_in(write.caller, request.shift, write.at)
        return self._submission.submit(UnreceiptedCommand(write, request, scene, policy))

    def record_event(self, write: Write, request: EventRequest) -> Answer:
        """Points that awaited the event are due: 201.

        Raises:
            UnknownSale, EventNotAwaited, EventRecorded, EventTooLate.

        Idempotency: by caller and key, and an event of a sale counts once.
        """
        return self._submission.submit(EventCommand(permitted(write, "event"), request, self._scene(write)))

    def revoke(self, write: Write, request: RevokeRequest) -> Answer:
        """The pay code is worthless from now on, also a late original of it: 200.

        Raises:
            PayCodeMalformed, PayCodeVersionUnknown: not a pay code.
            PayCodeAltered: no key of the member signed it.
            RevokeTooEarly: the original may still be on its way.
        """
        known = self._admission.answered_before(write, request.pay_code)
        if known is not None:
            return known
        presence, permit = self._admission.shown(request.pay_code, write.at)
        return self._submission.submit(RevokeCommand(permitted(write, "revoke"), presence, permit))

    def find_attempt(self, pay_code: str, at: datetime) -> bytes:
        """What is known of a pay code as JSON: unknown, accepted (by which sale or hold) or revoked.

        Raises:
            PayCodeMalformed, PayCodeVersionUnknown: not a pay code.
            PayCodeAltered: no key of the member signed it, or there is no such member.
            PayCodeWrong, PayCodeLocked: 18 digits that are not current.
        """
        presence, permit = self._admission.shown(pay_code, at)
        key = (permit.account, nonce_key(permit.nonce))
        with self._store.database.snapshot() as conn:
            work = Workset(conn)
            work.load([*presence.locks(), PERMIT_USE.of(*key), REVOCATION.of(*key)])
            row = presence.row(work)
            if row is not None:
                work.load([DEVICES_OF_MEMBER.of(row["member_id"])])
            draft = Draft(work)
            check_shown(draft, presence)
            state, used_by = state_of(draft, key)
        age = seconds_floor(at) - (permit.valid_until - LIFE_SECONDS)
        return orjson.dumps(attempt_view(state, used_by, age))

    def find_sale(self, caller: Caller, sale_id: bytes) -> bytes:
        """The sale, its lines, refunds and events so far, as JSON; for its seller and who takes back for it.

        Raises:
            UnknownSale: no such sale that the caller's merchant sold or may take back.
        """
        with self._store.database.snapshot() as conn:
            policies, codes = self._admission.policies(), self._admission.codes
            return orjson.dumps(sale_for(conn, caller.merchant_id, sale_id, policies, codes))

    def find_sales(self, caller: Caller, search: SaleSearch) -> list[tuple[str, dict[str, Any]]]:
        """The merchant's sales that a search finds, newest first, each with its position."""
        with self._store.database.snapshot() as conn:
            return sales_of_merchant(conn, caller.merchant_id, search, self._admission.codes)

    def expire_due_holds(self, at: datetime) -> int:
        """Some holds past their deadline are closed; returns how many, 0 when none are left (a job)."""
        due = (hold.c.state == "open") & (hold.c.expires_at <= at)
        with self._store.database.read() as conn:
            hold_ids = list(
                conn.execute(
                    select(hold.c.hold_id).where(due).order_by(hold.c.expires_at).limit(_MOST_HOLDS)
                ).scalars()
            )
        for hold_id in hold_ids:
            self.expire_hold(hold_id, at)
        return len(hold_ids)

    def expire_hold(self, hold_id: bytes, at: datetime) -> Answer:
        """A hold whose deadline has passed is closed; any other is left alone (a job's step)."""
        caller = Caller("job:holds", 0, "")
        key = f"{id_text(hold_id)}:{seconds_floor(at)}"
        write = Write(caller, key, bytes(32), at)
        return self._submission.submit(ExpireHoldCommand(write, hold_id, self._coupons))

    def _scene(self, write: Write) -> Scene:
        return self._admission.scene_at(write.caller, write.at)
