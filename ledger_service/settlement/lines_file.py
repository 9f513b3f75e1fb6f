"""The lines of a period as CSV, written and read one by one, and two such streams held against each other."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.operations import Kind
from ledger_service.settlement.errors import LinesMalformed

COLUMNS = (
    "batch", "position", "leg", "operation", "kind", "programme", "terms_version", "points",
    "debtor", "creditor", "value_micros", "fee_micros", "owed_micros", "root",
)  # fmt: skip
_KINDS = {"redeem": Kind.REDEEM, "restore": Kind.RESTORE, "convert": Kind.CONVERT}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_NO_FIGURES = ("kind", "operation", "root")
_MOST_DIGITS = 40


@dataclass(frozen=True, slots=True)
class LineDifference:
    """A line that only one of two tells, or that they tell differently; ``stated`` is the paper's word."""

    place: tuple[int, int, int]
    stated: ObligationLine | None
    recomputed: ObligationLine | None

    @property
    def what(self) -> str:
        """``missing`` from the paper, ``unknown`` to the chain, or ``altered``."""
        if self.stated is None:
            return "missing"
        return "unknown" if self.recomputed is None else "altered"


def write_lines(file: TextIO, lines: Iterable[ObligationLine]) -> int:
    """A header and one row a line; returns how many lines that were."""
    writer, count = csv.writer(file), 0
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow(row_of(line))
        count += 1
    return count


def write_each(lines: Iterable[ObligationLine], stack: ExitStack, folder: Path) -> dict[str, int]:
    """A file ``GLN.csv`` for each merchant of the lines, as ``write_lines`` writes it.

    Args:
        lines: one after the other; no more than one is in memory.
        stack: closes the files.
        folder: where they are made.

    Returns:
        how many lines each holds, by GLN.
    """
    writers: dict[int, Any] = {}
    counts: Counter[int] = Counter()
    for line in lines:
        row = row_of(line)
        for merchant in (line.debtor, line.creditor):
            if merchant not in writers:
                path = folder / f"{gln_text(merchant)}.csv"
                file = stack.enter_context(path.open("x", encoding="utf-8", newline=""))
                writers[merchant] = csv.writer(file)
                writers[merchant].writerow(COLUMNS)
            writers[merchant].writerow(row)
            counts[merchant] += 1
    return {gln_text(merchant): counts[merchant] for merchant in sorted(counts)}


def row_of(line: ObligationLine) -> tuple[int | str, ...]:
    """The line's fields in the order of ``COLUMNS``."""
    return (
        *line.place, line.op_id.hex(), _NAMES[line.kind], line.programme, line.terms_version, line.points,
        f"{line.debtor:013}", f"{line.creditor:013}", line.value_micros, line.fee_micros, line.owed_micros,
        line.root.hex(),
    )  # fmt: skip


def read_lines(file: TextIO) -> Iterator[ObligationLine]:
    """The lines of a file that ``write_lines`` could have written.

    Raises:
        LinesMalformed: another header, a field that is none, an amount that does not add up, or a line that
            does not come after the one before it.
    """
    rows = csv.reader(file)
    if tuple(next(rows, ())) != COLUMNS:
        raise LinesMalformed(1, "the header is not that of a statement's lines")
    before: tuple[int, int, int] = (-1, 0, 0)
    for row in rows:
        line = _line_of(row, rows.line_num)
        if line.place <= before:
            raise LinesMalformed(rows.line_num, "does not come after the line before it")
        before = line.place
        yield line


def _line_of(row: list[str], number: int) -> ObligationLine:
    if len(row) != len(COLUMNS):
        raise LinesMalformed(number, f"has {len(row)} fields, not {len(COLUMNS)}")
    told = dict(zip(COLUMNS, row, strict=True))
    if told["kind"] not in _KINDS or len(told["operation"]) != 32 or len(told["root"]) != 64:
        raise LinesMalformed(number, "names no kind, no operation or no root")
    try:
        op_id, root = bytes.fromhex(told["operation"]), bytes.fromhex(told["root"])
        figures = {name: _int(told[name]) for name in COLUMNS if name not in _NO_FIGURES}
    except ValueError as failure:
        raise LinesMalformed(number, "holds a field that is no number") from failure
    owed = figures.pop("owed_micros")
    line = ObligationLine(op_id=op_id, kind=_KINDS[told["kind"]], root=root, **figures)
    if line.owed_micros != owed:
        raise LinesMalformed(number, "owes another amount than its value less its fee")
    return line


def _int(text: str) -> int:
    if len(text) > _MOST_DIGITS or not text.isascii():
        raise ValueError(text)
    return int(text)


def differences(
    stated: Iterable[ObligationLine], recomputed: Iterable[ObligationLine]
) -> Iterator[LineDifference]:
    """Where two streams of ascending lines differ."""
    ours, theirs = iter(stated), iter(recomputed)
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        place = min(line.place for line in (one, other) if line is not None)
        here = one if one is not None and one.place == place else None
        there = other if other is not None and other.place == place else None
        if here != there:
            yield LineDifference(place, here, there)
        one = one if here is None else next(ours, None)
        other = other if there is None else next(theirs, None)
