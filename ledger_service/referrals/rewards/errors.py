"""How rewards refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ShareRewardUnknown(DomainError):
    """No reward has this id."""

    code = "share-reward-unknown"
    category = Category.MISSING
    why = "No reward has this id, or it is another member's or merchant's."
    fix = "Use an id of the list of rewards."


@dataclass(eq=False)
class ShareRewardStepRefused(DomainError):
    """The step does not fit the reward's state."""

    state: str

    code = "share-reward-step-refused"
    category = Category.CONFLICT
    why = "The reward is `state`: held ones are released or refused, refused ones appealed within the time."
    fix = "Look at the reward; a step that came too late stays undone."


@dataclass(eq=False)
class SharePurchaseUnknown(DomainError):
    """No purchase of the campaign has this id."""

    code = "share-purchase-unknown"
    category = Category.MISSING
    why = "The sale is none that the campaign counted, or it is not the caller's to see."
    fix = "Wait until the sale is in the ledger, and name the campaign of the link that was followed."
