"""How the merchants room refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ScopeMissing(DomainError):
    """A good key that may not do this."""

    scope: str

    code = "scope-missing"
    category = Category.FORBIDDEN
    why = "The API key does not carry the scope `scope`."
    fix = "Use a key whose role has the scope, or let an operator issue one."


@dataclass(eq=False)
class MerchantUnknown(DomainError):
    """No merchant has this GLN."""

    code = "merchant-unknown"
    category = Category.MISSING
    why = "No merchant of the alliance has this GLN."
    fix = "Check the GLN; an operator admits new merchants."


@dataclass(eq=False)
class MerchantKnown(DomainError):
    """A merchant with this GLN is a member of the alliance already."""

    code = "merchant-known"
    category = Category.CONFLICT
    why = "A merchant with this GLN is already admitted."
    fix = "Use the merchant as it is, or admit another GLN."


@dataclass(eq=False)
class MerchantSuspended(DomainError):
    """A merchant that may not accept anything for the time being."""

    code = "merchant-suspended"
    why = "The merchant is suspended, so nothing is sold, earned or redeemed under it."
    fix = "An operator reinstates the merchant."


@dataclass(eq=False)
class StoreUnknown(DomainError):
    """No open store of the caller's merchant has this GLN."""

    code = "store-unknown"
    category = Category.MISSING
    why = "No open store has this GLN."
    fix = "Check the GLN of the store; an operator or the merchant opens new stores."


@dataclass(eq=False)
class StoreKnown(DomainError):
    """A store with this GLN exists already."""

    code = "store-known"
    category = Category.CONFLICT
    why = "A store with this GLN already exists."
    fix = "Use the store as it is, or open it under another GLN."


@dataclass(eq=False)
class TerminalUnknown(DomainError):
    """No terminal has this id, or it is disabled."""

    code = "terminal-unknown"
    category = Category.MISSING
    why = "No active terminal has this id."
    fix = "Check the id, or add the terminal to its store."


@dataclass(eq=False)
class ApiKeyUnknown(DomainError):
    """No key in force has this key id."""

    code = "api-key-unknown"
    category = Category.MISSING
    why = "No API key in force has this key id."
    fix = "List the keys of the subject and name one of them."


@dataclass(eq=False)
class RoleUnfit(DomainError):
    """A role that does not exist, or scopes that it does not give."""

    role: str

    code = "role-unfit"
    why = "There is no role `role`, or it does not give the scopes that were asked for."
    fix = "Ask for a role of docs/glossary.md and for scopes that it has."


@dataclass(eq=False)
class GrantTooWide(DomainError):
    """A key that would give more than its giver has: a role, a subject, a scope, or a later end."""

    part: str

    code = "grant-too-wide"
    category = Category.FORBIDDEN
    why = "A key gives away no more than it has itself, and the caller's key does not have `part`."
    fix = "Ask for less (scopes, an earlier end), or have it issued with a key that has `part`."


@dataclass(eq=False)
class AnotherOperator(DomainError):
    """An operator would get hold of a key in the name of a further operator (D18)."""

    code = "another-operator"
    category = Category.FORBIDDEN
    why = "An operator issues and rotates operator keys for itself only, so that nobody acts as two persons."
    fix = "Issue it on the ledger's machine with `alliance keys issue operator NAME`, for that person only."
