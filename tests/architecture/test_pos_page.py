"""docs/pos-integration.md says of every field of every operation at the till what the API does.

``ALLIANCE_WRITE_DOCS=1`` writes its table anew.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from ledger_service.checkout.offline.parsing import parse_item
from ledger_service.kernel.errors import MalformedField
from tests.architecture.pos_fields import (
    CODES,
    NEEDS_SERVICE,
    OFFLINE,
    OPERATIONS,
    codes_of,
    document,
    fields_of,
    operations,
    table,
)
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
    holding = ("quote", "sale", "authorise", "capture", "exchange", OFFLINE)
    assert fields["tenders"].stands == dict.fromkeys(holding, "o")
    assert fields["sales[].sold_at"].stands == {OFFLINE: "R"}
    assert (fields["lines"].stands[OFFLINE], fields["cashier"].stands["attach-sale"]) == ("R", "R")
    assert fields["lines[].quantity"].stands["refund"] == "o"
    assert "9,000,000,000" in fields["lines[].amount_minor"].limits


def test_what_a_till_that_sold_alone_must_not_name_is_refused() -> None:
    sale = {"store": "4006381333115", "currency": "USD", "reference": "r",
            "lines": [{"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 100}]}  # fmt: skip
    points = [{"type": "points", "amount_minor": 100, "programme": "GROC", "points": 100}]
    card = {"card": "912345"}
    wrong: dict[str, dict[str, Any]] = {
        "member.pin": {"member": {**card, "pin": "2580"}},
        "member.code": {"member": {**card, "code": "12345678"}},
        "spend": {"member": {**card, "pin": "2580"}, "spend": [{"programme": "GROC", "points": 1}]},
        "tenders": {"member": card, "tenders": points},
    }  # fmt: skip
    assert {path.split("[")[0] for path in NEEDS_SERVICE} == set(wrong)
    parse_item({"key": "k", "sold_at": "2026-03-10T12:00:00Z", "sale": {**sale, "member": card}})
    for more in wrong.values():
        with pytest.raises(MalformedField):
            parse_item({"key": "k", "sold_at": "2026-03-10T12:00:00Z", "sale": {**sale, **more}})


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
