"""How the care room refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class MovesUnavailable(DomainError):
    """The alliance's contracts are older than accounts that move."""

    code = "account-moves-unavailable"
    category = Category.REFUSED
    why = "The contracts of this alliance cannot move accounts yet."
    fix = "The alliance puts a newer ClearingHouse in force; until then the account stays as it is."


@dataclass(eq=False)
class MovePermitInvalid(DomainError):
    """No active device of the member signed this move, or not for now."""

    code = "move-permit-invalid"
    category = Category.REFUSED
    why = (
        "The move was not signed by an active device of the member, or is not valid now; a custodial key's "
        "word does not count."
    )
    fix = (
        "Let an active device sign AccountMove(account, successor, signer, validUntil), valid for a day at "
        "most; a member without a device asks the alliance for a recovery."
    )


@dataclass(eq=False)
class AccountKnown(DomainError):
    """The salt leads to an account that is, or was, a member's."""

    account: str

    code = "account-known"
    category = Category.CONFLICT
    why = "The salt gives an account that is or was a member's, and the contract lets nobody move there."
    fix = "Make a fresh random salt and sign for the account that it gives."


@dataclass(eq=False)
class HoldsOpen(DomainError):
    """A sale is under way with a permit of the present account."""

    code = "holds-open"
    category = Category.CONFLICT
    why = "A hold of the member is open, and its capture needs the permit of the present account."
    fix = "Capture or void the sale that is under way, or wait for the hold's deadline; then try again."


@dataclass(eq=False)
class AccountUnsettled(DomainError):
    """Ledger and chain differ for this member; the account must not move before that is settled."""

    code = "account-unsettled"
    category = Category.REFUSED
    why = "The chain has refused an operation of this member, and the difference is not settled yet."
    fix = "The operator settles the difference; then the account can move."


@dataclass(eq=False)
class CaseUnknown(DomainError):
    """No case has this id."""

    code = "case-unknown"
    category = Category.MISSING
    why = "No case has this id."
    fix = "Use the id that opening the case answered."


@dataclass(eq=False)
class CaseUnderWay(DomainError):
    """The member has a case already."""

    code = "case-under-way"
    category = Category.CONFLICT
    why = "A case of this member is under way, and an account moves only once at a time."
    fix = "Finish or stop the other case first."


@dataclass(eq=False)
class CaseClosed(DomainError):
    """The case no longer takes this: it is decided, or this was said before."""

    state: str

    code = "case-closed"
    category = Category.CONFLICT
    why = "The case is `state`, or its notice has ended: this can no longer be said about it."
    fix = "Look at the case; an objection counts until its notice ends, an approval once."


@dataclass(eq=False)
class MovesExhausted(DomainError):
    """As many moves as may lead to an account one after another."""

    most: int

    code = "account-moves-exhausted"
    category = Category.REFUSED
    why = "The member's account has moved `most` times, and the contract follows no more."
    fix = "Keep the present account; further devices can be registered and revoked on it."


@dataclass(eq=False)
class MergeWithSelf(DomainError):
    """Both numbers are the same member's."""

    code = "merge-with-self"
    category = Category.REFUSED
    why = "A member cannot become itself."
    fix = "Name the member that closes in `member` and the one that stays in `into`."
