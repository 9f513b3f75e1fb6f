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
class ReservesNotOffered(DomainError):
    """The alliance has no ReserveDesk."""

    code = "reserves-not-offered"
    category = Category.CONFLICT
    why = "This alliance was founded before there was a ReserveDesk; its registry knows no limit but the cap."
    fix = "Hold reserves by agreement outside; a new alliance has the desk."


@dataclass(eq=False)
class NotInDefault(DomainError):
    """The merchant is not in default."""

    merchant: int

    code = "not-in-default"
    category = Category.CONFLICT
    why = "No default of `merchant` stands on chain, so there is none to cure."
    fix = "See `alliance reserve status`."


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
class NoSuchDispute(DomainError):
    """Nothing was ever held out of what one merchant owes the other."""

    period: int
    debtor: str
    creditor: str

    code = "settlement-no-such-dispute"
    category = Category.MISSING
    why = "For `period` nothing is held out of what `debtor` owes `creditor`, as far as the bridge has read."
    fix = "See the period's `standing`; a dispute is shown there seconds after it stands on chain."


@dataclass(eq=False)
class FiguresNotReady(DomainError):
    """The figures of a closed period are not added up yet."""

    period: int

    code = "settlement-figures-not-ready"
    category = Category.CONFLICT
    why = "`period` is closed, but its close is not final yet, or the bridge has not added up its lines."
    fix = "Ask again in a minute; `alliance settle statement` writes the same papers beside the bridge."


@dataclass(eq=False)
class LinesMalformed(DomainError):
    """A file is not the lines of a statement."""

    line: int
    reason: str

    code = "statement-lines-malformed"
    category = Category.MALFORMED
    why = "At `line` the file is not what `alliance settle lines` writes: it `reason`."
    fix = "Ask for the file anew; lines are never edited or sorted by hand."


@dataclass(eq=False)
class StatementUnbalanced(DomainError):
    """A programme's opening and movements do not come to its closing."""

    programme: int
    reached: int
    counted: int

    code = "statement-unbalanced"
    why = "The movements of `programme` come to `reached` points, the chain counts `counted` (INV-4)."
    fix = "Compare the mirror with the chain (`alliance index`): one of its operations is missing or altered."


@dataclass(eq=False)
class PaperDiffers(DomainError):
    """A paper that was written before would be written with other bytes now."""

    paper: str
    locked: str
    found: str

    code = "settlement-paper-differs"
    category = Category.CONFLICT
    why = "`paper` was written before with the SHA-256 `locked`; the same figures now give `found`."
    fix = "Nothing was written. Recompute it from the chain alone, and find out which side has changed."


@dataclass(eq=False)
class NoOwners(DomainError):
    """A paper of owners of a merchant that has none."""

    code = "owners-none"
    category = Category.MISSING
    why = "The merchant has registered no owners of stores, so there is nothing to split."
    fix = "Register them first (`POST /v1/owners`), and say whose each store is."


@dataclass(eq=False)
class OwnersPaperTooLong(DomainError):
    """More lines than a request splits to owners."""

    lines: int
    most: int

    code = "owners-paper-too-long"
    category = Category.CONFLICT
    why = "The period has `lines` lines; a request splits at most `most` to owners."
    fix = "Have the operator write it beside the service: `alliance settle statement --owners`."


@dataclass(eq=False)
class ChartMalformed(DomainError):
    """A chart of accounts that is none."""

    reason: str

    code = "chart-of-accounts-malformed"
    category = Category.MALFORMED
    why = "The chart of accounts cannot be used: `reason`."
    fix = "Give a JSON object: each role of docs/statements.md with its account's number and name."
