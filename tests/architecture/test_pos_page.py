"""docs/pos-integration.md says of every field of every operation at the till what the API does.

``ALLIANCE_WRITE_DOCS=1`` writes its table anew.
"""

from __future__ import annotations

import os

from tests.architecture.pos_fields import CODES, OPERATIONS, codes_of, document, fields_of, operations, table
from tests.architecture.syntax import ROOT

PAGE = ROOT / "docs" / "pos-integration.md"
BEGIN, END = "<!-- fields: begin -->\n", "\n<!-- fields: end -->"


def test_the_table_of_fields_is_what_the_api_takes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    shown, _, tail = rest.partition(END)
    fresh = table(document())
    if os.environ.get("ALLIANCE_WRITE_DOCS") == "1":
        PAGE.write_text(f"{head}{BEGIN}{fresh}{END}{tail}", encoding="utf-8")
        shown = fresh
    assert shown == fresh, "run this test with ALLIANCE_WRITE_DOCS=1 and read what changed"


def test_the_table_knows_what_a_till_must_send() -> None:
    fields = fields_of(document())
    assert fields["lines[].amount_minor"].stands["sale"] == "R"
    assert fields["tenders"].stands == dict.fromkeys(
        ("quote", "sale", "authorise", "capture", "exchange"), "o"
    )
    assert fields["lines[].quantity"].stands["refund"] == "o"
    assert "9,000,000,000" in fields["lines[].amount_minor"].limits


def test_every_code_beside_a_field_is_one_that_an_operation_with_the_field_refuses_with() -> None:
    doc = document()
    fields, known = fields_of(doc), operations(doc)
    assert set(CODES) <= set(fields)
    for path, codes in CODES.items():
        refused = set().union(*(codes_of(known[name]) for name in fields[path].stands))
        assert set(codes) <= refused, f"{path}: {set(codes) - refused}"


def test_every_operation_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [name for name in OPERATIONS if f"`{name}`" not in text]
    assert not missing
