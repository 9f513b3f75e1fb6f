"""The refusals of rules by which merchants take points."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class PointsNotTaken(DomainError):
    """The merchant's rules do not take these points."""

    rule: str
    programme: str | None
    most_minor: int
    least_minor: int
    version: int

    code = "points-not-taken"
    why = "The merchant does not take these points, or not so many, by the rule that `rule` names."
    fix = "Pay `least_minor` to `most_minor` with points, another programme's or none; a quote says which."


@dataclass(eq=False)
class TakingNoticeTooShort(DomainError):
    """Rules that take less begin too early."""

    earliest: str
    tighter: str

    code = "acceptance-notice-too-short"
    why = "Rules that take fewer points than those before need a day of notice; no rules begin in the past."
    fix = "Let them begin at `earliest` or later, or leave out what takes less: `tighter`."


@dataclass(eq=False)
class TakingRulesOutOfOrder(DomainError):
    """The version before begins later."""

    version: int
    effective_from: str
    category = Category.CONFLICT

    code = "acceptance-rules-out-of-order"
    why = "Version `version` is published already and begins later; published versions never change."
    fix = "Let the new rules begin after `effective_from`."
