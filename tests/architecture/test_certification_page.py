"""docs/pos-integration.md lists every case of a certification, certification.md every request of a driver.

``ALLIANCE_WRITE_DOCS=1`` writes the table of cases anew.
"""

from __future__ import annotations

import os
import re

from ledger_service.certify.catalogue import CASES, table
from ledger_service.till.driving import DRIVEN
from tests.architecture.syntax import ROOT

PAGE, PROTOCOL = ROOT / "docs" / "pos-integration.md", ROOT / "docs" / "certification.md"
BEGIN, END = "<!-- cases: begin -->\n", "\n<!-- cases: end -->"


def test_the_table_of_cases_is_what_is_played() -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    shown, _, tail = rest.partition(END)
    if os.environ.get("ALLIANCE_WRITE_DOCS") == "1":
        tail = rest.partition(END.strip())[2]
        PAGE.write_text(f"{head}{BEGIN}{table()}{END}{tail}", encoding="utf-8")
        shown = table()
    assert shown == table(), "run this test with ALLIANCE_WRITE_DOCS=1 and read what changed"


def test_every_case_says_what_a_till_must_do() -> None:
    assert len(CASES) >= 40
    assert [case.name for case in CASES.values() if not case.requirement.endswith(".")] == []


def test_the_protocol_names_every_request_that_a_driver_takes() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", PROTOCOL.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert named == set(DRIVEN)
