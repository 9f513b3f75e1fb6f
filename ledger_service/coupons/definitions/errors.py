"""Every refusal of coupon definitions and campaigns."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class DefinitionUnknown(DomainError):
    """No such definition, or another merchant's."""

    definition: str

    code = "coupon-definition-unknown"
    category = Category.MISSING
    why = "The merchant has no coupon definition of that code."
    fix = "Look the code up in the list of the merchant's definitions."


@dataclass(eq=False)
class CampaignUnknown(DomainError):
    """No such campaign, or another merchant's."""

    campaign: str

    code = "coupon-campaign-unknown"
    category = Category.MISSING
    why = "The merchant has no campaign of that code."
    fix = "Look the code up in the list of the merchant's campaigns."


@dataclass(eq=False)
class CouponCodeTaken(DomainError):
    """A definition, campaign or GCN that exists already, with other content."""

    field: str
    value: str

    code = "coupon-code-taken"
    category = Category.CONFLICT
    why = "Something else has this code already."
    fix = "Use another code, or write a further version of the definition that has it."


@dataclass(eq=False)
class TermsFaulty(DomainError):
    """Terms that contradict themselves or the law of their kind."""

    field: str
    reason: str

    code = "coupon-terms-faulty"
    why = "No coupon may have these terms: `field` and `reason` say what is wrong."
    fix = "Correct the terms and write the version again."


@dataclass(eq=False)
class VersionOutOfOrder(DomainError):
    """A version that would begin in the past or before one that is approved."""

    version: int
    earliest: str

    code = "coupon-version-out-of-order"
    category = Category.CONFLICT
    why = "Versions begin one after the other, and none before now."
    fix = "Let it begin at `earliest` or later."


@dataclass(eq=False)
class ApproverIsAuthor(DomainError):
    """The one who wrote it may not approve it."""

    code = "coupon-approver-is-author"
    category = Category.FORBIDDEN
    why = "What one wrote goes live by the word of another: a further key of the same subject is no other."
    fix = "Let an operator approve what a merchant wrote, and another operator or the merchant the rest."


@dataclass(eq=False)
class CampaignStateWrong(DomainError):
    """What is asked does not fit the campaign's state."""

    state: str

    code = "coupon-campaign-state-wrong"
    category = Category.CONFLICT
    why = "A campaign goes from draft to approved to ended, and what it holds is fixed once approved."
    fix = "Look at the campaign; make a new one if it is over."


@dataclass(eq=False)
class LawRefused(DomainError):
    """Terms of a paid coupon that the law of the place does not allow."""

    jurisdiction: str
    rule: str

    code = "coupon-law-refused"
    why = "Somebody pays for this coupon, and the law of its jurisdiction does not allow these terms."
    fix = "`rule` is expiry-banned, too-short, card-cap, guarantee or no-profile: see docs/coupons.md."


@dataclass(eq=False)
class StackingContradiction(DomainError):
    """Groups that say they combine while the other side does not let them."""

    definition: str
    group: str

    code = "coupon-stacking-contradiction"
    why = "One of two definitions says that it combines with the other's group, which does not allow it back."
    fix = "Change the groups of these terms, or first those of `definition`."


@dataclass(eq=False)
class VersionUnknown(DomainError):
    """No such version."""

    version: int

    code = "coupon-version-unknown"
    category = Category.MISSING
    why = "The coupon definition has no version of that number."
    fix = "Look the number up in the list of the definition's versions."


@dataclass(eq=False)
class VersionDecided(DomainError):
    """Approved already, or past its beginning."""

    version: int

    code = "coupon-version-decided"
    category = Category.CONFLICT
    why = "The version is approved already, or the merchant agreed to it before, or a later one is approved."
    fix = "Read the versions; write a further one to change what holds."


@dataclass(eq=False)
class ConsentNotNeeded(DomainError):
    """A merchant that the terms do not bind."""

    code = "coupon-consent-not-needed"
    why = "The terms name this merchant neither among those who pay nor among those who take the coupon."
    fix = "Agree with a key of a merchant that the version is `waiting_for`."


@dataclass(eq=False)
class DefinitionWithdrawn(DomainError):
    """The definition is at its end."""

    code = "coupon-definition-withdrawn"
    category = Category.CONFLICT
    why = "The definition was withdrawn: it takes no versions, and no campaign may offer it."
    fix = "Make another definition."


@dataclass(eq=False)
class SourceUnknown(DomainError):
    """No such source."""

    code = "coupon-source-unknown"
    category = Category.MISSING
    why = "No campaign has a source of this code."
    fix = "Use the code as the campaign's list of sources shows it."
