"""Refusals about segments."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class SegmentUnknown(DomainError):
    """No such segment of this merchant."""

    code = "segment-unknown"
    category = Category.MISSING
    why = "The merchant has no segment with this code."
    fix = "List the segments, or write one."


@dataclass(eq=False)
class SegmentRuleRefused(DomainError):
    """The rule cannot be counted."""

    where: str
    reason: str

    code = "segment-rule-refused"
    category = Category.REFUSED
    why = "A part of the rule is none that docs/segments.md lists; `where` says which, `reason` why."
    fix = "Write the rule of `all`, `any`, `not` and the facts that the page lists."


@dataclass(eq=False)
class CustomerValueUnknown(DomainError):
    """No model says what the merchant's customers will buy."""

    code = "customer-value-unknown"
    category = Category.REFUSED
    why = "No value model of this merchant is there: none was fitted yet, or too few customers came back."
    fix = "Let the operator run `alliance value`; until then write the rule without `lifetime_value_minor`."


@dataclass(eq=False)
class SegmentLimitReached(DomainError):
    """The merchant has as many segments as it may have."""

    most: int

    code = "segment-limit-reached"
    category = Category.REFUSED
    why = "A merchant has at most `most` segments."
    fix = "Write another rule under the code of one that is not used any more."
