"""How lists of codes refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class CodePatternRefused(DomainError):
    """The pattern gives no codes that are safe to hand out."""

    reason: str

    code = "code-pattern-refused"
    why = (
        "No list is made by this pattern: `reason` is one of form, random-characters (1 to 32 `#`), "
        "check-character (below 80 random bits one `*` is needed), guessable (fewer than 100,000 guesses "
        "for each hit) and overlaps (another list may hold the same codes)."
    )
    fix = "Use more `#`, add a `*`, or begin the pattern with letters that no other list has."


@dataclass(eq=False)
class CodeListDiffers(DomainError):
    """A list of this name was begun with other properties."""

    name: str

    code = "code-list-differs"
    category = Category.CONFLICT
    why = "A list of this name exists with another merchant, definition, kind, pattern or size."
    fix = "Repeat the command as it was given first to go on, or choose another name."


@dataclass(eq=False)
class CodeListUnknown(DomainError):
    """No list has this name."""

    name: str

    code = "code-list-unknown"
    category = Category.MISSING
    why = "No list of codes has this name."
    fix = "Use a name that `alliance coupons lists` shows."


@dataclass(eq=False)
class CodeListNotReady(DomainError):
    """The list is not in a state for this."""

    reason: str

    code = "code-list-not-ready"
    category = Category.CONFLICT
    why = (
        "The list cannot be used so now: `reason` is one of making (not all codes are there), imported (its "
        "codes are kept as hashes alone), exported (that is done once), closed (its hashes stay here), "
        "too-long (for sheets), not-anchored (the chain has not its root yet, before which no code goes out) "
        "and anchor-refused (the contract did not take the root)."
    )
    fix = (
        "Finish the list first, and approve its definition; a bridge at work anchors its root in seconds. "
        "Codes that were exported are nowhere but in that file."
    )


@dataclass(eq=False)
class CodeFileRefused(DomainError):
    """The file is no list of codes."""

    reason: str
    line: int

    code = "code-file-refused"
    why = "The file was left at `line`, and what came before stays: too-many-bad-rows or too-many-codes."
    fix = "Look at the rows that the command has written out, and give a file of one code a line."
