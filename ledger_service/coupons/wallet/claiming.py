"""Claiming a coupon into a wallet, and granting coupons to members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ledger_service.coupons.codes.lookup import code_row
from ledger_service.coupons.codes.models import coupon_code_list
from ledger_service.coupons.wallet.errors import (
    CouponLimitReached,
    CouponNotOffered,
    CouponNotUsable,
    CouponUnknown,
)
from ledger_service.coupons.wallet.guesses import GUESS, check_unlocked, counted
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.moves import COUPON, Act, note
from ledger_service.coupons.wallet.requests import Asked, Claim, Granting, Held, Offers
from ledger_service.coupons.wallet.rules import AVAILABLE, RESERVED, Offer, shown_state
from ledger_service.coupons.wallet.shown import Found, Shown, look, make
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset, load_by
from ledger_service.kernel.ids import derive_id
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.members.queries import MEMBER_BY_NUMBER

CLAIMS = load_by(coupon, "claimant", "definition_id")


class ClaimCommand(BookCommand[Held]):
    """The coupon is in the member's wallet.

    Locks: the member, the code, and the count of wrong codes of who asks.
    """

    def __init__(self, claim: Claim, offers: Offers, asked: Asked) -> None:
        """Take the request; a code's tags were worked out on the caller's thread."""
        self._claim, self._offers, self._asked = claim, offers, asked
        self._shown = Shown(claim.tags)

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        own = [MEMBER_BY_NUMBER.of(self._claim.member_number)]
        by_code = self._claim.tags is not None
        return [*own, GUESS.of(self._asked.subject), *self._shown.locks()] if by_code else own

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The code's list and coupon."""
        return self._shown.reads(view)

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """What the member has claimed of the definition so far."""
        member, definition = view.one(MEMBER_BY_NUMBER, self._claim.member_number), self._definition(view)
        return [] if member is None or definition is None else [CLAIMS.of(member["member_id"], definition)]

    def apply(self, draft: Draft) -> Held:
        """Claim.

        Raises:
            MemberUnknown, MemberFrozen, HouseholdAccount: nobody who may hold coupons.
            CouponCodesLocked, CouponUnknown: no code of a list, or it is somebody else's.
            CouponNotUsable: the code's coupon is reserved, consumed, void or expired.
            CouponNotOffered: not live, not what the source offers, or a generic code was used often enough.
            CouponLimitReached: the member has claimed its share.
        """
        member_id, at = the_member(draft, self._claim.member_number), self._asked.at
        found = self._found(draft, member_id)
        if found.row is not None and found.row["holder"] == member_id:
            # Its own code once more: the wallet has it already.
            return _held(_alive(found.row, at))
        offer = self._offers.live(found.definition_id, at)
        if offer is None:
            raise CouponNotOffered
        claimed = len(draft.find(CLAIMS, member_id, found.definition_id))
        if offer.per_member is not None and claimed >= offer.per_member:
            raise CouponLimitReached(offer.per_member)
        ref = derive_id("claim", member_id, found.definition_id, claimed)
        act = Act(ref, member_id, self._asked.subject, at)
        coupon_id = self._take(draft, found, (offer, act))
        return _held(draft.get(coupon, coupon_id) or {})

    def _found(self, draft: Draft, member_id: int) -> Found:
        if self._claim.tags is None:
            offered = self._offers.offered(self._claim.source or "", member_id, self._asked.at)
            if self._claim.definition_id not in offered:
                raise CouponNotOffered
            return Found(self._claim.definition_id or 0, None, None)
        check_unlocked(draft, self._asked.subject, self._asked.at)
        try:
            return look(draft, self._shown, member_id)
        except CouponUnknown:
            raise counted(self._asked.subject, self._asked.at) from None

    def _take(self, draft: Draft, found: Found, how: tuple[Offer, Act]) -> bytes:
        offer, act = how
        source = self._claim.source
        if found.row is None:
            coupon_id = make(draft, found, offer, (act, act.member_id, "claimed"))
            if source is not None:
                draft.change(coupon, coupon_id, source=source)
            return coupon_id
        if found.row["state"] == RESERVED:
            raise CouponNotUsable(RESERVED)
        _alive(found.row, act.at)
        values = {"holder": act.member_id, "claimant": act.member_id, "expires_at": offer.ends_at}
        note(draft, found.row, ("claimed", act), claimed_at=act.at, **values)
        return bytes(found.row["coupon_id"])

    def _definition(self, view: Workset) -> int | None:
        if self._claim.tags is None:
            return self._claim.definition_id
        row = code_row(view, self._claim.tags)
        listed = None if row is None else view.get(coupon_code_list, row["list_id"])
        return None if listed is None else int(listed["definition_id"])


class GrantCommand(BookCommand[int]):
    """Each member has its coupon; answers how many are new.

    Idempotency: a coupon's id follows from definition, reference and member, whatever the key.
    """

    def __init__(self, granting: Granting, offers: Offers, asked: Asked) -> None:
        """Take the request."""
        self._granting, self._offers, self._asked = granting, offers, asked

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The members."""
        return [MEMBER_BY_NUMBER.of(number) for number in self._granting.member_numbers]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """What they have got already."""
        rows = (view.one(MEMBER_BY_NUMBER, number) for number in self._granting.member_numbers)
        return [COUPON.of(self._id(row["member_id"])) for row in rows if row is not None]

    def apply(self, draft: Draft) -> int:
        """Grant.

        Raises:
            MemberUnknown, MemberFrozen, HouseholdAccount: one of the numbers; then nobody gets any.
            CouponNotOffered: the definition is not live.
        """
        asked, granting = self._asked, self._granting
        offer = self._offers.live(granting.definition_id, asked.at)
        if offer is None:
            raise CouponNotOffered
        new = 0
        for number in dict.fromkeys(granting.member_numbers):
            member_id = the_member(draft, number)
            coupon_id = self._id(member_id)
            if draft.get(coupon, coupon_id) is None:
                act = Act(coupon_id, member_id, asked.subject, asked.at)
                grant(draft, offer, act, granting.source)
                new += 1
        return new

    def _id(self, member_id: int) -> bytes:
        return derive_id("coupon granted", self._granting.definition_id, self._granting.reference, member_id)


def grant(draft: Draft, offer: Offer, act: Act, source: str | None) -> None:
    """The member has a coupon with the id ``act.ref``, without a code: from a campaign, or a purchase."""
    draft.add(coupon, {
        "coupon_id": act.ref, "definition_id": offer.definition_id, "version": offer.version,
        "state": AVAILABLE, "holder": act.member_id, "claimant": None, "source": source,
        "claimed_at": act.at, "expires_at": offer.ends_at,
    })  # fmt: skip
    note(draft, draft.get(coupon, act.ref) or {}, ("granted", act))


def the_member(draft: Draft, number: str) -> int:
    """The id of a member that may hold coupons.

    Raises:
        MemberUnknown, MemberFrozen, HouseholdAccount: it may not.
    """
    row = draft.one(MEMBER_BY_NUMBER, number)
    if row is None or row["status"] == "erased":
        raise MemberUnknown
    if row["household"]:
        raise HouseholdAccount
    if row["status"] == "frozen":
        raise MemberFrozen
    return int(row["member_id"])


def _alive(row: Mapping[str, Any], at: datetime) -> Mapping[str, Any]:
    state = shown_state(row, at)
    if state not in (AVAILABLE, RESERVED):
        raise CouponNotUsable(state)
    return row


def _held(row: Mapping[str, Any]) -> Held:
    return Held(row["coupon_id"], row["definition_id"], row["version"], row["expires_at"])
