"""How referral campaigns refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ShareCampaignUnknown(DomainError):
    """No campaign has this code."""

    code = "share-campaign-unknown"
    category = Category.MISSING
    why = "No referral campaign has this code, or it is another merchant's."
    fix = "List the campaigns and use one of their codes."


@dataclass(eq=False)
class ShareCampaignTaken(DomainError):
    """Another campaign has this code."""

    code = "share-campaign-taken"
    category = Category.CONFLICT
    why = "A referral campaign has this code already."
    fix = "Choose another code, or ask for a new version of the one that exists."


@dataclass(eq=False)
class ShareCampaignStateWrong(DomainError):
    """The campaign is not in a state for this."""

    state: str

    code = "share-campaign-state-wrong"
    category = Category.CONFLICT
    why = "The campaign, or its version, is `state`: a draft is approved, an approved one goes live and ends."
    fix = "Look at the campaign and do the step that follows its state."


@dataclass(eq=False)
class ShareTermsRefused(DomainError):
    """Terms that no campaign may have."""

    reason: str

    code = "share-terms-refused"
    why = (
        "The terms break the rule that `reason` names: depth is 1 or 2, a reward needs a purchase or a scan,"
        " somebody is rewarded, points are the funder's own, a coupon is in force, free, the funder's and"
        " at its cost alone, and no version goes deeper than the chain was told when the campaign went live."
    )
    fix = "Correct the terms and ask again; another depth is another campaign."


@dataclass(eq=False)
class ShareBudgetTooSmall(DomainError):
    """A budget below what is spent already."""

    used_points: int
    used_rewards: int
    used_coupons: int

    code = "share-budget-too-small"
    why = "The budget does not cover the `used_points`, `used_rewards` and `used_coupons` promised so far."
    fix = "Set a budget that covers them, or end the campaign."
