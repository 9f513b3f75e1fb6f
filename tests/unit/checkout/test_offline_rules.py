"""When an offline sale counts, which allowance covers it, and how a loss is written off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.checkout.offline.parsing import parse_item
from ledger_service.checkout.offline.rules import (
    Allowance,
    Timing,
    allowance_for,
    latest_of,
    timing_of,
    written_off,
)
from ledger_service.checkout.requests import Line
from ledger_service.kernel.errors import MalformedField

NOW, DAY = 1_800_000_000, 86_400
VERSIONS = [Allowance(1, 1_000, DAY, NOW - 3 * DAY), Allowance(2, 100, DAY, NOW)]


@pytest.mark.parametrize(
    ("age", "timing"),
    [
        (-121, Timing.AHEAD), (-120, Timing.IN_TIME), (0, Timing.IN_TIME), (DAY, Timing.IN_TIME),
        (DAY + 1, Timing.LATE), (7 * DAY, Timing.LATE), (7 * DAY + 1, Timing.TOO_LATE),
    ],
)  # fmt: skip
def test_a_day_counts_whole_a_week_to_earn_and_then_nothing(age: int, timing: Timing) -> None:
    assert timing_of(NOW - age, NOW) is timing


@pytest.mark.parametrize(
    ("claimed", "at", "found"),
    [
        (1, NOW - DAY, 1), (1, NOW + DAY, 1), (1, NOW + DAY + 1, None), (2, NOW, 2), (2, NOW - 120, 2),
        (2, NOW - 121, None), (3, NOW, None), (0, NOW, None), (1, NOW - 4 * DAY, None),
    ],
)  # fmt: skip
def test_a_replaced_allowance_covers_one_more_day_and_none_counts_backwards(
    claimed: int, at: int, found: int | None
) -> None:
    covering = allowance_for(VERSIONS, claimed, at)
    assert (covering.version if covering is not None else None) == found


def test_the_latest_version_is_the_one_in_force() -> None:
    assert latest_of(reversed(VERSIONS)) == VERSIONS[1]
    assert latest_of([]) is None


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), st.data())
def test_a_loss_is_written_off_exactly_and_no_line_below_nothing(
    amounts: list[int], data: st.DataObject
) -> None:
    loss = data.draw(st.integers(0, sum(amounts)))
    lines = [Line(str(n), "FOOD", 1, amount) for n, amount in enumerate(amounts)]
    left = written_off(lines, loss)
    assert sum(line.amount_minor for line in left) == sum(amounts) - loss
    pairs = zip(left, lines, strict=True)
    assert all(0 <= after.amount_minor <= before.amount_minor for after, before in pairs)


def item(**sale: object) -> dict[str, object]:
    line = {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 100}
    body = {"store": "4006381333115", "reference": "r", "currency": "USD", "lines": [line], **sale}
    return {"key": "k", "sold_at": "2026-03-10T12:00:00Z", "sale": body}


CODE = {"pay_code": "AL1:" + "0" * 20}
TAKEN = {"accepted_at": "2026-03-10T12:00:00Z", "signature": "0x" + "00" * 65}


@pytest.mark.parametrize(
    ("sale", "field"),
    [
        ({"member": {"pay_code": "1" * 18}}, "sale.member.pay_code"),
        ({"member": CODE, "spend": [{"programme": "GROC", "points": 1}], "acceptance": TAKEN}, "sale.spend"),
        ({"member": CODE, "spend": {"max_value_minor": 101}, "acceptance": TAKEN}, "sale.spend"),
        ({"member": CODE, "spend": {"max_value_minor": 10}}, "sale.acceptance"),
        ({"member": CODE, "spend": {"max_value_minor": 10},
          "acceptance": {**TAKEN, "accepted_at": "2026-03-10T12:00:01Z"}}, "sale.acceptance.accepted_at"),
    ],
)  # fmt: skip
def test_what_no_till_may_take_alone_is_malformed(sale: dict[str, object], field: str) -> None:
    with pytest.raises(MalformedField) as refused:
        parse_item(item(**sale))
    assert refused.value.field == field


@pytest.mark.parametrize("key", ["", "x" * 65, "a b", "ü", None, 1])
def test_a_key_has_plain_characters(key: object) -> None:
    with pytest.raises(MalformedField):
        parse_item({**item(), "key": key})
