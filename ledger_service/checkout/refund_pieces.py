"""Which pieces of a sale a refund names, and what it reads of the issues behind them."""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.checkout.basket_errors import LineUnitDiffers
from ledger_service.checkout.errors import (
    RefundExceedsSale,
    UnknownLine,
)
from ledger_service.checkout.records import SaleRecord, operations_of
from ledger_service.checkout.requests import RefundLine
from ledger_service.db.bulk import Row
from ledger_service.db.workset import Need
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.points.set_aside import INTENT


def originals(row: Row) -> list[Need]:
    """The intents of what the sale redeemed and issued."""
    return [INTENT.of(op_id) for op_id in operations_of(row)]


def pieces_of(before: SaleRecord, lines: Sequence[RefundLine]) -> dict[str, int]:
    """Which pieces come back now; all that are left where the request names none.

    Raises:
        UnknownLine: the sale has no such line.
        LineUnitDiffers: pieces of a weighed line, or the reverse.
        RefundExceedsSale: more than is left of a line, or nothing is left at all.
    """
    done = before.returned.pieces
    left = {line.line: line.quantity - done.get(line.line, 0) for line, _ in before.lines}
    units = {line.line: line.unit for line, _ in before.lines}
    if not lines:
        steps = {line: count for line, count in left.items() if count}
        if not steps:
            raise RefundExceedsSale("", 0, 0)
        return steps
    for asked in lines:
        if asked.line not in left:
            raise UnknownLine(asked.line)
        if asked.unit != units[asked.line]:
            raise LineUnitDiffers(asked.line, units[asked.line])
        if asked.quantity > left[asked.line]:
            raise RefundExceedsSale(asked.line, asked.quantity, left[asked.line])
    return {asked.line: asked.quantity for asked in lines}


def end_text(ends_at: int) -> str | None:
    """An end of points (seconds) as text; None for never."""
    return format_instant(instant_of_seconds(ends_at)) if ends_at < NEVER_SECONDS else None
