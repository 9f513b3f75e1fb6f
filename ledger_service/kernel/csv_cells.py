"""Cells of CSV files that people open: a name that a spreadsheet would compute stays a name.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, also one from a file,
and names come from strangers. Such a text gets an apostrophe in front, which spreadsheets take as "this is
text" (OWASP, CSV Injection). Numbers stay as they are: a debt is ``-5``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# A tab or a line break in front is stripped by some of them, and the formula behind it computed; the
# full-width forms are what a Chinese keyboard writes, and some take them for the others.
_COMPUTED = tuple("=+-@\t\r\n＝＋－＠")
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


def text_cell(cell: object) -> object:
    """The cell as it may stand in such a file; whatever is no text stays."""
    if not isinstance(cell, str) or not cell.startswith(_COMPUTED) or _NUMBER.fullmatch(cell):
        return cell
    return "'" + cell


def text_row(row: Iterable[object]) -> list[object]:
    """Every cell of the row."""
    return [text_cell(cell) for cell in row]
