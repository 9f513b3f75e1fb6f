"""How links and touches refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ShareLinkUnknown(DomainError):
    """No link has this code."""

    code = "share-link-unknown"
    category = Category.MISSING
    why = "No share link has this code: it was mistyped or made up, or it is somebody else's."
    fix = "Open the link as it was shared, or ask for a new one."


@dataclass(eq=False)
class ShareLinkEnded(DomainError):
    """The link leads nowhere any more."""

    code = "share-link-ended"
    category = Category.GONE
    why = "The link was ended, or its campaign is not live."
    fix = "Look for a campaign that is live and share a link of it."


@dataclass(eq=False)
class ShareLinkLimitReached(DomainError):
    """A campaign's links of one member are as many as channels."""

    limit: int

    code = "share-bind-limit-reached"
    why = "A member may follow `limit` links of one campaign."
    fix = "The links that were followed count; no further one is needed."


@dataclass(eq=False)
class ShareOwnLink(DomainError):
    """Who shared a link follows it."""

    code = "share-own-link"
    why = "Nobody brings itself: the link is the member's own."
    fix = "Send the link to somebody else."


@dataclass(eq=False)
class ShareTouchUnknown(DomainError):
    """No touch that counts has this id."""

    code = "share-touch-unknown"
    category = Category.MISSING
    why = "No touch of a person has this id, or its link leads nowhere any more."
    fix = "Open the share link again and use the touch that it answers."
