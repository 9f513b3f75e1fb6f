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
    why = "What one person wrote goes live by the word of another, with a key of its own."
    fix = "Let another key of the merchant, or an operator, approve it."


@dataclass(eq=False)
class CampaignStateWrong(DomainError):
    """What is asked does not fit the campaign's state."""

    state: str

    code = "coupon-campaign-state-wrong"
    category = Category.CONFLICT
    why = "A campaign goes from draft to approved to ended, and what it holds is fixed once approved."
    fix = "Look at the campaign; make a new one if it is over."


@dataclass(eq=False)
class GoodsFileTooLong(DomainError):
    """More lines than one request may bring."""

    most: int

    code = "coupon-goods-file-too-long"
    category = Category.TOO_LARGE
    why = "A goods list or product file comes in parts of so many lines."
    fix = "Send the rest in further requests; lines that are there already change nothing."
