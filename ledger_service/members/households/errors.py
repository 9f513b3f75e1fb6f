"""How households refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class HouseholdUnknown(DomainError):
    """No household has this number, or the caller has nothing to do with it."""

    code = "household-unknown"
    category = Category.MISSING
    why = "No household has this number, or the caller is none of its mates; both answer the same."
    fix = "Use a number that the member's list of households shows."


@dataclass(eq=False)
class HouseholdRightMissing(DomainError):
    """Only the owner, or the mate itself, may do this."""

    code = "household-right-missing"
    category = Category.FORBIDDEN
    why = "What was asked for is the owner's to do, or that of the mate whom it concerns."
    fix = "Let the owner of the household do it with its own key."


@dataclass(eq=False)
class HouseholdConflict(DomainError):
    """The household, or the mate, is not in a state for this."""

    reason: str

    code = "household-conflict"
    category = Category.CONFLICT
    why = (
        "The household cannot take this now: `reason` is one of already-in, full, not-invited, "
        "invitation-expired, not-in, closing, owner-stays and mate-unknown."
    )
    fix = "Look at the household and its mates; an owner hands the household over or dissolves it first."


@dataclass(eq=False)
class HouseholdSpendRefused(DomainError):
    """The mate may not spend the household's points."""

    reason: str

    code = "household-spend-refused"
    why = (
        "The code is one of a household's account, and its mate may not spend there: `reason` is one of "
        "no-right, left, frozen, closing and key-unknown."
    )
    fix = "Take money, or let the member show its own code or another mate of the household pay."


@dataclass(eq=False)
class HouseholdLimitReached(DomainError):
    """More than the mate may spend in its day or month."""

    value_micros: int
    left_micros: int

    code = "household-limit-reached"
    why = "The mate may spend only so much of the household's points in a day or month."
    fix = "Ask for at most `left_micros` in points and take money for the rest."


@dataclass(eq=False)
class HouseholdGiftRefused(DomainError):
    """Points leave a household's account only at tills, as a mate's part, or to its owner at the end."""

    reason: str

    code = "household-gift-refused"
    why = (
        "A household gives points only to a mate that left, up to the part that waits for it, or at its end "
        "to its owner: `reason` is one of no-right, not-owed and too-many."
    )
    fix = "Give at most what the household shows as the mate's part."


@dataclass(eq=False)
class HouseholdAccount(DomainError):
    """The number is a household's, which is nobody's own account."""

    code = "household-account"
    category = Category.CONFLICT
    why = "The number is a household's: it has no keys, devices, birthday or cases of its own."
    fix = "Name the member; its devices are enrolled for the household by the household's own routes."
