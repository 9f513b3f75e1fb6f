"""Giving a coupon to a friend: it has changed hands in one step, and fails for its old holder at once."""

from __future__ import annotations

from collections.abc import Iterable

from ledger_service.coupons.wallet.claiming import the_member
from ledger_service.coupons.wallet.errors import CouponGiftRefused, CouponNotUsable, CouponUnknown
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.moves import COUPON, Act, note
from ledger_service.coupons.wallet.requests import Asked, Giving, Offers
from ledger_service.coupons.wallet.rules import AVAILABLE, MOST_GIFTS, NO_GIFT, shown_state
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.members.queries import MEMBER_BY_NUMBER


class GiveCommand(BookCommand[bytes]):
    """The coupon is the recipient's; answers its id.

    Locks: both members, as every way to a coupon that somebody holds locks its holder.
    """

    def __init__(self, giving: Giving, offers: Offers, asked: Asked) -> None:
        """Take the request."""
        self._giving, self._offers, self._asked = giving, offers, asked

    def locks(self, view: Workset) -> Iterable[Need]:
        """Both members."""
        giving = self._giving
        return [MEMBER_BY_NUMBER.of(n) for n in (giving.giver_number, giving.recipient_number)]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The coupon."""
        return [COUPON.of(self._giving.coupon_id)]

    def apply(self, draft: Draft) -> bytes:
        """Give.

        Raises:
            MemberUnknown, MemberFrozen, HouseholdAccount: giver or recipient.
            CouponUnknown: it is not in the giver's wallet, or not any more.
            CouponNotUsable: reserved, consumed, void or expired.
            CouponGiftRefused: not-givable, given-before, to-self.
        """
        giving, at = self._giving, self._asked.at
        giver = the_member(draft, giving.giver_number)
        row = draft.get(coupon, giving.coupon_id)
        if row is None or row["holder"] != giver:
            raise CouponUnknown
        recipient = the_member(draft, giving.recipient_number)
        if recipient == giver:
            raise CouponGiftRefused("to-self")
        state = shown_state(row, at)
        if state != AVAILABLE:
            raise CouponNotUsable(state)
        rule = self._offers.gift_rule(row["definition_id"], row["version"])
        if row["gifts"] >= MOST_GIFTS[rule]:
            raise CouponGiftRefused("not-givable" if rule == NO_GIFT else "given-before")
        act = Act(b"", recipient, self._asked.subject, at)
        note(draft, row, ("given", act), holder=recipient, gifts=row["gifts"] + 1)
        return giving.coupon_id
