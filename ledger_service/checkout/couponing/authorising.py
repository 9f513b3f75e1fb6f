"""An authorisation that uses coupons: they are reserved with the points, or the hold is not made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ledger_service.checkout.couponing import using
from ledger_service.checkout.couponing.choosing import Chooser
from ledger_service.checkout.couponing.holding import hold_body
from ledger_service.checkout.couponing.lines import after_coupons
from ledger_service.checkout.couponing.views import coupons_view
from ledger_service.checkout.hold_commands import AuthoriseCommand
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.requests import AuthoriseRequest, Write
from ledger_service.checkout.scene import Scene
from ledger_service.coupons.wallet.moves import Act
from ledger_service.db.workset import Draft, Need, Workset


class CouponedAuthoriseCommand(AuthoriseCommand):
    """The points for what coupons leave of the basket are held, and the coupons with them.

    Locks: as an authorisation, the counters of bounded definitions, and the codes.
    """

    def __init__(
        self,
        write: Write,
        request: AuthoriseRequest,
        presence: Presence,
        scene: Scene,
        chooser: Chooser,
    ) -> None:
        """Take what the request thread has worked out; ``chooser`` names the coupons."""
        super().__init__(write, request, presence, scene)
        self._asked = request
        self._chooser = chooser

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        self.request = self._asked
        return [*super().locks(view), *self._chooser.locks()]

    def reads(self, view: Workset) -> Iterable[Need]:
        """As an authorisation, the coupons, and what the goods are."""
        return [*super().reads(view), *self._chooser.reads(view)]

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Decide and reserve the coupons, then hold the points for what they leave."""
        self.scene.check()
        decision = self._chooser.decide(draft)
        sale = self._asked.sale
        self.request = replace(self._asked, sale=replace(sale, lines=after_coupons(sale.lines, decision)))
        act = Act(self.id_of("hold"), self._chooser.member_id, self.write.caller.subject, self.write.at)
        taken = using.taken_up(draft, self._chooser, decision, act)
        using.reserve(draft, taken, act)
        self.beside = hold_body(taken)
        status, answer = super().decide(draft)
        return status, answer | coupons_view(self._chooser, decision, taken)
