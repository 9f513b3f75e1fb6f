"""The statements of a period: its lines by pair of merchants, each committing to the operations behind it."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable

from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.settlement_words import PairLine, Statements
from ledger_service.settlement.errors import NoSuchPair
from ledger_service.settlement.lines_file import row_of
from ledger_service.settlement.netting import Payout

_ROWS_AT_ONCE = 500


def statements_of(period: int, lines: Iterable[ObligationLine]) -> Statements:
    """One line for each pair that has any, ascending; in memory stand the pairs, not the lines.

    A pair's ``detail`` is the SHA-256 of its rows as ``alliance settle lines`` writes them, without a header.
    """
    owed: Counter[tuple[int, int]] = Counter()
    details: dict[tuple[int, int], _Detail] = {}
    for line in lines:
        pair = (line.debtor, line.creditor)
        owed[pair] += line.owed_micros
        details.setdefault(pair, _Detail()).add(line)
    return Statements(
        tuple(PairLine(period, *pair, owed[pair], details[pair].digest()) for pair in sorted(owed))
    )


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


class _Detail:
    """Hashes rows of CSV as they come, a few hundred at once."""

    def __init__(self) -> None:
        self._hash, self._text, self._waiting = hashlib.sha256(), io.StringIO(newline=""), 0
        self._writer = csv.writer(self._text)

    def add(self, line: ObligationLine) -> None:
        self._writer.writerow(row_of(line))
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
