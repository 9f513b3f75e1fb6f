"""A sale that uses coupons: decided under the sale's own locks, so that one basket wins a coupon (INV-6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ledger_service.checkout.couponing import using
from ledger_service.checkout.couponing.choosing import Chooser
from ledger_service.checkout.couponing.lines import after_coupons
from ledger_service.checkout.couponing.views import coupons_view
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.requests import SaleRequest, Write
from ledger_service.checkout.sale_command import SaleCommand
from ledger_service.checkout.scene import Scene
from ledger_service.coupons.wallet.moves import Act
from ledger_service.db.workset import Draft, Need, Workset


class CouponedSaleCommand(SaleCommand):
    """The basket is sold at what coupons leave of it, and the coupons are consumed with it or not at all.

    Locks: the counters of bounded definitions, the codes, and the member, which locks the coupons of its
    wallet.
    """

    def __init__(
        self,
        write: Write,
        request: SaleRequest,
        presence: Presence | None,
        scene: Scene,
        chooser: Chooser,
    ) -> None:
        """Take what the request thread has worked out; ``chooser`` names the coupons."""
        super().__init__(write, request, presence, scene)
        self._asked = request
        self._chooser = chooser

    def locks(self, view: Workset) -> Iterable[Need]:
        """As a sale, and as the class says."""
        # A command may run again from the start, after a run that decided on what coupons left.
        self.request = self._asked
        yield from super().locks(view)
        yield from self._chooser.locks()

    def reads(self, view: Workset) -> Iterable[Need]:
        """As a sale, the coupons, and what the goods are."""
        yield from super().reads(view)
        yield from self._chooser.reads(view)

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Decide the coupons, sell what they leave, and consume them."""
        self.scene.check()
        decision = self._chooser.decide(draft)
        self.request = replace(self._asked, lines=after_coupons(self._asked.lines, decision))
        status, answer = super().decide(draft)
        act = Act(self.id_of("sale"), self._chooser.member_id, self.write.caller.subject, self.write.at)
        taken = using.taken_up(draft, self._chooser, decision, act)
        using.consume(draft, taken, act)
        return status, answer | coupons_view(self._chooser, decision, taken)
