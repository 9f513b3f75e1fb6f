"""A sale that uses coupons: decided under the sale's own locks, so that one basket wins a coupon (INV-6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from ledger_service.checkout.couponing.choosing import Chooser
from ledger_service.checkout.couponing.lines import after_coupons
from ledger_service.checkout.couponing.models import sale_coupon
from ledger_service.checkout.couponing.views import decision_view
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.requests import SaleRequest, Write
from ledger_service.checkout.sale_command import SaleCommand
from ledger_service.checkout.scene import Scene
from ledger_service.coupons.deciding.decision import Applied, Decision
from ledger_service.coupons.definitions import budgets
from ledger_service.coupons.wallet.moves import Act, consume
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.ids import parse_id


class CouponedSaleCommand(SaleCommand):
    """The basket is sold at what coupons leave of it, and the coupons are consumed with it or not at all.

    Locks: the counters of bounded definitions, and the member, which locks the coupons of its wallet.
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
        yield from self._chooser.reads()

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Decide the coupons, sell what they leave, and consume them."""
        self.scene.check()
        decision = self._chooser.decide(draft)
        self.request = replace(self._asked, lines=after_coupons(self._asked.lines, decision))
        status, answer = super().decide(draft)
        for one in decision.applied:
            self._use(draft, one)
        self._count(draft, decision)
        return status, answer | coupons_view(self._asked, decision)

    def _use(self, draft: Draft, one: Applied) -> None:
        sale_id, at = self.id_of("sale"), self.write.at
        coupon_id = parse_id(one.key, "coupon")
        consume(draft, coupon_id, Act(sale_id, self._chooser.member_id, self.write.caller.subject, at))
        parts = [[part.line, str(part.funder), part.minor] for part in one.parts]
        draft.add(sale_coupon, {
            "sale_id": sale_id, "coupon_id": coupon_id, "definition_id": one.definition,
            "version": one.version, "discount_minor": one.discount_minor,
            "parts": orjson.dumps(parts).decode(), "used_at": at,
        })  # fmt: skip

    def _count(self, draft: Draft, decision: Decision) -> None:
        used: dict[tuple[int, int], tuple[int, int]] = {}
        for one in decision.applied:
            count, minor = used.get((one.definition, one.version), (0, 0))
            used[one.definition, one.version] = count + 1, minor + one.discount_minor
        for key, taken in sorted(used.items()):
            budgets.take(draft, self._chooser.catalogue.terms(*key), self._chooser.place, taken)


def coupons_view(asked: SaleRequest, decision: Decision) -> dict[str, Any]:
    """What quote and sale add to their answers."""
    gross = sum(line.amount_minor for line in asked.lines)
    return {"before_coupons_minor": gross, "coupons": decision_view(decision)}
