"""Why an operation that was set aside is not put to the chain again."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class NotSetAside(DomainError):
    """There is nothing to retry."""

    operation: str

    code = "operation-not-set-aside"
    category = Category.MISSING
    why = "No operation with that id is set aside: it is unknown, on its way, or on the chain."
    fix = "Look the operation up by `GET /v1/operations/{operation}/proof`."


@dataclass(eq=False)
class RetryHopeless(DomainError):
    """The contract could only refuse it again; ``reason`` says why."""

    operation: str
    reason: str

    code = "retry-hopeless"
    category = Category.REFUSED
    why = (
        "The contract could only refuse the operation again, or nothing of it is left to make up for, as"
        " `reason` says."
    )
    fix = "Make the member or the acceptor good by an adjustment or outside the ledger."


@dataclass(eq=False)
class RetryAsked(DomainError):
    """One request of an operation is open at a time."""

    operation: str
    retry: str

    code = "retry-asked"
    category = Category.CONFLICT
    why = "Somebody has asked for a retry of this operation, and nobody has decided yet."
    fix = "Let a second operator decide the retry that `retry` names."


@dataclass(eq=False)
class RetryUnknown(DomainError):
    """No such request of this operation."""

    retry: str

    code = "retry-unknown"
    category = Category.MISSING
    why = "The operation has no retry with that id."
    fix = "Take the id from `GET /v1/chain/set-aside`."


@dataclass(eq=False)
class RetryDecided(DomainError):
    """Decided before."""

    retry: str
    state: str

    code = "retry-decided"
    category = Category.CONFLICT
    why = "The retry was decided before, as `state` says."
    fix = "Ask for another one if the operation is set aside again."
