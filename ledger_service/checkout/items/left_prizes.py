"""Coupons that items had won and that were out when the items came back: void once they are back themselves.

One that a hold reserves comes back when the hold ends, a used one with the goods of its sale, one that was
given on when the friend gives it back (ADR 67).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.checkout.items.claim_command import CLAIM, ITEM
from ledger_service.checkout.items.prize_command import PRIZE, SERVICE
from ledger_service.checkout.items.requests import LEFT
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.moves import COUPON, Act, note
from ledger_service.coupons.wallet.rules import AVAILABLE, VOID
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.points.parties import MEMBER_BY_ID
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.prizes.models import trace_prize
from ledger_service.traceability.prizes.rules import prize_op_id


def back_in_wallets(conn: Connection, most: int) -> list[int]:
    """Items that came back while their coupon was out, and whose member has it again, or nobody any more."""
    its, claim, held = trace_prize.c, trace_claim.c, coupon.c
    joined = trace_prize.join(coupon, held.coupon_id == its.coupon_left)
    joined = joined.join(trace_claim, claim.item_id == its.item_id)
    home = (held.state == AVAILABLE) & (held.holder == claim.member_id)
    back = its.coupon_left.is_not(None) & (home | (held.state == VOID))
    query = select(its.item_id).select_from(joined).where(back).order_by(its.coupon_left).limit(most)
    return list(conn.execute(query).scalars())


class TakeLeftPrizeCommand(BookCommand[str]):
    """The coupon of an item that came back is void, where its member has it; answers ``void`` or ``left``.

    Idempotency: by the mark of the prize, and by the coupon's state. Locks: the member, the item.
    Invariants: INV-6, INV-12.
    """

    def __init__(self, item_id: int, at: datetime) -> None:
        """Take the item."""
        self.item_id, self.at = item_id, at

    def probe(self) -> Iterable[Need]:
        """The claim, for its member."""
        return [CLAIM.of(self.item_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, the item and its claim."""
        claim = view.one(CLAIM, self.item_id)
        if claim is not None:
            yield MEMBER_BY_ID.of(claim["member_id"])
        yield ITEM.of(self.item_id)
        yield CLAIM.of(self.item_id)

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The prize and its coupon."""
        return [PRIZE.of(self.item_id), COUPON.of(prize_op_id(self.item_id))]

    def apply(self, draft: Draft) -> str:
        """Take it."""
        prize, claim = draft.get(trace_prize, self.item_id), draft.one(CLAIM, self.item_id)
        if prize is None or claim is None or prize["coupon_left"] is None:
            return VOID
        held = draft.get(coupon, prize["coupon_left"])
        if held is None:
            raise LookupError("the coupon of a prize is gone")
        if held["state"] != VOID:
            if held["state"] != AVAILABLE or held["holder"] != claim["member_id"]:
                return LEFT
            act = Act(prize["coupon_left"], claim["member_id"], SERVICE, self.at)
            note(draft, held, ("voided", act), state=VOID)
        draft.change(trace_prize, self.item_id, coupon_left=None)
        return VOID
