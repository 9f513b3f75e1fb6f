"""Every case of a certification, in the order in which they are played."""

from __future__ import annotations

from ledger_service.certify.cases import Case
from ledger_service.certify.cases_alone import ALONE
from ledger_service.certify.cases_clock import CLOCK
from ledger_service.certify.cases_counter import COUNTER
from ledger_service.certify.cases_lost import LOST
from ledger_service.certify.cases_payments import PAYMENTS
from ledger_service.certify.cases_refunds import REFUNDS
from ledger_service.certify.cases_selling import SELLING

GROUPS: dict[str, list[Case]] = {
    "selling": SELLING, "lost answers": LOST, "refunds": REFUNDS, "alone": ALONE, "clocks": CLOCK,
    "counter": COUNTER, "other payments": PAYMENTS,
}  # fmt: skip
CASES = {case.name: case for group in GROUPS.values() for case in group}


def table() -> str:
    """The cases as docs/certification.md shows them."""
    rows = ["| case | what a till must do | group |", "| --- | --- | --- |"]
    for group, cases in GROUPS.items():
        rows += [f"| `{case.name}` | {case.requirement} | {group} |" for case in cases]
    return "\n".join(rows)
