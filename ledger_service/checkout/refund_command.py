"""Refund by item: the difference between two cumulative states of one sale (INV-13, D10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from ledger_service.checkout import guarding
from ledger_service.checkout.attach.meanwhile import check_same_member
from ledger_service.checkout.claim_reversal import ClaimsOfSale, earns
from ledger_service.checkout.collecting.marking import mark
from ledger_service.checkout.day_errors import TrainingMixed
from ledger_service.checkout.earn_reversal import Outcome, Undoing, undo_earn
from ledger_service.checkout.errors import (
    SaleWasImported,
    UnknownSale,
)
from ledger_service.checkout.invoice_book import invoice_needs, record_invoice
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.models import imported_sale, refund, sale, training_sale
from ledger_service.checkout.receipts import SERIES, Promise, write_receipt
from ledger_service.checkout.record_views import shift_view
from ledger_service.checkout.records import ReturnedRecord, SaleRecord, record_of, returned_text
from ledger_service.checkout.refund_pieces import originals, pieces_of
from ledger_service.checkout.refund_views import refunded_lines, refunded_tenders
from ledger_service.checkout.requests import RefundRequest, Write
from ledger_service.checkout.return_rules import Order, Place, ReturnPolicy, check_return
from ledger_service.checkout.reversal_rules import Returned, returned_at
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.spend_restoring import restore_spend
from ledger_service.checkout.stored.acts import Act, act_of
from ledger_service.checkout.stored.returning import cards_of_sale, put_back
from ledger_service.checkout.tier_reversal import needs_of_return, take_off_tiers
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.book import LOTS_OF_MEMBER
from ledger_service.outbox.models import State
from ledger_service.points.issuance import STANDING_OF_MEMBER
from ledger_service.points.parties import MEMBER_BY_ID, Holder
from ledger_service.points.reversal import (
    PENDING,
    Reversal,
    reversals_of,
)
from ledger_service.points.set_aside import SET_ASIDE_OF_MEMBER
from ledger_service.risk.guard import Guard

SALE: Load = load_by(sale, "sale_id")
IMPORTED: Load = load_by(imported_sale, "sale_id")
TRAINING: Load = load_by(training_sale, "sale_id")


class RefundCommand(KeyedCommand):
    """Pieces of a sale come back: points are restored, the earn is undone, the rest is money."""

    def __init__(
        self, write: Write, request: RefundRequest, scene: Scene, policies: Mapping[int, ReturnPolicy]
    ) -> None:
        """Take the request, the scene, and how merchants take goods back."""
        super().__init__(write)
        self.request, self.scene = request, scene
        self.policies = policies
        self.store_gln = write.caller.store_gln
        # The other half of an exchange.
        self.exchange_sale_id: bytes | None = None
        self._locked_for: int | None = None
        # None for a sale with an earn of its own, for which no claim is granted.
        self._claims: ClaimsOfSale | None = None

    def probe(self) -> Iterable[Need]:
        """The sale, for its member."""
        return [SALE.of(self.request.sale_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, then the sale (by the order of the tables' names), and the cards that paid for it."""
        row = view.one(SALE, self.request.sale_id)
        self._locked_for = None if row is None else row["member_id"]
        if self._locked_for is not None:
            yield MEMBER_BY_ID.of(self._locked_for)
        if row is not None:
            yield from cards_of_sale(row)
        if row is None or earns(row):
            self._claims = None
        else:
            self._claims = self._claims or ClaimsOfSale(self.request.sale_id)
            yield from self._claims.locks()
        yield SALE.of(self.request.sale_id)

    def reads(self, view: Workset) -> Iterable[Need]:
        """The member's rows, pending issues of the sale, and blocks to give points back to."""
        yield SERIES.of(self.scene.desk.worker)
        yield from invoice_needs(self.write, self.request.allowance)
        row = view.one(SALE, self.request.sale_id)
        if row is None:
            yield from (IMPORTED.of(self.request.sale_id), TRAINING.of(self.request.sale_id))
        yield from () if self._claims is None else self._claims.reads()
        if row is None or row["member_id"] is None:
            return
        yield LOTS_OF_MEMBER.of(row["member_id"])
        yield STANDING_OF_MEMBER.of(row["member_id"])
        earned = record_of(row).earned
        yield from originals(row)
        # Without a leaf it waits to vest, or a debt took all of it; which, its pending row tells.
        yield from (PENDING.of(bytes.fromhex(e.op_id)) for e in earned if e.points and not e.leaf)
        catalogue = self.scene.catalogue
        yield from self.scene.worker.needs(catalogue.programme(e.programme) for e in earned)
        yield from needs_of_return(self.scene, row, self.write.at)
        if self.scene.guard is not None:
            till = guarding.Till(self.write, row, self.request.shift.cashier, 0)
            yield from self.scene.guard.needs(till.who())

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """What of the member the chain has refused, where it has refused what the sale did (D7)."""
        row = view.one(SALE, self.request.sale_id)
        yield from () if self._claims is None else self._claims.reads_second(view)
        if row is None or row["member_id"] is None:
            return
        states = {found["state"] for need in originals(row) for found in view.find(need.load, *need.key)}
        if State.SET_ASIDE.value in states:
            yield SET_ASIDE_OF_MEMBER.of(row["member_id"])

    def operations(self) -> Sequence[bytes]:
        """What it restores and claws back."""
        return reversals_of(self.id_of("refund"), self.scene.catalogue.programmes)

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Undo the difference between the state before and the state with these pieces."""
        self.scene.check()
        row = draft.get(sale, self.request.sale_id)
        if row is None:
            raise self.unknown(draft)
        check_same_member(row, self._locked_for)
        if self._claims is not None:
            self._claims.check(draft)
        before = record_of(row)
        # Hosts' clocks differ: a refund is never stamped before its sale, whose terms and epochs it needs.
        self.write = replace(self.write, at=max(self.write.at, before.occurred_at))
        points_first = self._points_first(before)
        steps = pieces_of(before, self.request.lines)
        done = before.returned.pieces
        pieces = {**done, **{line: done.get(line, 0) + count for line, count in steps.items()}}
        returned = returned_at(before.sold_lines(), pieces, points_first=points_first)
        if self.scene.guard is not None and before.member_id is not None:
            self._judge(draft, self.scene.guard, before, returned)
        outcome = Outcome([], [], [], [])
        state = replace(before.returned, pieces=pieces, points_first=points_first)
        after = self.undo(draft, before, state, returned, outcome)
        return 201, self._finish(draft, before, after, outcome, steps)

    def _judge(self, draft: Draft, guard: Guard, before: SaleRecord, returned: Returned) -> None:
        member = draft.one(MEMBER_BY_ID, before.member_id)
        if member is None:
            raise LookupError("the member of a sale is gone")
        back = before.returned
        goods = returned.cash_minor + returned.points_minor - back.cash_minor - back.points_minor
        till = guarding.Till(self.write, member, self.request.shift.cashier, goods)
        sold = (seconds_floor(before.occurred_at), before.spent is not None)
        guarding.judge_return(draft, guard, till, sold)

    def unknown(self, draft: Draft) -> DomainError:
        """Why there is no sale of this id to refund."""
        sale_id, own = self.request.sale_id, self.write.caller.merchant_id
        trained = draft.one(TRAINING, sale_id)
        if trained is not None and trained["merchant_id"] == own:
            return TrainingMixed(id_text(sale_id))
        row = draft.one(IMPORTED, sale_id)
        if row is None or row["merchant_id"] != own:
            return UnknownSale(id_text(sale_id))
        return SaleWasImported(id_text(sale_id), row["reference"])

    def _points_first(self, before: SaleRecord) -> bool:
        """Whether points go back first: as when the first of the sale came back, else as the rule is now.

        Raises:
            ReturnAtAnotherMerchant, ReturnAtAnotherStore, ReturnTooLate: the rule does not let it come back.
        """
        caller, sold = self.write.caller, Place(before.merchant_id, before.store_gln)
        age = seconds_floor(self.write.at) - seconds_floor(before.occurred_at)
        policy = check_return(self.policies, sold, Place(caller.merchant_id, caller.store_gln), age)
        # A rule that changes between two refunds of a sale must not change what they come to (INV-13).
        return before.returned.points_first if before.returned.refunds else policy.order is Order.POINTS_FIRST

    def undo(
        self,
        draft: Draft,
        before: SaleRecord,
        state: ReturnedRecord,
        returned: Returned,
        outcome: Outcome,
    ) -> ReturnedRecord:
        """Spend and earn are undone for what is returned; gives the new state."""
        refund_id = self.id_of("refund")
        state = replace(
            state,
            cash_minor=returned.cash_minor,
            points_minor=returned.points_minor,
            refunds=[*state.refunds, id_text(refund_id)],
        )
        if before.member_id is None:
            return self._undo_claims(draft, before, state, (returned, outcome))
        if before.merchant_id in self.scene.collecting:
            mark(draft, refund_id, before.sale_id, before.member_id, self.write.at)
        undoing = self._undoing(draft, (returned, outcome), before.member_id)
        # The earn is undone first: points that this sale gives back never pay for it (reversal_rules).
        state = undo_earn(draft, before, state, undoing)
        take_off_tiers(draft, before, undoing)
        state = self._undo_claims(draft, before, state, (returned, outcome))
        return restore_spend(draft, before, state, undoing)

    def _undo_claims(
        self, draft: Draft, before: SaleRecord, state: ReturnedRecord, step: tuple[Returned, Outcome]
    ) -> ReturnedRecord:
        """Points that were given by hand for the goods go back, too; a claimant need not be the member."""
        if self._claims is None:
            return state
        return self._claims.undo(draft, before, state, partial(self._undoing, draft, step))

    def _undoing(self, draft: Draft, step: tuple[Returned, Outcome], member_id: int) -> Undoing:
        refund_id = self.id_of("refund")
        member = draft.one(MEMBER_BY_ID, member_id)
        if member is None:
            raise LookupError("the member of a sale or of its claim is gone")
        facts = {"sale": id_text(self.request.sale_id), "refund": id_text(refund_id)}
        return Undoing(Reversal(Holder.of(member), refund_id, self.write.at, facts), *step, self.scene)

    def _finish(
        self,
        draft: Draft,
        before: SaleRecord,
        after: ReturnedRecord,
        outcome: Outcome,
        steps: dict[str, int],
    ) -> dict[str, Any]:
        refund_id, was = self.id_of("refund"), before.returned
        withheld = after.withheld_minor - was.withheld_minor
        cash, points = after.cash_minor - was.cash_minor, after.points_minor - was.points_minor
        merchant_id = self.write.caller.merchant_id
        promise = Promise(refund_id, "refund", merchant_id, cash + points, outcome.leaves, self.write.at)
        tenders = put_back(draft, refunded_tenders(before, after, self.scene.catalogue), self._act(refund_id))
        answer: dict[str, Any] = {
            "refund_id": id_text(refund_id),
            "sale_id": id_text(before.sale_id),
            "merchant": gln_text(merchant_id),
            "reference": self.request.reference,
            "currency": before.currency,
            "lines": refunded_lines(before, after, steps),
            "refunded_minor": cash + points,
            "points_value_minor": points,
            "cash_minor": cash - withheld,
            "cash_withheld_minor": withheld,
            "restored": outcome.restored,
            "clawed": outcome.clawed,
            "debt": outcome.debt,
            "receipt": write_receipt(draft, promise, self.scene.desk),
            "occurred_at": format_instant(self.write.at),
            **shift_view(self.scene.business_day, self.request.shift.cashier),
            **({} if tenders is None else {"tenders": tenders}),
            **({} if outcome.claim is None else {"claim_undone": outcome.claim}),
        }
        if merchant_id != before.merchant_id:
            answer["sold_by"] = gln_text(before.merchant_id)
        draft.change(sale, before.sale_id, returned=returned_text(after))
        answer |= record_invoice(draft, self.write, self.request.allowance, before.sale_id, refund_id)
        self._write(draft, refund_id, answer)
        return answer

    def _act(self, refund_id: bytes) -> Act:
        said, place = (self.request.reference, self.request.shift), (self.store_gln, self.scene.business_day)
        return act_of(refund_id, self.write, said, place)

    def _write(self, draft: Draft, refund_id: bytes, answer: dict[str, Any]) -> None:
        draft.add(
            refund,
            {
                "refund_id": refund_id,
                "sale_id": self.request.sale_id,
                "merchant_id": self.write.caller.merchant_id,
                "terminal_id": self.write.caller.terminal_id,
                "reference": self.request.reference,
                "body": orjson.dumps(answer).decode(),
                "occurred_at": self.write.at,
                "store_gln": self.store_gln,
                "business_day": self.scene.business_day,
                "cashier": self.request.shift.cashier,
                "exchange_sale_id": self.exchange_sale_id,
            },
        )
