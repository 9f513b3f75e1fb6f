"""The liability report as a table: every figure a row of programme, table, row, figure and value; pure."""

from __future__ import annotations

import csv
import io
from typing import Any

from ledger_service.kernel.csv_cells import text_row


def rows_of(told: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Every figure of a report (``document_of``) as one row: table, row, figure, value."""
    rows = [("total", told["as_of"], "outstanding", str(told["outstanding"]))]
    rows += [("tie", told["as_of"], name, str(value)) for name, value in told["tie"].items()]
    for table in ("by_age_months", "by_end", "expired"):
        rows += [(table, name, "points", str(value)) for name, value in told[table].items()]
    for table, key in (("cohorts", "issued_in"), ("backtest", "month"), ("revenue", "month")):
        for line in told[table]:
            rows += [(table, line[key], *figure) for figure in _figures(line, key)]
    return rows


def csv_of(told: dict[str, Any]) -> str:
    """The rows as CSV, with a header and the programme before each."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("programme", "table", "row", "figure", "value"))
    writer.writerows(text_row((told["programme"], *row)) for row in rows_of(told))
    return text.getvalue()


def _figures(line: dict[str, Any], key: str) -> list[tuple[str, str]]:
    found = []
    for name, value in line.items():
        if isinstance(value, list):
            found += [(f"{name}_{age}", str(points)) for age, points in enumerate(value)]
        elif name != key:
            found.append((name, "" if value is None else str(value)))
    return found
