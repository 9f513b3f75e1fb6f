"""How owners of stores are refused."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class OwnerUnknown(DomainError):
    """The store's merchant has no such owner."""

    code = "owner-unknown"
    category = Category.MISSING
    why = "The merchant has no owner with this id."
    fix = "List the merchant's owners, or register the legal person first."


@dataclass(eq=False)
class SharesNotWhole(DomainError):
    """Shares that do not sum to 10,000 basis points, or an owner twice."""

    sum_bps: int

    code = "owner-shares-not-whole"
    why = "The shares of a store's owners sum to `sum_bps` basis points, or name an owner twice."
    fix = "Name each owner once; the shares must sum to 10000 exactly."


@dataclass(eq=False)
class OwnersBackdated(DomainError):
    """Owners of a time whose period is closed."""

    earliest: str

    code = "owners-backdated"
    category = Category.CONFLICT
    why = "Statements of a closed period are split by the owners of its time: none begins before `earliest`."
    fix = "Let them begin later, and settle what was before between the owners themselves."


@dataclass(eq=False)
class OwnersKnown(DomainError):
    """A set of owners begins at this instant already."""

    code = "owners-known"
    category = Category.CONFLICT
    why = "Owners of this store begin at this instant already, and what stands is not changed."
    fix = "Let the new owners begin at another instant."
