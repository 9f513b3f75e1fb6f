"""What the operations of a closed period come to, added up some at a time: sums in memory, no lines."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeVar

from sqlalchemy import Connection

from ledger_service.chain.period_figures import Movements, movements
from ledger_service.chain.period_lines import period_lines
from ledger_service.chain.told import ToldOperation
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.settlement_words import Statements
from ledger_service.settlement.papers.figures import LegSum, LegSums
from ledger_service.settlement.statements import PairSums

_One = TypeVar("_One", ObligationLine, ToldOperation)


class PeriodSums:
    """Reads a period's lines, then its other operations, each once; a million of either in one go or in many.

    Each time may be another snapshot: what is mined of a closed period stays, and comes back in chain order.
    """

    def __init__(self, period: int) -> None:
        self.period = period
        self._legs, self._pairs, self._moved = LegSums(), PairSums(period), Movements()
        # The batch to go on with; None where all are read.
        self._line: int | None = 0
        self._other: int | None = 0

    def read(self, conn: Connection, most: int = sys.maxsize) -> bool:
        """About so many more are in the sums, in whole batches; whether these were the last."""
        left = most
        if self._line is not None:
            lines = period_lines(conn, self.period, self._line, own=True)
            self._line, read = _take(lines, self._add, left)
            left -= read
        if self._line is None and self._other is not None and left > 0:
            others = movements(conn, self.period, self._other)
            self._other, _ = _take(others, self._moved.add, left)
        return self._other is None

    def legs(self) -> list[LegSum]:
        """The sums of the lines, own ones too."""
        return self._legs.all()

    def statements(self) -> Statements:
        """What each pair owes, with the hash of its lines."""
        return self._pairs.statements()

    def moved(self) -> Movements:
        """What the period did to programmes, with what the lines took and gave back."""
        taken = Counter[int]()
        for leg in self.legs():
            taken[leg.programme] += leg.points
        return self._moved.less(taken)

    def _add(self, line: ObligationLine) -> None:
        self._legs.add(line)
        if line.debtor != line.creditor:
            self._pairs.add(line)


def _take(
    source: Generator[_One, None, None], add: Callable[[_One], None], most: int
) -> tuple[int | None, int]:
    """The batch before which it stopped, None at the end; and how many were added."""
    count, batch = 0, -1
    with closing(source):
        for one in source:
            if count >= most and one.batch != batch:
                return one.batch, count
            add(one)
            batch, count = one.batch, count + 1
    return None, count
