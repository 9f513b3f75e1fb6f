"""An offline sale for which the till took coupons: decided here and now, as the goods have left (INV-6).

A till alone cannot know whether a code was used elsewhere. When the sale is uploaded the code is consumed if
it is still free, on the terms of the time at which the sale counts, for no more than the till took off. What
no coupon covers of that, the merchant bears, as it bears points that do not pay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.couponing import using
from ledger_service.checkout.couponing.choosing import Chooser
from ledger_service.checkout.couponing.lines import PLAIN, after_coupons
from ledger_service.checkout.couponing.views import coupons_view
from ledger_service.checkout.offline.command import Arrival, OfflineSaleCommand
from ledger_service.checkout.offline.rules import written_off
from ledger_service.checkout.requests import Write
from ledger_service.checkout.scene import Scene
from ledger_service.coupons.deciding.capping import capped
from ledger_service.coupons.deciding.decision import Decision
from ledger_service.coupons.deciding.reasons import Reason
from ledger_service.coupons.definitions.catalogue import CouponsBehind
from ledger_service.coupons.terms.values import TaxBase
from ledger_service.coupons.wallet.errors import CouponCodesLocked
from ledger_service.coupons.wallet.moves import Act
from ledger_service.coupons.wallet.rules import GUESS_LOCK
from ledger_service.db.errors import WriterBusy
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.errors import DomainError


class CouponedOfflineCommand(OfflineSaleCommand):
    """As an offline sale, of what the till's coupons left of the basket.

    Locks: as an offline sale, the counters of bounded definitions, and the codes.
    """

    def __init__(self, write: Write, arrival: Arrival, scene: Scene, chooser: Chooser) -> None:
        """Take what the request thread has worked out; ``chooser`` names the coupons."""
        super().__init__(write, arrival, scene)
        self._arrived = arrival.item
        self._chooser = chooser

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        self.item, self.coupons_loss_minor = self._arrived, self._arrived.coupons_minor
        yield from super().locks(view)
        yield from self._chooser.locks()

    def reads(self, view: Workset) -> Iterable[Need]:
        """As an offline sale, the coupons, and what the goods are."""
        yield from super().reads(view)
        yield from self._chooser.reads(view)

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Decide what free coupons cover of what the till took off, book the sale, and consume them.

        Raises:
            CouponCodesLocked, WriterBusy: it waits, and nothing of it is stored.
        """
        if any(one.against is Reason.LOCKED for one in self._chooser.wanted):
            raise CouponCodesLocked(int(GUESS_LOCK.total_seconds()))
        sale, taken_minor = self._arrived.sale, self._arrived.coupons_minor
        decision = self._decided(draft, taken_minor)
        loss = taken_minor - decision.discount_minor
        lines = written_off(after_coupons(sale.lines, decision), loss)
        self.item = replace(self._arrived, sale=replace(sale, lines=lines))
        self.coupons_loss_minor = loss
        status, answer = super().decide(draft)
        act = Act(self.sale_id, self._chooser.member_id, self.write.caller.subject, self.counts_at)
        used = using.taken_up(draft, self._chooser, decision, act)
        using.consume(draft, used, act)
        borne = {"coupons_loss_minor": loss}
        return status, answer | coupons_view(self._chooser, decision, used) | borne

    def refused(self, draft: Draft, error: DomainError) -> Answer:
        """As an offline sale: nothing is sold, so no coupon covers any of what the till took off."""
        self.item, self.coupons_loss_minor = self._arrived, self._arrived.coupons_minor
        return super().refused(draft, error)

    def _decided(self, draft: Draft, taken_minor: int) -> Decision:
        try:
            decision = self._chooser.decide(draft)
        except CouponsBehind:
            raise WriterBusy(1) from None
        taxes = {line.line: (line.detail or PLAIN).tax_minor for line in self._arrived.sale.lines}
        lowering = {
            one.key
            for one in self._chooser.wanted
            if one.terms is not None and one.terms.tax_base is TaxBase.AFTER
        }
        return capped(decision, taken_minor, taxes, lowering)
