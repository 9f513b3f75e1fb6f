"""The refusals of what a basket says of its lines and tenders."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import DomainError


@dataclass(eq=False)
class LineUnitDiffers(DomainError):
    """A line comes back in another unit than it was sold in."""

    line: str
    unit: str

    code = "line-unit-differs"
    why = "The line was sold in another unit than it is returned in."
    fix = "State the quantity in the unit named in `unit`, as the sale did."


@dataclass(eq=False)
class TendersDoNotAddUp(DomainError):
    """The tenders are not the total."""

    tendered_minor: int
    total_minor: int

    code = "tenders-do-not-add-up"
    why = "The tenders come to another sum than the basket."
    fix = "Send tenders that sum to `total_minor`, or none at all."


@dataclass(eq=False)
class PointsTenderDiffers(DomainError):
    """The till booked another value for the points than they have."""

    programme: str
    tendered_minor: int
    paid_minor: int

    code = "points-tender-differs"
    why = "The points of the programme pay another amount than their tender says."
    fix = "Ask for a quote and put `paid_minor` into the tender of the programme."
