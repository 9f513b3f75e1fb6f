"""How settlement refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class NetsUnbalanced(DomainError):
    """What some owe is not what others are owed."""

    difference: int

    code = "nets-unbalanced"
    why = "The nets of a period must sum to zero (INV-5); these sum to `difference`."
    fix = "Compare the mirror with the chain: `alliance audit` names the operation that differs."


@dataclass(eq=False)
class SettlementNotOffered(DomainError):
    """The alliance has no SettlementDesk."""

    code = "settlement-not-offered"
    category = Category.CONFLICT
    why = "This alliance was founded before there was a SettlementDesk, and none was created since."
    fix = "Settle from `alliance verify settlement`, outside; a new alliance has the desk."


@dataclass(eq=False)
class PeriodNotPublished(DomainError):
    """The period's statements are not published."""

    period: int

    code = "period-not-published"
    category = Category.CONFLICT
    why = "The statements of `period` are not published, so nobody can answer them."
    fix = "Close the period and publish its statements first."


@dataclass(eq=False)
class NoSuchPair(DomainError):
    """Neither merchant owes the other anything for the period in this direction."""

    period: int
    debtor: str
    creditor: str

    code = "settlement-no-such-pair"
    category = Category.MISSING
    why = "For `period` the statements have no line of `debtor` to `creditor`."
    fix = "See `alliance settle lines`; the debtor issued the points, the creditor took them."


@dataclass(eq=False)
class LinesMalformed(DomainError):
    """A file is not the lines of a statement."""

    line: int
    reason: str

    code = "statement-lines-malformed"
    category = Category.MALFORMED
    why = "At `line` the file is not what `alliance settle lines` writes: it `reason`."
    fix = "Ask for the file anew; lines are never edited or sorted by hand."
