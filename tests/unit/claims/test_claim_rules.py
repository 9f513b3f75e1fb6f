"""What makes a receipt one, when a claim is too late, and what a match says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import pytest

from ledger_service.claims.errors import ClaimTooLate
from ledger_service.claims.ports import Receipt
from ledger_service.claims.rules import ClaimPolicy, check_day, match_of, receipt_key, shown_state
from ledger_service.kernel.errors import MalformedField

RECEIPT = Receipt(1, 2, "Asia/Taipei", date(2026, 3, 1), "A 17-b", 500)


@dataclass(frozen=True)
class Found:
    sale_id: bytes = b"s" * 16
    has_member: bool = False
    total_minor: int = 500
    returned: bool = False
    points: dict[int, int] = field(default_factory=lambda: {1: 5})


def test_a_receipt_is_one_however_its_reference_is_written_and_another_with_any_other_fact() -> None:
    assert receipt_key(RECEIPT) == receipt_key(replace(RECEIPT, reference=" a17-B", code="x"))
    others = (
        replace(RECEIPT, merchant_id=3), replace(RECEIPT, store_gln=3), replace(RECEIPT, amount_minor=501),
        replace(RECEIPT, sold_on=date(2026, 3, 2)), replace(RECEIPT, reference="A17"),
    )  # fmt: skip
    assert len({receipt_key(r) for r in (RECEIPT, *others)}) == 6


def test_the_days_are_those_of_the_stores_clock() -> None:
    policy = ClaimPolicy(claim_days=10)
    check_day(date(2026, 3, 1), "Asia/Taipei", policy, datetime(2026, 3, 11, 15, 59, tzinfo=UTC))
    with pytest.raises(ClaimTooLate):
        check_day(date(2026, 3, 1), "Asia/Taipei", policy, datetime(2026, 3, 11, 16, 0, tzinfo=UTC))
    with pytest.raises(MalformedField):
        check_day(date(2026, 3, 2), "Asia/Taipei", policy, datetime(2026, 3, 1, 15, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("found", "claimed", "state", "reason"),
    [
        ([], False, "open", "not-found"),
        ([Found(), Found(b"t" * 16)], False, "open", None),
        ([Found(has_member=True)], True, "refused", "has-member"),
        ([Found()], True, "refused", "already-claimed"),
        ([Found(total_minor=501)], False, "open", "amount-differs"),
        ([Found(returned=True)], False, "open", "returned"),
        ([Found()], False, "matched", None),
    ],
)
def test_what_one_sale_none_or_several_say(
    found: list[Found], claimed: bool, state: str, reason: str | None
) -> None:
    match = match_of(found, RECEIPT, claimed=claimed)
    assert (match.state, match.reason) == (state, reason)


def test_a_claim_is_granted_by_its_adjustment_and_open_again_without_it() -> None:
    shown = [shown_state("asked", decided, escalated=False) for decided in ("asked", "approved", "declined")]
    assert shown == ["asked", "granted", "open"]
    assert shown_state("matched", None, escalated=True) == "escalated"
    assert shown_state("refused", None, escalated=True) == "refused"
