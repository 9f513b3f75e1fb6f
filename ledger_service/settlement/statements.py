"""The statements of a period: its lines by pair of merchants, each committing to the operations behind it."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable

from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.settlement_words import PairLine, Statements
from ledger_service.settlement.errors import NoSuchPair
from ledger_service.settlement.lines_file import row_of
from ledger_service.settlement.netting import Payout

_ROWS_AT_ONCE = 500


class PairSums:
    """Lines of a period by pair of merchants; in memory stand the pairs, not the lines.

    A pair's ``detail`` is the SHA-256 of its rows as ``alliance settle lines`` writes them, without a header
    and without the root, which is the chain's own word: what was published before files had it stays true.
    """

    def __init__(self, period: int) -> None:
        self._period = period
        self._pairs: dict[tuple[int, int], _Pair] = {}

    def add(self, line: ObligationLine) -> None:
        """The line, of two merchants, is in its pair's."""
        pair = (line.debtor, line.creditor)
        found = self._pairs.get(pair)
        if found is None:
            found = self._pairs[pair] = _Pair()
        found.add(line)

    def statements(self) -> Statements:
        """One line for each pair that has any, ascending."""
        found = sorted(self._pairs.items())
        return Statements(tuple(
            PairLine(self._period, *pair, sums.owed_micros, sums.digest()) for pair, sums in found
        ))  # fmt: skip


def statements_of(period: int, lines: Iterable[ObligationLine]) -> Statements:
    """The statements of a period, from all its lines between merchants."""
    pairs = PairSums(period)
    for line in lines:
        pairs.add(line)
    return pairs.statements()


def pair_of(statements: Statements, period: int, debtor: int, creditor: int) -> PairLine:
    """What one owes the other.

    Raises:
        NoSuchPair: there is no such line.
    """
    for line in statements.lines:
        if (line.debtor, line.creditor) == (debtor, creditor):
            return line
    raise NoSuchPair(period, gln_text(debtor), gln_text(creditor))


def payout_word(payout: Payout, places: dict[int, int]) -> int:
    """A payout as the SettlementDesk reads it: payer's place, payee's place, minor units."""
    return places[payout.payer] << 72 | places[payout.payee] << 64 | payout.minor


class _Pair:
    """Adds up what is owed, and hashes rows of CSV as they come, a few hundred at once."""

    def __init__(self) -> None:
        self.owed_micros = 0
        self._hash, self._text, self._waiting = hashlib.sha256(), io.StringIO(newline=""), 0
        self._writer = csv.writer(self._text)

    def add(self, line: ObligationLine) -> None:
        self.owed_micros += line.owed_micros
        self._writer.writerow(row_of(line)[:-1])
        self._waiting += 1
        if self._waiting == _ROWS_AT_ONCE:
            self._flush()

    def digest(self) -> bytes:
        self._flush()
        return self._hash.digest()

    def _flush(self) -> None:
        self._hash.update(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()
        self._waiting = 0
