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
class LinesMalformed(DomainError):
    """A file is not the lines of a statement."""

    line: int
    reason: str

    code = "statement-lines-malformed"
    category = Category.MALFORMED
    why = "At `line` the file is not what `alliance settle lines` writes: it `reason`."
    fix = "Ask for the file anew; lines are never edited or sorted by hand."
