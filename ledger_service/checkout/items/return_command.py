"""An item comes back: it is void for ever, and what its claim gave goes back as from any earn (D10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ledger_service.checkout.items.claim_command import (
    CLAIM,
    ITEM,
    ITEM_BY_CODE,
    POOL,
    ClaimRoom,
    change_state,
)
from ledger_service.checkout.items.early import voided_op_id
from ledger_service.checkout.items.errors import ItemNotOfSale, ItemNotReturnable
from ledger_service.checkout.items.ports import Said
from ledger_service.checkout.items.prize_command import PRIZE
from ledger_service.checkout.items.requests import LEFT, ReturnRequest, TakenBack
from ledger_service.checkout.models import sale
from ledger_service.checkout.records import record_of
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.moves import COUPON, Act, note
from ledger_service.coupons.wallet.rules import AVAILABLE, VOID
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.book import lots_of
from ledger_service.outbox.models import State as IntentState
from ledger_service.points.issuance import STANDING_OF_MEMBER, Grant, add_debt
from ledger_service.points.parties import MEMBER_BY_ID, Holder
from ledger_service.points.reversal import (
    PENDING,
    EarnedIssue,
    Reversal,
    claw_back,
    clawable,
    pending_left,
    take_pending,
)
from ledger_service.points.set_aside import INTENT, SET_ASIDE_OF_MEMBER
from ledger_service.traceability.claiming import rules
from ledger_service.traceability.claiming.models import trace_claim, trace_return
from ledger_service.traceability.claiming.rules import Recovered
from ledger_service.traceability.goods.models import trace_product
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.prizes.models import trace_prize
from ledger_service.traceability.prizes.rules import prize_op_id

SALE: Load = load_by(sale, "sale_id")
PRODUCT: Load = load_by(trace_product, "gtin")
RETURNS_OF_SALE: Load = load_by(trace_return, "sale_id")
Row = Mapping[str, Any]


class ClaimedMeanwhile(Exception):
    """Somebody claimed the item after its member was looked up: look again and decide anew."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who had claimed the item when it was looked up, and what that may have issued; None for nobody.

    ``issues``: the claim's points and the prize's.
    """

    member_id: int | None = None
    issues: tuple[bytes, ...] = ()


class ReturnCommand(BookCommand[TakenBack]):
    """The item is void; its points went back: pending, then available, then as a debt.

    Idempotency: an item comes back once. Invariants: INV-1, INV-9 (reversal of the member's own earn).
    """

    def __init__(self, request: ReturnRequest, claimant: Claimant, room: ClaimRoom) -> None:
        """Take the request, who has to lose points, and what claims are decided with."""
        self.request = request
        self.claimant = claimant
        self.room = room

    def probe(self) -> Iterable[Need]:
        """The item, for its number."""
        return [ITEM_BY_CODE.of(self.request.serial, self.request.gtin)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, the sale and the item."""
        if self.claimant.member_id is not None:
            yield MEMBER_BY_ID.of(self.claimant.member_id)
        if self.request.sale_id is not None:
            yield SALE.of(self.request.sale_id)
        row = view.one(ITEM_BY_CODE, self.request.serial, self.request.gtin)
        yield ITEM.of(0 if row is None else row["item_id"])

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The item, its product, what came back of the sale, and the member's rows."""
        yield ITEM_BY_CODE.of(self.request.serial, self.request.gtin)
        yield PRODUCT.of(self.request.gtin)
        if self.request.sale_id is not None:
            yield RETURNS_OF_SALE.of(self.request.sale_id)
        if self.claimant.member_id is not None:
            yield lots_of(self.claimant.member_id)
            yield STANDING_OF_MEMBER.of(self.claimant.member_id)
            for op_id in self.claimant.issues:
                yield PENDING.of(op_id)
                yield INTENT.of(op_id)

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """Claim and prize, the block that takes pending points back, the batch's root, what the chain
        refused."""
        row = view.one(ITEM_BY_CODE, self.request.serial, self.request.gtin)
        item_id = 0 if row is None else row["item_id"]
        yield CLAIM.of(item_id)
        yield PRIZE.of(item_id)
        yield COUPON.of(prize_op_id(item_id))
        yield POOL.of(item_id >> INDEX_BITS)
        yield from self.room.registry.needs(item_id >> INDEX_BITS)
        if self.claimant.member_id is None:
            return
        yield from self.room.worker.needs(self.room.catalogue.programmes.values())
        sent = [view.one(INTENT, op_id) for op_id in self.claimant.issues]
        if any(one is not None and one["state"] == IntentState.SET_ASIDE.value for one in sent):
            yield SET_ASIDE_OF_MEMBER.of(self.claimant.member_id)

    def apply(self, draft: Draft) -> TakenBack:
        """Void the item and recover its points.

        Raises:
            ItemNotReturnable: no such item, or one that cannot come back.
            ItemNotOfSale: the caller did not sell it, or no more of it.
            ClaimedMeanwhile: to be decided anew.
        """
        request = self.request
        item, product = (
            draft.one(ITEM_BY_CODE, request.serial, request.gtin),
            draft.one(PRODUCT, request.gtin),
        )
        if item is None or product is None or State(item["state"]) not in rules.RETURNABLE:
            raise ItemNotReturnable
        self._check_sale(draft, product)
        claim = draft.get(trace_claim, item["item_id"])
        if (None if claim is None else claim["member_id"]) != self.claimant.member_id:
            raise ClaimedMeanwhile
        taken = TakenBack() if claim is None else self._recover(draft, claim)
        change_state(draft, item, State.VOID, None, request.at)
        draft.add(trace_return, {
            "item_id": item["item_id"], "return_id": request.return_id, "gtin": request.gtin,
            "merchant_id": request.merchant_id, "subject": request.subject, "sale_id": request.sale_id,
            "pending": taken.pending, "available": taken.available, "debt": taken.debt,
            "returned_at": request.at,
        })  # fmt: skip
        self._tell(draft, item["item_id"], product["merchant_id"])
        return taken

    def _check_sale(self, draft: Draft, product: Row) -> None:
        request = self.request
        if request.sale_id is None:
            if product["merchant_id"] != request.merchant_id:
                raise ItemNotOfSale
            return
        row = draft.get(sale, request.sale_id)
        if row is None or row["merchant_id"] != request.merchant_id:
            raise ItemNotOfSale
        # The till may have scanned nothing but the GTIN, in any of its lengths.
        lines = [line for line, _ in record_of(row).lines if (line.gtin or "").zfill(14) == request.gtin]
        back = [one for one in draft.find(RETURNS_OF_SALE, request.sale_id) if one["gtin"] == request.gtin]
        if len(back) >= sum(line.quantity for line in lines):
            raise ItemNotOfSale

    def _recover(self, draft: Draft, claim: Row) -> TakenBack:
        owner = draft.one(MEMBER_BY_ID, claim["member_id"])
        if owner is None:
            raise LookupError("the member of a claim is gone")
        request = self.request
        facts: dict[str, Canonical] = {
            "return": id_text(request.return_id),
            "claim": id_text(claim["op_id"]),
        }
        reversal = Reversal(Holder.of(owner), request.return_id, request.at, facts)
        taken = self._undo(draft, reversal, (claim["programme_id"], claim["op_id"], claim))
        draft.change(trace_claim, claim["item_id"], voided_at=request.at)
        prize = draft.one(PRIZE, claim["item_id"])
        return taken if prize is None else replace(taken, prize=self._undo_prize(draft, reversal, prize))

    def _undo_prize(self, draft: Draft, reversal: Reversal, prize: Row) -> TakenBack | None:
        pool, item_id = draft.one(POOL, prize["batch_no"]), prize["item_id"]
        draft.change(trace_prize, item_id, state="void")
        if prize["state"] != "given" or pool is None:
            return None
        if not prize["points"]:
            return TakenBack(coupon=self._undo_coupon(draft, reversal, prize))
        facts = {**reversal.facts, "prize": prize["prize"]}
        undone = replace(reversal, cause_id=self.request.prize_return_id, facts=facts)
        return self._undo(draft, undone, (pool["programme_id"], prize_op_id(item_id), prize))

    def _undo_coupon(self, draft: Draft, reversal: Reversal, prize: Row) -> str:
        """An unused coupon is void; one that is used, on a hold or given on is left until it is back."""
        coupon_id, member_id = prize_op_id(prize["item_id"]), reversal.holder.member_id
        row = draft.get(coupon, coupon_id)
        if row is not None and row["state"] == VOID:
            return VOID
        if row is None or row["state"] != AVAILABLE or row["holder"] != member_id:
            draft.change(trace_prize, prize["item_id"], coupon_left=coupon_id)
            return LEFT
        act = Act(reversal.cause_id, member_id, self.request.subject, reversal.at)
        note(draft, row, ("voided", act), state=VOID)
        return VOID

    def _undo(self, draft: Draft, reversal: Reversal, made: tuple[int, bytes, Row]) -> TakenBack:
        """What one issue gave goes back; ``made``: its programme, its id, and the row that keeps the rest."""
        programme_id, op_id, row = made
        programme = self.room.catalogue.programmes[programme_id]
        issue = EarnedIssue(programme, op_id, row["leaf"], row["epoch"])
        free = sum(clawable(draft, reversal.holder, issue, seconds_floor(self.request.at)).values())
        part = rules.recover(row["points"], pending_left(draft, op_id), min(free, row["net"]))
        if part.pending:
            take_pending(draft, reversal, issue, part.pending, self.room.worker)
        if part.available:
            claw_back(draft, reversal, issue, part.available)
        if part.debt:
            facts = dict(reversal.facts)
            grant = Grant(reversal.holder, programme, part.debt, reversal.at, reversal.cause_id, facts=facts)
            add_debt(draft, grant, part.debt)
        return _taken(programme.code, part)

    def _tell(self, draft: Draft, item_id: int, owner: int) -> None:
        index, batch_no = item_id & (1 << INDEX_BITS) - 1, item_id >> INDEX_BITS
        said = Said(voided_op_id(item_id), owner, batch_no, index, self.request.at)
        self.room.registry.voided(draft, said)


def _taken(programme: str, part: Recovered) -> TakenBack:
    return TakenBack(programme, part.pending, part.available, part.debt)
