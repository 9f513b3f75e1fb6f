"""A return without a receipt: by the merchant's rule, counted per member and day, paid in store credit.

Which sale it was nobody knows, so no earn can be undone. The credit is less by what the goods would earn now:
buying, returning without the receipt and buying again leaves no free point.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from ledger_service.checkout import guarding
from ledger_service.checkout.earning import percents_of
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.models import unreceipted_return
from ledger_service.checkout.presence import Presence, member_at_till
from ledger_service.checkout.receipts import SERIES, Promise, write_receipt
from ledger_service.checkout.record_views import shift_view
from ledger_service.checkout.requests import Write
from ledger_service.checkout.return_requests import UnreceiptedRequest
from ledger_service.checkout.return_rules import DAY_SECONDS, ReturnPolicy, check_without_receipt
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.tender_rules import earning_parts
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.money import micros_of_minor
from ledger_service.points.rules import earn, rule_in_force, terms_in_force

OF_DAY: Load = load_by(unreceipted_return, "member_id", "merchant_id", "day")


class UnreceiptedCommand(KeyedCommand):
    """Goods come back without a receipt and the member gets store credit for them."""

    def __init__(self, write: Write, request: UnreceiptedRequest, scene: Scene, policy: ReturnPolicy) -> None:
        """Take the request, the scene and the rule of the merchant."""
        super().__init__(write)
        self.request = request
        self.scene = scene
        self.policy = policy
        self.presence = Presence(number=request.number)
        self.day = seconds_floor(write.at) // DAY_SECONDS

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, so that two returns at once count one another."""
        return self.presence.locks()

    def reads(self, view: Workset) -> Iterable[Need]:
        """Receipt series and what the member has brought back today."""
        yield SERIES.of(self.scene.desk.worker)
        row = self.presence.row(view)
        if row is not None:
            yield OF_DAY.of(row["member_id"], self.write.caller.merchant_id, self.day)
            if self.scene.guard is not None:
                till = guarding.Till(self.write, row, self.request.shift.cashier, 0)
                yield from self.scene.guard.needs(till.who())

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Check the rule, work out the credit and write the return.

        Raises:
            WrongCurrency: the goods are in another currency than the alliance's.
            MemberUnknown, MemberFrozen: there is no such member, or it may do nothing.
            ReturnWithoutReceiptRefused, ReturnWithoutReceiptLimited: the rule does not allow it.
        """
        self.scene.check()
        self.scene.desk.check_currency(self.request.currency)
        merchant_id = self.write.caller.merchant_id
        holder = member_at_till(draft, self.presence)
        total = sum(line.amount_minor for line in self.request.lines)
        before = draft.find(OF_DAY, holder.member_id, merchant_id, self.day)
        check_without_receipt(self.policy, total, len(before))
        row = self.presence.row(draft)
        if self.scene.guard is not None and row is not None:
            till = guarding.Till(self.write, row, self.request.shift.cashier, total)
            guarding.judge_return(draft, self.scene.guard, till, None)
        kept = min(self._earned_minor(merchant_id), total)
        return_id = self.id_of("return")
        promise = Promise(return_id, "return", merchant_id, total - kept, (), self.write.at)
        answer = {
            "return_id": id_text(return_id),
            "merchant": gln_text(merchant_id),
            "reference": self.request.reference,
            "currency": self.request.currency,
            "total_minor": total,
            "earn_withheld_minor": kept,
            "store_credit_minor": total - kept,
            "receipt": write_receipt(draft, promise, self.scene.desk),
            "occurred_at": format_instant(self.write.at),
            **shift_view(self.scene.business_day, self.request.shift.cashier),
        }
        self._write(draft, return_id, holder.member_id, answer)
        return 201, answer

    def _earned_minor(self, merchant_id: int) -> int:
        """What the goods would earn now of the merchant's programmes, rounded up to a minor unit."""
        at, lines = self.scene.accepted_at, self.request.lines
        amounts = [line.amount_minor for line in lines]
        micros = 0
        for programme in self.scene.catalogue.by_issuer.get(merchant_id, ()):
            rule, terms = rule_in_force(programme.rules, at), terms_in_force(programme.terms, at)
            if rule is None or terms is None:
                continue
            parts = earning_parts(rule.basis, lines, amounts, ()).whole
            earned = earn(rule, zip(percents_of(rule, lines, at), parts, strict=True), None)
            micros += earned.points * terms.point_value_micros
        return -(-micros // micros_of_minor(1, self.scene.desk.exponent))

    def _write(self, draft: Draft, return_id: bytes, member_id: int, answer: dict[str, Any]) -> None:
        draft.add(
            unreceipted_return,
            {
                "return_id": return_id,
                "merchant_id": self.write.caller.merchant_id,
                "member_id": member_id,
                "terminal_id": self.write.caller.terminal_id,
                "day": self.day,
                "body": orjson.dumps(answer).decode(),
                "occurred_at": self.write.at,
                "store_gln": self.write.caller.store_gln,
                "business_day": self.scene.business_day,
                "cashier": self.request.shift.cashier,
                "reference": self.request.reference,
            },
        )
