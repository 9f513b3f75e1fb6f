"""How the wallet refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.db.errors import TracedRefusal
from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class CouponUnknown(TracedRefusal):
    """No such coupon or code, or somebody else's: the answer is the same."""

    code = "coupon-unknown"
    category = Category.MISSING
    why = "No coupon has this id or code, or it is somebody else's; both answer the same."
    fix = "Type the code as it is printed, or choose one that the member's wallet shows."


@dataclass(eq=False)
class CouponNotUsable(DomainError):
    """The coupon is not in a state for this."""

    reason: str

    code = "coupon-not-usable"
    category = Category.CONFLICT
    why = "The coupon cannot be used so now: `reason` is one of reserved, consumed, void and expired."
    fix = "Free it where another basket holds it; a consumed coupon comes back only with its sale."


@dataclass(eq=False)
class CouponNotOffered(DomainError):
    """Nothing of the kind is given out now."""

    code = "coupon-not-offered"
    category = Category.CONFLICT
    why = "The campaign is not live now, does not offer this member that, or its code was used often enough."
    fix = "Claim while the campaign is live; its dates stand with its definition."


@dataclass(eq=False)
class CouponLimitReached(DomainError):
    """The member has claimed as many as it may."""

    most: int

    code = "coupon-limit-reached"
    category = Category.CONFLICT
    why = "A member may claim only so many coupons of one definition, used ones included."
    fix = "Use what the wallet holds; at most `most` are given to one member."


@dataclass(eq=False)
class CouponGiftRefused(DomainError):
    """The coupon does not change hands."""

    reason: str

    code = "coupon-gift-refused"
    category = Category.CONFLICT
    why = (
        "The coupon cannot be given away: `reason` is one of not-givable (by its terms), given-before (they "
        "allow one gift), to-self and household (a household holds no coupons)."
    )
    fix = "Give a coupon whose terms allow it, to another member's number."


@dataclass(eq=False)
class CouponCodesLocked(DomainError):
    """Too many wrong codes; for a while none is looked up."""

    retry_after_seconds: int

    code = "coupon-codes-locked"
    category = Category.THROTTLED
    why = "Too many codes that are none were tried; until the lock ends no code is looked up, right or wrong."
    fix = "Wait the seconds in `Retry-After`; coupons that a wallet holds go on working at the till."
