"""Rewards that are coupons: given once when their days are over, taken back with the goods while unused.

The coupon's id is the reward's, so a reward gives one coupon at most. A used coupon, or one that was given to
a friend, is left where it is and its budget stays spent (ADR 46); should it come back, it is taken after all.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ledger_service.coupons.wallet.claiming import grant
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.moves import COUPON, Act
from ledger_service.coupons.wallet.moves import note as note_coupon
from ledger_service.coupons.wallet.requests import Offers
from ledger_service.coupons.wallet.rules import AVAILABLE, VOID
from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.points.parties import MEMBER_BY_ID
from ledger_service.referrals.rewards.commands import (
    CAMPAIGN,
    REWARD,
    SERVICE,
    RewardCommand,
    move_budget,
    note,
    refuse,
    void,
)
from ledger_service.referrals.rewards.models import share_reward

TRY_AGAIN = timedelta(hours=1)


class GiveCouponCommand(RewardCommand):
    """A due coupon is in the member's wallet; one that cannot be given now is tried again later.

    It waits while the member is frozen, and while no version is in force that its owner, the campaign's
    funder, alone pays for.

    Idempotency: by the reward's state, and by the coupon's id, which is the reward's.
    Invariants: INV-6, INV-14.
    """

    def __init__(self, reward_id: bytes, offers: Offers, at: datetime) -> None:
        """Take the reward, and who knows the definitions."""
        super().__init__(reward_id, at)
        self.offers = offers

    def apply(self, draft: Draft) -> str:
        """Give."""
        row = draft.one(REWARD, self.reward_id)
        if row is None or row["state"] != "due" or row["until"] > self.at:
            return "due" if row is None else str(row["state"])
        member, campaign = draft.one(MEMBER_BY_ID, row["member_id"]), draft.one(CAMPAIGN, row["campaign_id"])
        if member is None or member["status"] == "erased":
            return refuse(draft, row, "erased", (SERVICE, self.at))
        if member["household"]:
            return refuse(draft, row, "household", (SERVICE, self.at))
        offer = self.offers.live(row["definition_id"], self.at)
        payer = None if offer is None else offer.payer
        if member["status"] == "frozen" or campaign is None or payer != campaign["merchant_id"]:
            draft.change(share_reward, self.reward_id, until=self.at + TRY_AGAIN)
            return "due"
        if offer is not None:
            act = Act(self.reward_id, row["member_id"], SERVICE, self.at)
            grant(draft, offer, act, f"share:{campaign['code']}")
        draft.change(share_reward, self.reward_id, state="granted")
        note(draft, self.reward_id, ("granted", "coupon"), (SERVICE, self.at))
        return "granted"


class TakeCouponCommand(RewardCommand):
    """The goods came back: a coupon that was not given never is, an unused one is void, a used one is left.

    Idempotency: by the states of reward and coupon. Locks: the holder's row, which an available coupon's is.
    """

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The coupon, too."""
        return [*super().reads_first(view), COUPON.of(self.reward_id)]

    def apply(self, draft: Draft) -> str:
        """Take back."""
        row = draft.one(REWARD, self.reward_id)
        if row is None:
            return "void"
        if row["state"] in ("held", "due", "appealed"):
            return void(draft, row, self.at)
        if row["state"] not in ("granted", "left"):
            return str(row["state"])
        found = draft.get(coupon, self.reward_id)
        if found is None:
            raise LookupError("the coupon of a reward is gone")
        if found["state"] == AVAILABLE and found["holder"] == row["member_id"]:
            return self._take(draft, row, found)
        return self._leave(draft, row, "given-on" if found["state"] == AVAILABLE else "used")

    def _take(self, draft: Draft, row: Row, found: Row) -> str:
        act = Act(self.reward_id, row["member_id"], SERVICE, self.at)
        note_coupon(draft, found, ("voided", act), state=VOID)
        move_budget(draft, row, -1)
        draft.change(share_reward, self.reward_id, state="clawed")
        note(draft, self.reward_id, ("clawed", "returned"), (SERVICE, self.at))
        return "clawed"

    def _leave(self, draft: Draft, row: Row, reason: str) -> str:
        if row["state"] == "granted":
            draft.change(share_reward, self.reward_id, state="left")
            note(draft, self.reward_id, ("left", reason), (SERVICE, self.at))
        return "left"
