"""Pure rules of a day's close: totals, differences, and which line has no match."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.checkout.days.rules import (
    Booked,
    Line,
    Operation,
    Total,
    Unmatched,
    by_cashier,
    differences,
    gaps,
    totals_of,
)

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
AMOUNTS = st.integers(0, 3)
REFERENCES = st.sampled_from(["a", "b"])
KINDS = st.sampled_from([Operation.SALE, Operation.REFUND])


def booked(
    reference: str, amount: int, kind: Operation = Operation.SALE, number: int = 0, **more: str
) -> Booked:
    tenders = {"cash": amount}
    op_id = number.to_bytes(16, "big")
    return Booked(
        op_id, kind, reference, amount, tenders, more.get("terminal", "t1"), more.get("cashier"), AT
    )


def test_totals_are_by_type_and_tender() -> None:
    ours = [booked("a", 10), booked("b", 5), booked("c", 4, Operation.REFUND), booked("d", 0, Operation.VOID)]
    assert totals_of(ours) == {
        "sale": Total(2, 15, {"cash": 15}), "refund": Total(1, 4, {"cash": 4}), "void": Total(1, 0, {}),
    }  # fmt: skip


def test_tenders_count_only_where_the_till_names_them() -> None:
    ledger = {"sale": Total(1, 10, {"cash": 4, "card": 6})}
    assert differences({"sale": Total(1, 10)}, ledger) == []
    assert differences({"sale": Total(1, 10, {"cash": 4, "card": 6})}, ledger) == []
    found = differences({"sale": Total(1, 10, {"cash": 10})}, ledger)
    assert [(d.tender, d.till, d.ledger) for d in found] == [("cash", 10, 4), ("card", 0, 6)]
    assert [d.operation for d in differences({}, ledger)] == ["sale", "sale"]
    assert [d.operation for d in differences({"void": Total(2, 0)}, {})] == ["void"]


def test_a_reference_that_stands_twice_is_matched_by_amount() -> None:
    ours = [booked("r", 10, number=1), booked("r", 20, number=2), booked("r", 30, number=3)]
    theirs = [Line("sale", "r", 20), Line("sale", "r", 11)]
    found = [(g.reason, g.till_minor, g.ledger_minor) for g in gaps(ours, theirs)]
    assert found == [(Unmatched.OTHER_AMOUNT, 11, 10), (Unmatched.NOT_AT_TILL, None, 30)]


@given(
    st.lists(st.tuples(KINDS, REFERENCES, AMOUNTS), max_size=8),
    st.lists(st.tuples(KINDS, REFERENCES, AMOUNTS), max_size=8),
)
def test_what_is_matched_and_what_is_not_is_all_there_is(
    ours: list[tuple[Operation, str, int]], theirs: list[tuple[Operation, str, int]]
) -> None:
    mine = [booked(reference, amount, kind, n) for n, (kind, reference, amount) in enumerate(ours)]
    found = gaps(mine, [Line(*line) for line in theirs])
    for side, total in (("ledger_minor", Counter(ours)), ("till_minor", Counter(theirs))):
        alone = Counter(
            (Operation(g.operation), g.reference, getattr(g, side))
            for g in found
            if getattr(g, side) is not None
        )
        assert total - (Counter(ours) & Counter(theirs)) == alone
    assert all(g.till_minor != g.ledger_minor for g in found)
    assert not found or ours != theirs


def test_cashiers_are_told_apart_by_terminal() -> None:
    ours = [booked("a", 1, cashier="7"), booked("b", 2, cashier="7", terminal="t2"), booked("c", 4)]
    assert [(t, c, totals["sale"].amount_minor) for t, c, totals in by_cashier(ours)] == [
        ("t1", "", 4), ("t1", "7", 1), ("t2", "7", 2),
    ]  # fmt: skip
