"""Quotes and sales with coupons: who is there and what is asked for is known before the writer runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

import orjson

from ledger_service.checkout.admission import Admission, Admitted
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.couponing.authorising import CouponedAuthoriseCommand
from ledger_service.checkout.couponing.lines import after_coupons
from ledger_service.checkout.couponing.refunding import CouponedRefundCommand, used_of
from ledger_service.checkout.couponing.selling import CouponedSaleCommand
from ledger_service.checkout.couponing.using import Taken
from ledger_service.checkout.couponing.views import coupons_view
from ledger_service.checkout.couponing.wishing import CouponWish, Wishing
from ledger_service.checkout.exchange_command import ExchangeCommand
from ledger_service.checkout.permitted import permitted
from ledger_service.checkout.quoting import Quote
from ledger_service.checkout.requests import AuthoriseRequest, Caller, RefundRequest, SaleRequest, Write
from ledger_service.checkout.return_requests import ExchangeRequest
from ledger_service.checkout.sale_command import SaleCommand
from ledger_service.checkout.stored.looking import quoted_cards
from ledger_service.checkout.submission import Store, Submission
from ledger_service.coupons.codes.rules import Tagger
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache, CouponsBehind
from ledger_service.db.workset import Draft, Workset

__all__ = ["CouponWish", "CouponedCheckout"]

_MOST_ATTEMPTS = 4


class CouponedCheckout:
    """Quotes and sales with coupons; one instance serves all request threads of a process."""

    def __init__(
        self, store: Store, admission: Admission, catalogue: CouponCatalogueCache, tagger: Tagger
    ) -> None:
        """Take the database, the door keeper, the definitions, and what hashes codes."""
        self._store = store
        self._admission = admission
        self._catalogue = catalogue
        self._wishing = Wishing(store, catalogue, tagger)
        self._submission = Submission(store, admission)

    def quote(self, caller: Caller, request: SaleRequest, wish: CouponWish, at: datetime) -> bytes:
        """What the sale would come to now, coupons and points, each with the rule that decided, as JSON.

        Changes nothing but the count of wrong codes.

        Raises:
            DomainError: what the sale would refuse.
        """
        scene, presence = self._admission.quote(caller, request, at)
        chooser = self._wishing.chooser(caller, request, presence, wish, at)
        with self._store.database.snapshot() as conn:
            work = Workset(conn)
            work.load(chooser.locks())
            work.load(chooser.reads(work))
            decision = chooser.decide(Draft(work))
            left = replace(request, lines=after_coupons(request.lines, decision))
            quoted = Quote(left, presence, scene).of(conn, caller)
        cards = quoted_cards(self._store.writer, scene.desk, (caller, request.tenders, at))
        return orjson.dumps(quoted | coupons_view(chooser, decision) | cards)

    def sale(self, write: Write, request: SaleRequest, wish: CouponWish) -> Answer:
        """The basket is sold at what coupons leave of it, and these are consumed: 201.

        Raises:
            DomainError: as a sale without coupons.

        Idempotency: by caller and key; the first answer is replayed.
        Invariants: INV-6, and those of a sale.
        """
        with self._admission.admitted(write, request) as admitted:
            if admitted.known is not None:
                return admitted.known
            presence, scene = admitted.presence, admitted.scene

            def attempt() -> Answer:
                chooser = self._wishing.chooser(write.caller, request, presence, wish, write.at)
                command = CouponedSaleCommand(write, request, presence, scene, chooser)
                return self._submission.submit(command)

            return self._with_terms_of_now(attempt)

    def authorise(self, write: Write, request: AuthoriseRequest, wish: CouponWish) -> Answer:
        """Points and coupons are held for what coupons leave of the basket: 201.

        Raises:
            DomainError: as an authorisation without coupons.

        Idempotency: by caller and key.
        """
        write = permitted(write, "authorise")
        with self._admission.admitted(write, request.sale) as admitted:
            if admitted.known is not None:
                return admitted.known
            presence, scene = admitted.presence or self._admission.nobody(), admitted.scene

            def attempt() -> Answer:
                chooser = self._wishing.chooser(write.caller, request.sale, presence, wish, write.at)
                return self._submission.submit(
                    CouponedAuthoriseCommand(write, request, presence, scene, chooser)
                )

            return self._with_terms_of_now(attempt)

    def used(self, sale_id: bytes) -> tuple[Taken, ...]:
        """The coupons that a sale consumed; nothing is read where nobody offers any."""
        catalogue = self._catalogue.current()
        if not catalogue.definitions:
            return ()
        with self._store.database.snapshot() as conn:
            try:
                return used_of(conn, sale_id, catalogue)
            except CouponsBehind:
                return used_of(conn, sale_id, self._catalogue.refresh())

    def refund(self, write: Write, request: RefundRequest, used: tuple[Taken, ...]) -> Answer:
        """As a refund without coupons; their shares go back, and by their terms they do too: 201.

        Raises:
            DomainError: as a refund without coupons.

        Idempotency: by caller and key.
        Invariants: INV-6, INV-13.
        """
        write = permitted(write, "refund", request.shift)
        scene = self._admission.scene_in(write.caller, request.shift, write.at)
        policies = self._admission.policies()
        return self._submission.submit(CouponedRefundCommand(write, request, scene, policies, used))

    def exchange(
        self, write: Write, request: ExchangeRequest, wish: CouponWish | None, used: tuple[Taken, ...]
    ) -> Answer:
        """As an exchange without coupons; those that come back whole may serve the new basket at once: 201.

        Lines at the price of a returned one bear no coupon: that price is what coupons left.

        Raises:
            DomainError: as an exchange without coupons.

        Idempotency: by caller and key, one for both.
        Invariants: INV-6, INV-13.
        """
        write = permitted(write, "exchange", request.sale.shift)
        if wish is not None and wish.wallet:
            wish = replace(wish, returning=tuple(one.coupon_id for one in used))
        with self._admission.admitted(write, request.sale) as admitted:
            if admitted.known is not None:
                return admitted.known
            return self._with_terms_of_now(partial(self._exchange, write, request, (admitted, wish, used)))

    def _exchange(
        self,
        write: Write,
        request: ExchangeRequest,
        by: tuple[Admitted, CouponWish | None, tuple[Taken, ...]],
    ) -> Answer:
        admitted, wish, used = by
        scene, presence = admitted.scene, admitted.presence
        back = CouponedRefundCommand(write, request.back, scene, self._admission.policies(), used)
        forth = SaleCommand(write, request.sale, presence, scene)
        if wish is not None:
            chooser = self._wishing.chooser(write.caller, request.sale, presence, wish, write.at)
            chooser = replace(chooser, barred=frozenset(name for name, _ in request.prices_of))
            forth = CouponedSaleCommand(write, request.sale, presence, scene, chooser)
        return self._submission.submit(ExchangeCommand(write, request, back, forth))

    def _with_terms_of_now(self, attempt: Callable[[], Answer]) -> Answer:
        """A code may become a coupon, of newer terms than it was looked at with, before its lock is held."""
        for _ in range(_MOST_ATTEMPTS - 1):
            try:
                return attempt()
            except CouponsBehind:
                self._catalogue.refresh()
        return attempt()
