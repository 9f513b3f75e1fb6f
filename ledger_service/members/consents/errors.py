"""Refusals about consents."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ConsentUnknown(DomainError):
    """No such consent of this member."""

    code = "consent-unknown"
    category = Category.MISSING
    why = "The member has given no consent with this id."
    fix = "List the member's consents."


@dataclass(eq=False)
class ConsentMissing(DomainError):
    """The member lets nobody, or not this merchant, read this for this purpose."""

    code = "consent-missing"
    category = Category.FORBIDDEN
    why = "The facts are another merchant's, and no consent of the member for this reader and purpose stands."
    fix = "Ask the member, who gives and revokes consents in its own app."


@dataclass(eq=False)
class ConsentRefused(DomainError):
    """A consent that means nothing, or one too many."""

    reason: str

    code = "consent-refused"
    category = Category.REFUSED
    why = "Owner and reader are one merchant, or so many consents stand already; `reason` says which."
    fix = "Name two merchants, or revoke a consent that is not wanted any more."
